//! Who watches which file: all watches of the machine, by file (fs/notify/mark.c).
//!
//! A watch keeps its file in memory, but not its names: a file that has none left and that nothing has open
//! goes, and its watches with it.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::ops::Bound::{Excluded, Included, Unbounded};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};

use linux_raw_sys::general::{
    IN_ALL_EVENTS, IN_DELETE_SELF, IN_EXCL_UNLINK, IN_ISDIR, IN_MOVE_SELF, IN_ONESHOT, IN_UNMOUNT,
};

use super::Inotify;
use super::queue::Queued;
use crate::fs::inode::{Device, Inode};
use crate::fs::notify::Name;
use crate::sync::{Mutex, rank};

/// The file's address, and the number of the instance.
pub type Key = (usize, u64);

/// How many watches there are. Read whenever a file is used.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static WATCHES: Mutex<BTreeMap<Key, Arc<Watch>>, rank::Watches> = Mutex::new(BTreeMap::new());

/// Whether any file is watched.
#[inline(always)]
pub fn is_on() -> bool {
    COUNT.load(Relaxed) != 0
}

/// A number that joins the two halves of a move.
pub fn next_cookie() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// What happened, before it is known who is told.
pub struct Event {
    /// `IN_*`, with IN_ISDIR.
    pub events: u32,
    /// Joins the two halves of a move; 0: it is none.
    pub cookie: u32,
    /// Which of the watched directory's files it is about; `None`: about the watched file.
    pub name: Option<Name>,
    /// By a name that was taken away.
    pub is_unlinked: bool,
}

/// A watch.
pub struct Watch {
    /// Its number in the instance.
    pub wd: i32,
    /// The file.
    pub inode: Arc<dyn Inode>,
    /// The file system that it is in.
    device: Device,
    instance: Weak<Inotify>,
    key: Key,
    /// The events asked for, IN_EXCL_UNLINK, IN_ONESHOT.
    mask: AtomicU32,
    is_gone: AtomicBool,
}

/// What of inotify_add_watch(2)'s mask a watch keeps.
const KEPT: u32 = IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT;

/// The key of a file in an instance.
pub fn key(inode: &Arc<dyn Inode>, instance: u64) -> Key {
    (Arc::as_ptr(inode).addr(), instance)
}

/// The watch that an instance has of a file.
pub fn find(key: Key) -> Option<Arc<Watch>> {
    WATCHES.lock().get(&key).cloned()
}

impl Watch {
    /// Makes it and enters it; the caller has memory for that.
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

    /// What it asks for.
    pub fn mask(&self) -> u32 {
        self.mask.load(Relaxed)
    }

    /// Asks for something else, or with `adds` for more.
    pub fn set_mask(&self, mask: u32, adds: bool) {
        let old = if adds { self.mask() } else { 0 };
        self.mask.store(old | mask & KEPT, Relaxed);
    }

    /// Takes it out of the table. False if it was already.
    pub fn leave(&self) -> bool {
        if self.is_gone.swap(true, Relaxed) {
            return false;
        }
        let watch = WATCHES.lock().remove(&self.key);
        COUNT.fetch_sub(1, Relaxed);
        // With it the file may go, which must find nothing locked.
        drop(watch);
        true
    }

    fn tell(self: &Arc<Self>, event: &Event) {
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
        // Linux never said so of these.
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

/// Calls `f` with each watch of a file.
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

/// Tells those who watch the file.
pub fn tell(inode: &Arc<dyn Inode>, event: &Event) {
    for_each(inode, |watch| watch.tell(event));
}

/// The file is gone: its watches end.
pub fn end_of(inode: &Arc<dyn Inode>) {
    for_each(inode, Watch::end);
}

/// The file system with this number is gone: each of its files is told by `tell`, and its watches end.
pub fn end_on(device: Device, tell: impl Fn(&Arc<dyn Inode>)) {
    let mut after = Unbounded;
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
    }
}
