//! Pipes: a queue of bytes between processes, of 16 pages or the size set by F_SETPIPE_SZ.
//!
//! A [`Pipe`] is shared by both ends; an [`End`] (`end.rs`) is the part of one open file. `ring.rs`
//! has the buffers, `fifo.rs` named pipes, `inode.rs` unnamed ones; `syscall/sendfile.rs` and
//! `syscall/splice.rs` move bytes between pipes and other files.
//!
//! A transfer holds the ring's lock, also over copies to and from user memory: a page fault in a
//! copy may run other tasks, which then sleep on the lock. State for poll(2) is stored outside of
//! the ring.
//!
//! Left out: O_DIRECT set by F_SETFL, the limits of a user's pipes (pipe-user-pages-soft).

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::file::File;
use super::inode::Inode;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::sched::sleep_lock::{SleepGuard, SleepLock};
use crate::sched::wait::{WaitQueue, is_interrupted};

pub mod end;
mod fifo;
mod inode;
pub mod ring;

pub use end::End;
pub use fifo::open as open_fifo;
pub use inode::new;
pub use ring::{PAGE, Ring};

/// Slots of a new pipe (PIPE_DEF_BUFFERS).
const SLOTS: usize = 16;
/// Largest size in bytes without CAP_SYS_RESOURCE (fs.pipe-max-size).
const SIZE_MAX: u64 = 1 << 20;

/// The state shared by a pipe's ends.
pub struct Pipe {
    ring: SleepLock<Ring>,
    is_empty: AtomicBool,
    is_full: AtomicBool,
    readers: AtomicUsize,
    writers: AtomicUsize,
    /// Number of opens for reading and for writing: a waiting open(2) watches for a change.
    opened: [AtomicUsize; 2],
    /// Woken when bytes arrive or the last writer closes.
    readable: WaitQueue,
    /// Woken when room appears or the last reader closes.
    writable: WaitQueue,
    /// Woken when an end is opened.
    partners: WaitQueue,
    /// The FIFO's inode; `None` for an unnamed pipe.
    inode: Option<Arc<dyn Inode>>,
}

/// The locked ring.
pub struct Turn<'a> {
    pipe: &'a Pipe,
    ring: SleepGuard<'a, Ring>,
}

impl core::ops::Deref for Turn<'_> {
    type Target = Ring;

    fn deref(&self) -> &Ring {
        &self.ring
    }
}

impl core::ops::DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Ring {
        &mut self.ring
    }
}

impl Drop for Turn<'_> {
    /// Publishes the changed state and wakes waiters: a queue without any costs a look.
    fn drop(&mut self) {
        let (is_empty, is_full) = (self.is_empty(), self.is_full());
        let (came, went) = self.changes();
        let pipe = self.pipe;
        pipe.is_empty.store(is_empty, Relaxed);
        let was_full = pipe.is_full.swap(is_full, Relaxed);
        if came {
            pipe.readable.wake_in_parts(Ready::all(), usize::MAX);
        }
        // Only the end of fullness wakes writers (and epoll's edge-triggered items), as on Linux.
        if went && was_full && !is_full {
            pipe.writable.wake_in_parts(Ready::all(), usize::MAX);
        }
    }
}

impl Pipe {
    /// An empty pipe without ends, for the FIFO `inode` or unnamed.
    fn of(inode: Option<Arc<dyn Inode>>) -> Arc<Self> {
        Arc::new(Self {
            ring: SleepLock::new(Ring::new(SLOTS)),
            is_empty: AtomicBool::new(true),
            is_full: AtomicBool::new(false),
            readers: AtomicUsize::new(0),
            writers: AtomicUsize::new(0),
            opened: [const { AtomicUsize::new(0) }; 2],
            readable: WaitQueue::new(),
            writable: WaitQueue::new(),
            partners: WaitQueue::new(),
            inode,
        })
    }

    /// Locks the ring; sleeps while another task holds it.
    pub fn turn(&self) -> Turn<'_> {
        Turn {
            pipe: self,
            ring: self.ring.lock(),
        }
    }

    /// Number of pages in use; 0 while a transfer holds the ring.
    fn pages(&self) -> usize {
        self.ring.try_lock().map_or(0, |ring| ring.count())
    }

    /// Waits until there are bytes; false at the end of file, without writers.
    ///
    /// # Errors
    /// `EAGAIN` instead of waiting, `ERESTARTSYS`.
    pub fn wait_readable(&self, nonblocking: bool) -> Result<bool, Errno> {
        wait(&self.readable, nonblocking, || {
            let is_empty = self.is_empty.load(Relaxed);
            (!is_empty || self.writers.load(Relaxed) == 0).then_some(!is_empty)
        })
    }

    /// Waits until there is room.
    ///
    /// # Errors
    /// `EPIPE` without readers, for which the caller raises SIGPIPE; `EAGAIN` instead of waiting,
    /// `ERESTARTSYS`.
    pub fn wait_writable(&self, nonblocking: bool) -> Result<(), Errno> {
        let has_reader = wait(&self.writable, nonblocking, || {
            let has_reader = self.readers.load(Relaxed) > 0;
            (!has_reader || !self.is_full.load(Relaxed)).then_some(has_reader)
        })?;
        if has_reader {
            Ok(())
        } else {
            Err(Errno::EPIPE)
        }
    }
}

/// Waits on `queue` until `look` returns a value.
fn wait<T>(
    queue: &WaitQueue,
    nonblocking: bool,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T, Errno> {
    if let Some(found) = look() {
        return Ok(found);
    }
    if nonblocking {
        return Err(Errno::EAGAIN);
    }
    queue.wait_for(|| {
        look()
            .map(Ok)
            .or_else(|| is_interrupted().then_some(Err(Errno::ERESTARTSYS)))
    })
}

/// Capacity in bytes of the pipe of `file` (F_GETPIPE_SZ).
///
/// # Errors
/// `EBADF` if `file` is no pipe.
pub fn size(file: &File) -> SysResult {
    let end = End::of(file).ok_or(Errno::EBADF)?;
    Ok(end.pipe().turn().capacity() * PAGE)
}

/// Sets the capacity, rounded up to a power of two of pages, and returns it in bytes
/// (F_SETPIPE_SZ).
///
/// # Errors
/// `EBADF`; `EINVAL` above 2 GiB; `EPERM` above 1 MiB unless the caller is privileged; `EBUSY`
/// below the bytes in use.
pub fn set_size(file: &File, size: u64, is_privileged: impl FnOnce() -> bool) -> SysResult {
    let end = End::of(file).ok_or(Errno::EBADF)?;
    if size > 1 << 31 {
        return Err(Errno::EINVAL);
    }
    let size = size.max(PAGE as u64).next_power_of_two();
    if size > SIZE_MAX && !is_privileged() {
        return Err(Errno::EPERM);
    }
    end.pipe().turn().set_capacity(size as usize / PAGE)?;
    Ok(size as usize)
}
