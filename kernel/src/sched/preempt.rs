//! Preemption points of long calls: interrupts, rescheduling and signals.
//!
//! The kernel runs with interrupts disabled and is not preempted. Work over a size that a program
//! chose is therefore done in parts of about [`STRIDE`] bytes, with a preemption [`point`] between
//! two parts: interrupts are enabled for one instruction, and a pending switch is made. No lock is
//! held at a point, as at a copy to or from user memory, which can sleep too.
//!
//! A signal interrupts such work where it does on Linux: any signal interrupts devices and random
//! numbers ([`interrupted`]), only a fatal signal interrupts files and memory ([`killed`]).

use core::arch::asm;

use super::wait::is_interrupted;
use crate::abi::errno::Errno;
use crate::arch::percpu::{self, work};
use crate::sched::run_queue;
use crate::sync;

/// Bytes of work between two preemption points.
pub const STRIDE: usize = 64 * 1024;

/// Preemption point: takes pending interrupts, and reschedules if requested.
#[cfg_attr(debug_assertions, track_caller)]
pub fn point() {
    sync::assert_none_held("a long call lets others run");
    // SAFETY: no lock is held that a handler could take, and the kernel stack has room. STI takes
    // effect after the next instruction: pending interrupts are taken between NOP and CLI.
    unsafe { asm!("sti", "nop", "cli", options(nostack)) };
    if percpu::is_pending::<{ work::RESCHEDULE }>() {
        run_queue::schedule();
    }
}

/// Preemption point of work that any signal interrupts.
///
/// # Errors
/// `ERESTARTSYS` with a signal pending. A caller that has done part of the work returns how much
/// instead.
#[cfg_attr(debug_assertions, track_caller)]
pub fn interrupted() -> Result<(), Errno> {
    point();
    if is_interrupted() {
        return Err(Errno::ERESTARTSYS);
    }
    Ok(())
}

/// Preemption point of work that only a fatal signal interrupts.
///
/// # Errors
/// `EINTR` with a fatal signal pending; the program never sees it.
#[cfg_attr(debug_assertions, track_caller)]
pub fn killed() -> Result<(), Errno> {
    point();
    if is_interrupted() && run_queue::current_thread().is_ending() {
        Err(Errno::EINTR)
    } else {
        Ok(())
    }
}

/// Counts work between preemption points.
#[derive(Default)]
pub struct Stride(usize);

impl Stride {
    /// Adds `bytes` of work; returns whether a preemption point is due.
    pub fn passes(&mut self, bytes: usize) -> bool {
        self.0 += bytes;
        let is_due = self.0 >= STRIDE;
        if is_due {
            self.0 = 0;
        }
        is_due
    }
}
