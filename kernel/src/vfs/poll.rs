//! One task's wait for several files: what poll(2) and select(2) are made of.
//!
//! The task stands in the queues of all the files ([`FileOps::wait_queues`]) while it sleeps, and
//! looks at all of them again after each wake-up, as Linux does. epoll(7) is for those with many.
//!
//! [`FileOps::wait_queues`]: super::inode::FileOps::wait_queues

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use super::file::File;
use super::inode::Ready;
use crate::abi::errno::{Errno, SysResult};
use crate::mm::frame;
use crate::process::Task;
use crate::sched::preempt::{self, Stride};
use crate::sched::run_queue as sched;
use crate::sched::wait::{self, Ticket, Wake};

/// What is told whether asked for or not (POLLERR, POLLHUP).
pub const ALWAYS: Ready = Ready::ERROR.union(Ready::HANGUP);

/// What one file counts, each time that it is looked at, among the bytes between two points of a long call.
pub const FILE: usize = 256;

/// A file, and what of it is waited for.
pub type Asked<'a> = (&'a Arc<File>, Ready);

/// Stands in the queues for a task.
struct Waiter {
    task: Arc<Task>,
    was_woken: AtomicBool,
}

impl Wake for Waiter {
    fn wake(&self, _events: Ready) {
        self.was_woken.store(true, Ordering::Relaxed);
        sched::wake(&self.task);
    }
}

/// Calls `look`, which may let others run, until it finds something, or until `deadline` (ns of CLOCK_MONOTONIC) is over.
///
/// # Errors
/// `interrupted` if a signal comes first, `ENOMEM`.
pub fn wait<'a>(
    files: impl Iterator<Item = Asked<'a>> + Clone,
    deadline: Option<u64>,
    interrupted: Errno,
    mut look: impl FnMut() -> usize,
) -> SysResult {
    let found = look();
    if found > 0 {
        return Ok(found);
    }
    // One entry a file: a program decides how many.
    if frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    let waiter = Arc::new(Waiter {
        task: sched::current_task(),
        was_woken: AtomicBool::new(false),
    });
    let ticket = Ticket::new();
    let mut joined = Ok(());
    let mut stride = Stride::default();
    for (file, asked) in files.clone() {
        file.ops().wait_queues(&mut |queue| {
            let join = |()| queue.join(ticket, asked | ALWAYS, waiter.clone());
            joined = joined.and_then(join);
        });
        if stride.passes(FILE) {
            preempt::point();
            // What others did meanwhile to files in whose queues it didn't stand yet.
            waiter.was_woken.store(true, Ordering::Relaxed);
        }
    }
    let result = wait::until(deadline, || {
        if let Err(errno) = joined {
            return Some(Err(errno));
        }
        // Others may run while it looks.
        while waiter.was_woken.swap(false, Ordering::Relaxed) {
            let found = look();
            if found > 0 {
                return Some(Ok(found));
            }
        }
        wait::is_interrupted().then_some(Err(interrupted))
    });
    for (file, _) in files {
        file.ops().wait_queues(&mut |queue| queue.leave(ticket));
        if stride.passes(FILE) {
            preempt::point();
        }
    }
    result.unwrap_or(Ok(0))
}
