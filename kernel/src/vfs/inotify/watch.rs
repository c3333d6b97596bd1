//! The table of all inotify watches, by file (fs/notify/mark.c).
//!
//! A watch keeps its inode in memory, but not its names: when the last name is removed and the last
//! open file closed, the watches end.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::ops::Bound::{Excluded, Included, Unbounded};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};

use linux_raw_sys::general::{
    IN_ALL_EVENTS, IN_DELETE_SELF, IN_EXCL_UNLINK, IN_ISDIR, IN_MOVE_SELF, IN_ONESHOT, IN_UNMOUNT,
};

use super::Inotify;
use super::queue::Queued;
use crate::abi::metadata::Device;
use crate::sched::preempt::{self, Stride};
use crate::sync::{Mutex, rank};
use crate::vfs::inode::Inode;
use crate::vfs::notify::Name;

/// Address of the inode, and number of the instance.
pub type Key = (usize, u64);

/// Number of watches, read at every use of a file.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static WATCHES: Mutex<BTreeMap<Key, Arc<Watch>>, rank::Watches> = Mutex::new(BTreeMap::new());

/// Whether any file is watched.
#[inline(always)]
pub fn is_on() -> bool {
    COUNT.load(Relaxed) != 0
}

/// A new cookie, which connects the two events of a rename.
pub fn next_cookie() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// An event, before it is matched with watches.
pub struct Event {
    /// `IN_*` bits, including IN_ISDIR.
    pub events: u32,
    /// Cookie of a rename; 0 for other events.
    pub cookie: u32,
    /// Name of the watched directory's entry concerned; `None` for the watched file itself.
    pub name: Option<Name>,
    /// Caused through a name that is removed (IN_EXCL_UNLINK).
    pub is_unlinked: bool,
}

/// A watch on a file.
pub struct Watch {
    /// Watch descriptor.
    pub wd: i32,
    /// The watched file.
    pub inode: Arc<dyn Inode>,
    /// The file's file system.
    device: Device,
    instance: Weak<Inotify>,
    key: Key,
    /// Requested events, IN_EXCL_UNLINK, IN_ONESHOT.
    mask: AtomicU32,
    is_gone: AtomicBool,
}

/// Bits of inotify_add_watch(2)'s mask stored in a watch.
const KEPT: u32 = IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT;

/// The key of `inode` in an instance.
pub fn key(inode: &Arc<dyn Inode>, instance: u64) -> Key {
    (Arc::as_ptr(inode).addr(), instance)
}

/// The watch with this key.
pub fn find(key: Key) -> Option<Arc<Watch>> {
    WATCHES.lock().get(&key).cloned()
}

impl Watch {
    /// Creates a watch and adds it to the table; the caller has reserved the memory.
    pub fn new(wd: i32, inode: Arc<dyn Inode>, instance: &Inotify, mask: u32) -> Arc<Self> {
        let watch = Arc::new(Self {
            wd,
            key: key(&inode, instance.id),
            device: inode.metadata().dev,
            inode,
            instance: instance.me.clone(),
            mask: AtomicU32::new(mask & KEPT),
            is_gone: AtomicBool::new(false),
        });
        WATCHES.lock().insert(watch.key, watch.clone());
        COUNT.fetch_add(1, Relaxed);
        watch
    }

    /// The requested events and flags.
    pub fn mask(&self) -> u32 {
        self.mask.load(Relaxed)
    }

    /// Replaces the requested events or, with `adds`, adds to them.
    pub fn set_mask(&self, mask: u32, adds: bool) {
        let old = if adds { self.mask() } else { 0 };
        self.mask.store(old | mask & KEPT, Relaxed);
    }

    /// Removes the watch from the table; false if it is removed already.
    pub fn leave(&self) -> bool {
        if self.is_gone.swap(true, Relaxed) {
            return false;
        }
        let watch = WATCHES.lock().remove(&self.key);
        COUNT.fetch_sub(1, Relaxed);
        // May drop the file, with no lock held.
        drop(watch);
        true
    }

    fn notify(self: &Arc<Self>, event: &Event) {
        let mask = self.mask();
        if (mask | IN_UNMOUNT) & event.events & !IN_ISDIR == 0
            || event.is_unlinked && mask & IN_EXCL_UNLINK != 0
            || self.is_gone.load(Relaxed)
        {
            return;
        }
        let Some(instance) = self.instance.upgrade() else {
            return;
        };
        // Linux reports these without IN_ISDIR.
        let hidden = if event.events & (IN_DELETE_SELF | IN_MOVE_SELF) != 0 {
            IN_ISDIR
        } else {
            0
        };
        instance.queue(Queued {
            wd: self.wd,
            events: event.events & !hidden,
            cookie: event.cookie,
            name: event.name.clone(),
        });
        if mask & IN_ONESHOT != 0 {
            instance.forget(self);
        }
    }

    fn end(self: &Arc<Self>) {
        if let Some(instance) = self.instance.upgrade() {
            instance.forget(self);
        }
    }
}

/// Calls `f` with each watch of `inode`.
fn for_each(inode: &Arc<dyn Inode>, mut f: impl FnMut(&Arc<Watch>)) {
    let (first, last) = (key(inode, 0), key(inode, u64::MAX));
    let mut from = Included(first);
    loop {
        let watch = {
            let watches = WATCHES.lock();
            let next = watches.range((from, Included(last))).next();
            next.map(|(_, watch)| watch.clone())
        };
        let Some(watch) = watch else { return };
        from = Excluded(watch.key);
        f(&watch);
    }
}

/// Queues an event at every watch of `inode`.
pub fn tell(inode: &Arc<dyn Inode>, event: &Event) {
    for_each(inode, |watch| watch.notify(event));
}

/// Removes all watches of `inode`, a file that is gone.
pub fn end_of(inode: &Arc<dyn Inode>) {
    for_each(inode, Watch::end);
}

/// Removes all watches in an unmounted file system, after a call of `tell` for each watched file.
pub fn end_on(device: Device, tell: impl Fn(&Arc<dyn Inode>)) {
    /// Weight of a watch between two points, in bytes copied.
    const ENDING: usize = 2048;
    let mut after = Unbounded;
    let mut stride = Stride::default();
    loop {
        let watch = {
            let watches = WATCHES.lock();
            let mut rest = watches.range((after, Unbounded));
            let next = rest.find(|(_, watch)| watch.device == device);
            next.map(|(_, watch)| watch.clone())
        };
        let Some(watch) = watch else { return };
        after = Excluded((watch.key.0, u64::MAX));
        tell(&watch.inode);
        end_of(&watch.inode);
        if stride.passes(ENDING) {
            preempt::point();
        }
    }
}
