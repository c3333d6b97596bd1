//! inotify(7): watches on files, and the events read from an instance.
//!
//! An [`Inotify`] is an instance: its watches by watch descriptor, and its queue of events
//! (`queue.rs`). Events reach it from `vfs/notify.rs` through the watches of a file (`watch.rs`).
//! `limits.rs` has the limits per user.
//!
//! Left out: SIGIO, which no file sends here.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::any::Any;
use core::ops::Bound::{Excluded, Unbounded};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use linux_raw_sys::general::{IN_IGNORED, IN_MASK_ADD, IN_MASK_CREATE};
use linux_raw_sys::ioctl::FIONREAD;

use super::anon;
use super::file::{File, flags};
use super::inode::{FileOps, Inode};
use super::io::Out;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::Device;
use crate::abi::ready::Ready;
use crate::mm::fallible::{Text, put};
use crate::mm::{frame, reserve};
use crate::sched::preempt::{self, Stride};
use crate::sched::wait::{WaitQueue, is_interrupted};
use crate::sync::{Mutex, rank};
use crate::usercopy::UserPtr;

pub mod limits;
mod queue;
pub mod watch;

use queue::{LONGEST, Queue, Queued};
use watch::Watch;

/// INOTIFY_IOC_SETNEXTWD: sets the next watch descriptor (include/uapi/linux/inotify.h).
const SET_NEXT: u32 = 0x4004_4900;

/// An inotify instance.
pub struct Inotify {
    me: Weak<Inotify>,
    /// Number of the instance in the table of watches.
    id: u64,
    /// User ID charged for the instance.
    user: u32,
    watches: Mutex<Watches, rank::InotifyWatches>,
    queue: Mutex<Queue, rank::InotifyQueue>,
    filled: WaitQueue,
}

/// Watches by watch descriptor.
struct Watches {
    by_number: BTreeMap<i32, Arc<Watch>>,
    /// Candidate for the next watch descriptor: freed ones are not reused soon.
    next: i32,
}

/// Creates an instance of `user`, with `flags` of inotify_init1(2).
///
/// # Errors
/// `EMFILE` at the user's limit, `ENOMEM`.
pub fn new(flags: u32, user: u32) -> Result<Arc<File>, Errno> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    if frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    limits::take_instance(user)?;
    let most = limits::MAX_QUEUED.load(Relaxed) as usize;
    let ops = Arc::new_cyclic(|me| Inotify {
        me: me.clone(),
        id: NEXT.fetch_add(1, Relaxed),
        user,
        watches: Mutex::new(Watches {
            by_number: BTreeMap::new(),
            next: 1,
        }),
        queue: Mutex::new(Queue::new(most)),
        filled: WaitQueue::new(),
    });
    let status = flags & flags::O_NONBLOCK;
    anon::named("inotify", ops, flags::O_RDONLY | status)
}

/// The instance behind an open file.
///
/// # Errors
/// `EINVAL` for another kind of file.
pub fn of(file: &File) -> Result<&Inotify, Errno> {
    let ops: &dyn Any = &**file.ops();
    ops.downcast_ref().ok_or(Errno::EINVAL)
}

impl Watches {
    /// The first free watch descriptor from `next` on, else from 1 on.
    fn free(&self) -> Option<i32> {
        let from = |start: i32| {
            let mut free = start;
            for &taken in self.by_number.range(start..).map(|(wd, _)| wd) {
                if taken != free {
                    break;
                }
                free = free.checked_add(1)?;
            }
            Some(free)
        };
        from(self.next).or_else(|| from(1))
    }
}

impl Inotify {
    /// Watches `inode` for the events in `mask` of inotify_add_watch(2); returns the watch
    /// descriptor.
    ///
    /// # Errors
    /// `EEXIST` for a watched file with IN_MASK_CREATE; `ENOSPC` at the user's limit; `ENOMEM`.
    pub fn add(&self, inode: &Arc<dyn Inode>, mask: u32) -> Result<i32, Errno> {
        if let Some(watch) = watch::find(watch::key(inode, self.id)) {
            if mask & IN_MASK_CREATE != 0 {
                return Err(Errno::EEXIST);
            }
            watch.set_mask(mask, mask & IN_MASK_ADD != 0);
            return Ok(watch.wd);
        }
        if frame::is_low() {
            return Err(Errno::ENOMEM);
        }
        reserve::top_up()?;
        let wd = {
            let mut watches = self.watches.lock();
            let wd = watches.free().ok_or(Errno::ENOSPC)?;
            watches.next = wd.checked_add(1).unwrap_or(1);
            wd
        };
        limits::take_watch(self.user)?;
        let watch = Watch::new(wd, inode.clone(), self, mask);
        self.watches.lock().by_number.insert(wd, watch);
        Ok(wd)
    }

    /// Removes the watch `wd` and queues IN_IGNORED.
    ///
    /// # Errors
    /// `EINVAL` if there is none.
    pub fn remove(&self, wd: i32) -> Result<(), Errno> {
        let watch = self.watches.lock().by_number.get(&wd).cloned();
        let watch = watch.ok_or(Errno::EINVAL)?;
        self.forget(&watch);
        Ok(())
    }

    /// Removes a watch and queues IN_IGNORED.
    fn forget(&self, watch: &Watch) {
        if !watch.leave() {
            return;
        }
        let removed = self.watches.lock().by_number.remove(&watch.wd);
        drop(removed);
        limits::give_watch(self.user);
        self.queue(Queued {
            wd: watch.wd,
            events: IN_IGNORED,
            cookie: 0,
            name: None,
        });
    }

    /// Queues an event and wakes readers.
    fn queue(&self, event: Queued) {
        if self.queue.lock().push(event) {
            self.filled.wake(Ready::READ, usize::MAX);
        }
    }
}

impl Drop for Inotify {
    fn drop(&mut self) {
        /// Weight of a watch in bytes: far less work than copying a page.
        const WEIGHT: usize = 256;
        let mut stride = Stride::default();
        loop {
            let watch = self.watches.lock().by_number.pop_first();
            let Some((_, watch)) = watch else { break };
            if watch.leave() {
                limits::give_watch(self.user);
            }
            drop(watch);
            if stride.passes(WEIGHT) {
                preempt::point();
            }
        }
        limits::give_instance(self.user);
    }
}

impl FileOps for Inotify {
    fn is_stream(&self) -> bool {
        true
    }

    fn ignores_seeks(&self) -> bool {
        true
    }

    fn takes_vectors(&self, _writing: bool) -> bool {
        false
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        let mut next = self.filled.wait_for(|| {
            if let Some(first) = self.queue.lock().pop(out.left()) {
                Some(first.ok_or(Errno::EINVAL))
            } else if nonblocking {
                Some(Err(Errno::EAGAIN))
            } else {
                is_interrupted().then_some(Err(Errno::ERESTARTSYS))
            }
        })?;
        /// Weight of an event between two points, in bytes copied.
        const EVENT: usize = 256;
        let mut bytes = [0; LONGEST];
        let mut stride = Stride::default();
        loop {
            if stride.passes(EVENT) {
                preempt::point();
            }
            // A fault loses this event, and the call fails though events before it were copied.
            out.put(next.write(&mut bytes))
                .inspect_err(|_| out.refuse(out.done()))?;
            match self.queue.lock().pop(out.left()) {
                Some(Some(event)) => next = event,
                _ => return Ok(()),
            }
        }
    }

    fn ready(&self) -> Ready {
        let mut ready = Ready::empty();
        ready.set(Ready::READ, !self.queue.lock().is_empty());
        ready
    }

    fn ioctl(&self, request: u32, argument: u64) -> SysResult {
        match request {
            FIONREAD => {
                let bytes = self.queue.lock().bytes();
                let to = UserPtr::<i32>::new(argument);
                to.write(bytes as i32).map(|()| 0)
            }
            SET_NEXT => {
                let next = i32::try_from(argument).map_err(|_| Errno::EINVAL)?;
                if next < 1 {
                    return Err(Errno::EINVAL);
                }
                self.watches.lock().next = next;
                Ok(0)
            }
            _ => Err(Errno::ENOTTY),
        }
    }

    fn kept_bytes(&self) -> usize {
        /// Nodes of a watch in the two tables.
        const PLACES: usize = 128;
        let watches = self.watches.try_lock();
        let watches = watches.map_or(0, |watches| watches.by_number.len());
        let queue = self.queue.try_lock().map_or(0, |queue| queue.kept_bytes());
        watches * (size_of::<Watch>() + PLACES) + queue
    }

    /// A line per watch, the latest first (inotify_fdinfo).
    fn describe(&self, text: &mut Text) {
        /// Weight of a line between two preemption points, in bytes copied.
        const LINE: usize = 2048;
        let mut before = Unbounded;
        let mut stride = Stride::default();
        loop {
            let watch = {
                let watches = self.watches.lock();
                let next = watches.by_number.range((Unbounded, before)).next_back();
                next.map(|(_, watch)| watch.clone())
            };
            let Some(watch) = watch else { break };
            before = Excluded(watch.wd);
            let file = watch.inode.metadata();
            let Device { major, minor } = file.dev;
            put!(
                text,
                "inotify wd:{:x} ino:{:x} sdev:{:x} mask:{:x} ignored_mask:0 ",
                watch.wd,
                file.ino,
                major << 20 | minor,
                watch.mask()
            );
            describe_handle(text, file.ino);
            if stride.passes(LINE) {
                preempt::point();
            }
        }
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&self.filled);
        true
    }
}

/// The file handle that Linux shows for the file (shmem_encode_fh): generation, here 0 as inode
/// numbers are not reused, and inode number.
fn describe_handle(text: &mut Text, ino: u64) {
    put!(text, "fhandle-bytes:c fhandle-type:1 f_handle:00000000");
    for byte in ino.to_le_bytes() {
        put!(text, "{byte:02x}");
    }
    text.push_str("\n");
}
