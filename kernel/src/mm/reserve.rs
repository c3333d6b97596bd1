//! The kernel's memory reserve, and the checks before allocations that may use it.
//!
//! Stable Rust has no fallible `Arc`, `Box` or `BTreeMap`. So there are two kinds of allocations:
//!
//! - Allocations whose size or number a program decides, and blocks of a page or more: fallible,
//!   and they leave the reserve ([`room`], `mm/fallible.rs`).
//! - Single objects of less than a page: infallible, and they may use the reserve. A **step** is
//!   the kernel's work between two checks of the reserve: a system call up to its first loop or
//!   sleep, an iteration of such a loop, the work after a sleep. A step uses at most [`STEP`]
//!   frames and begins only with that many free. A successful fallible allocation is a check too,
//!   as it leaves the whole reserve.
//!
//! The checks are one test of a bit: the allocator sets [`work::LOW_MEMORY`] when a kernel
//! allocation leaves fewer frames, and the system call entry and [`top_up`] test it. A call that
//! finds it set waits for memory before it has changed anything, with the OOM killer as in a page
//! fault (`process/oom.rs`); if no process can be killed it returns `ENOMEM`
//! (`syscall/low_memory.rs`).
//!
//! Test builds count the frames that each step uses, panic above [`STEP`], and can make the n-th
//! allocation fail (`mm/injection.rs`).

use spin::Once;

use super::{PAGE_SIZE, frame, kstack};
use crate::abi::errno::Errno;
use crate::arch::percpu::{self, work};

#[cfg(debug_assertions)]
use super::injection;

/// Maximum frames used by a step: 10 measured, in clone(2), and a margin of 2. `/proc/reserve` of a
/// test build shows the maximum since boot; a case fails if that is more.
pub const MOST_DRAWN: u64 = 12;
/// Frames that a step relies on: the maximum and half as much again.
pub const STEP: u64 = MOST_DRAWN + MOST_DRAWN / 2;

/// Free frames that a check requires: those of the step that begins, and those of a following call
/// that doesn't check.
pub const LOOK: u64 = 2 * STEP;
const _: () = assert!(
    LOOK < super::allocator::LEAST_RESERVE,
    "a program can take what a step counts on"
);

/// Waits until the reserve suffices for a step. The OOM killer, which it needs, is floors above.
pub type Wait = fn() -> Result<(), Errno>;

static WAIT: Once<Wait> = Once::new();

/// Sets how [`after_sleep`] waits for memory, once at boot.
pub fn init(wait: Wait) {
    WAIT.call_once(|| wait);
}

/// Fault injection point of each fallible allocation (test builds, `injection.rs`).
///
/// # Errors
/// `ENOMEM` if this one is to fail.
#[inline]
pub fn fail_point() -> Result<(), Errno> {
    #[cfg(debug_assertions)]
    if injection::strikes() {
        return Err(Errno::ENOMEM);
    }
    Ok(())
}

/// Checks that the reserve suffices for a step. Each iteration of a loop whose length a program
/// decides calls this before it changes anything; the start of a call needs no check.
///
/// # Errors
/// `ENOMEM`.
#[inline]
pub fn top_up() -> Result<(), Errno> {
    fail_point()?;
    if percpu::is_pending::<{ work::LOW_MEMORY }>() && !refill() {
        return Err(Errno::ENOMEM);
    }
    begin_step();
    Ok(())
}

/// Checks that kernel data may grow by `bytes` and leave the reserve.
///
/// # Errors
/// `ENOMEM`.
#[inline]
pub fn room(bytes: usize) -> Result<(), Errno> {
    fail_point()?;
    let frames = (bytes as u64).div_ceil(PAGE_SIZE);
    if frame::has_room(frames) || kstack::release_kept() && frame::has_room(frames) {
        begin_step();
        #[cfg(debug_assertions)]
        injection::permit_block();
        Ok(())
    } else {
        Err(Errno::ENOMEM)
    }
}

/// Refills the reserve from the kernel's caches. Returns whether it suffices for a step.
#[cold]
pub fn refill() -> bool {
    let is_full = frame::has_step() || kstack::release_kept() && frame::has_step();
    if is_full {
        percpu::clear_work::<{ work::LOW_MEMORY }>();
        #[cfg(debug_assertions)]
        injection::remind();
    }
    is_full
}

/// Refills the reserve after a sleep, in which other tasks may have used it. The task continues
/// even if no process can be killed.
#[inline]
pub fn after_sleep() {
    if percpu::is_pending::<{ work::LOW_MEMORY }>()
        && let Some(wait) = WAIT.get()
    {
        let _ = wait();
    }
    begin_step();
}

/// Begins a new step, whose use of the reserve is counted from here (test builds).
#[inline]
pub fn begin_step() {
    #[cfg(debug_assertions)]
    injection::begin_step();
}
