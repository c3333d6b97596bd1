//! eventfd(2): a counter that write(2) adds to and read(2) takes from.

use alloc::sync::Arc;
use core::fmt::Write as _;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::sync::{Mutex, rank};
use linux_raw_sys::general::EFD_SEMAPHORE;

use super::anon;
use super::file::{File, flags};
use super::inode::FileOps;
use super::io::{In, Out};
use crate::abi::errno::Errno;
use crate::abi::ready::Ready;
use crate::mm::fallible::Text;
use crate::sched::wait::{WaitQueue, is_interrupted};

/// The counter.
struct EventFd {
    count: Mutex<u64, rank::EventFd>,
    /// Whether a read takes 1 instead of the whole count (EFD_SEMAPHORE).
    is_semaphore: bool,
    /// Number shown in /proc/PID/fdinfo.
    id: u64,
    changed: WaitQueue,
}

/// Creates a counter with initial value `count`, with `flags` of eventfd(2).
///
/// # Errors
/// `ENOMEM`.
pub fn new(count: u32, flags: u32) -> Result<Arc<File>, Errno> {
    static NEXT_ID: AtomicU64 = AtomicU64::new(0);
    let ops = Arc::new(EventFd {
        count: Mutex::new(count.into()),
        is_semaphore: flags & EFD_SEMAPHORE != 0,
        id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        changed: WaitQueue::new(),
    });
    let status = flags & flags::O_NONBLOCK;
    anon::file("eventfd", ops, flags::O_RDWR | status)
}

impl EventFd {
    /// Applies `change` to the count; waits while it returns `None`.
    fn change<T>(
        &self,
        nonblocking: bool,
        change: impl Fn(&mut u64) -> Option<T>,
    ) -> Result<T, Errno> {
        self.changed.wait_for(|| {
            let done = change(&mut self.count.lock());
            if let Some(done) = done {
                Some(Ok(done))
            } else if nonblocking {
                Some(Err(Errno::EAGAIN))
            } else {
                is_interrupted().then_some(Err(Errno::ERESTARTSYS))
            }
        })
    }
}

impl FileOps for EventFd {
    fn is_stream(&self) -> bool {
        true
    }

    fn ignores_seeks(&self) -> bool {
        true
    }

    fn takes_vectors(&self, writing: bool) -> bool {
        !writing
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        if out.left() < 8 {
            return Err(Errno::EINVAL);
        }
        let taken = self.change(nonblocking, |count| {
            let taken = if self.is_semaphore { 1 } else { *count };
            *count = count.checked_sub(taken.max(1))?;
            Some(taken)
        })?;
        self.changed.wake_in_parts(Ready::WRITE, usize::MAX);
        out.put(&taken.to_ne_bytes())
    }

    fn write(&self, _offset: u64, from: &mut dyn In, nonblocking: bool) -> Result<(), Errno> {
        if from.left() < 8 {
            return Err(Errno::EINVAL);
        }
        let mut bytes = [0; 8];
        from.take(&mut bytes)?;
        let more = u64::from_ne_bytes(bytes);
        let added = if more == u64::MAX {
            Err(Errno::EINVAL)
        } else {
            self.change(nonblocking, |count| {
                *count = count.checked_add(more).filter(|sum| *sum < u64::MAX)?;
                Some(())
            })
        };
        match added {
            Ok(()) => self.changed.wake_in_parts(Ready::READ, usize::MAX),
            Err(_) => from.refuse(bytes.len()),
        }
        added
    }

    fn ready(&self) -> Ready {
        let count = *self.count.lock();
        let mut ready = Ready::empty();
        ready.set(Ready::READ, count > 0);
        ready.set(Ready::WRITE, count < u64::MAX - 1);
        ready
    }

    fn describe(&self, text: &mut Text) {
        // A `Text` remembers a lack of memory itself.
        let _ = write!(
            text,
            "eventfd-count: {:16x}\neventfd-id: {}\neventfd-semaphore: {}\n",
            *self.count.lock(),
            self.id,
            i32::from(self.is_semaphore)
        );
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&self.changed);
        true
    }
}
