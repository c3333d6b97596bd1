//! Long calls: the points at which they let interrupts in, others run, and signals end them.
//!
//! The kernel runs with interrupts off and is not preempted. Work over a size that a program chose
//! is therefore done in parts of about [`STRIDE`] bytes, with a preemption [`point`] between two
//! parts: no lock is held there, interrupts are on for an instruction, and a task that should run
//! is switched to. The same rules hold as for a copy to or from user memory, which can sleep too.
//!
//! A signal ends such work where it ends it on Linux: any signal the devices and the random numbers
//! ([`interrupted`]), only one that kills files and memory ([`is_ending`]).

use core::arch::asm;

use super::wait::is_interrupted;
use crate::abi::errno::Errno;
use crate::arch::percpu::{self, work};
use crate::process::signal::{self, DEFAULT};
use crate::process::task::{TaskState, current, try_current};
use crate::sched::run_queue;
use crate::sync;

/// Bytes of work between two points.
pub const STRIDE: usize = 64 * 1024;

/// Lets interrupts in, and others run if one of them asks for it.
#[cfg_attr(debug_assertions, track_caller)]
pub fn point() {
    sync::assert_none_held("a long call lets others run");
    // SAFETY: no lock is held that a handler could want, and the kernel's own stack has room. STI
    // takes effect after the next instruction: what is pending comes in between NOP and CLI.
    unsafe { asm!("sti", "nop", "cli", options(nostack)) };
    if percpu::is_pending::<{ work::RESCHEDULE }>() {
        run_queue::schedule();
    }
}

/// A point of work that any signal ends.
///
/// # Errors
/// `ERESTARTSYS`, for work of which nothing was done yet; a caller that did some says how much.
#[cfg_attr(debug_assertions, track_caller)]
pub fn interrupted() -> Result<(), Errno> {
    point();
    if is_interrupted() {
        return Err(Errno::ERESTARTSYS);
    }
    Ok(())
}

/// A point of work that only a signal ends that kills.
///
/// # Errors
/// `EINTR`, which the program doesn't live to see.
#[cfg_attr(debug_assertions, track_caller)]
pub fn killed() -> Result<(), Errno> {
    point();
    if is_ending() {
        Err(Errno::EINTR)
    } else {
        Ok(())
    }
}

/// Whether the running task is to end: it was killed, or a signal waits for it that does nothing
/// else (complete_signal in kernel/signal.c: not those that dump core, which are looked at first).
pub fn is_ending() -> bool {
    if !is_interrupted() {
        return false;
    }
    let task = current();
    let waiting = {
        let own = task.signals.lock();
        if own.must_exit.is_some() {
            return true;
        }
        let shared = task.process.signals.lock();
        (own.pending.set() | shared.pending.set()) & !own.blocked
    };
    let kills = waiting & !(signal::IGNORED_BY_DEFAULT | signal::STOPPING | signal::DUMPING);
    if kills == 0 || task.is_traced() || task.process.pid == crate::process::init::PID {
        return false;
    }
    let actions = task.process.actions();
    let actions = actions.lock();
    (1..=signal::COUNT)
        .any(|signo| kills & signal::bit(signo) != 0 && actions.get(signo).handler == DEFAULT)
}

/// Whether an interrupt that strikes in the kernel strikes at a point: not in the idle loop.
pub fn is_at_point() -> bool {
    try_current().is_some_and(|task| task.state() == TaskState::Runnable)
}

/// Counts work, and says when a point is due.
#[derive(Default)]
pub struct Stride(usize);

impl Stride {
    /// So many bytes more were worked on; true when it is time for a point.
    pub fn passes(&mut self, bytes: usize) -> bool {
        self.0 += bytes;
        let is_due = self.0 >= STRIDE;
        if is_due {
            self.0 = 0;
        }
        is_due
    }
}
