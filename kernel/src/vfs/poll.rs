//! Waiting for several files, for poll(2) and select(2).
//!
//! The task joins the wait queues of all the files ([`FileOps::wait_queues`]) while it sleeps, and
//! polls all of them after each wake-up, as on Linux. epoll(7) serves large numbers of files.
//!
//! [`FileOps::wait_queues`]: super::inode::FileOps::wait_queues

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use super::file::File;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::mm::frame;
use crate::sched::preempt::{self, Stride};
use crate::sched::run_queue;
use crate::sched::thread::Thread;
use crate::sched::wait::{self, Ticket, Wake};

/// Events reported even if not requested (POLLERR, POLLHUP).
pub const ALWAYS: Ready = Ready::ERROR.union(Ready::HANGUP);

/// Weight of polling one file between two preemption points, in bytes copied.
pub const FILE: usize = 256;

/// A file and the requested events.
pub type Asked<'a> = (&'a Arc<File>, Ready);

/// Entry of a thread in the wait queues.
struct Waiter {
    thread: Arc<Thread>,
    was_woken: AtomicBool,
}

impl Wake for Waiter {
    fn wake(&self, _events: Ready) {
        self.was_woken.store(true, Ordering::Relaxed);
        run_queue::wake_thread(&self.thread);
    }
}

/// Calls `look`, which may be preempted, until it returns more than 0, or until `deadline` (ns of
/// CLOCK_MONOTONIC); returns its result, 0 at the deadline.
///
/// # Errors
/// `interrupted` on a signal, `ENOMEM`.
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
    // A call that only looks joins no queue.
    if deadline.is_some_and(|deadline| deadline <= crate::time::uptime_ns()) {
        return if wait::is_interrupted() {
            Err(interrupted)
        } else {
            Ok(0)
        };
    }
    // An entry per file: their number is up to the program.
    if frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    let waiter = Arc::new(Waiter {
        thread: run_queue::current_thread(),
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
            // A file whose queue is not joined yet may have become ready meanwhile.
            waiter.was_woken.store(true, Ordering::Relaxed);
        }
    }
    let result = wait::until(deadline, || {
        if let Err(errno) = joined {
            return Some(Err(errno));
        }
        // A wake-up may come while `look` runs.
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
