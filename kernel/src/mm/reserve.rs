//! Memory that the kernel keeps for itself, and who must ask before taking some.
//!
//! Stable Rust has no fallible `Arc`, `Box` or `BTreeMap`. So allocations are of two kinds:
//!
//! - What a program's number decides, and every block of a page or more, takes frames as a program
//!   does: the reserve stays ([`room`], `mm/fallible.rs`).
//! - Single objects under a page may draw on the reserve. A **step** is what the kernel does between
//!   two looks at it: a call up to its first loop or sleep, a turn of such a loop, what a task does
//!   after it slept. No step draws more than [`STEP`] frames, and none begins before so many are
//!   there. Taking a frame as a program is a look too, as it leaves all of the reserve.
//!
//! The looks cost nothing while there is memory: the allocator sets [`work::LOW_MEMORY`] when the
//! kernel's own takes leave less than that, and the ways in and [`top_up`] test that bit. A call
//! that finds it set waits for memory, killing for it as the page fault does ([`wait_for_step`]),
//! before it has changed anything; where nothing can be killed it answers `ENOMEM`
//! (`syscall/low_memory.rs`).
//!
//! A test build counts what each step draws and panics above [`STEP`], and it can make the n-th
//! allocation fail (`mm/injection.rs`).

use super::{PAGE_SIZE, frame, kstack};
use crate::arch::percpu::{self, work};
use crate::process::{oom, sched, try_current};
use crate::syscall::errno::Errno;

#[cfg(debug_assertions)]
use super::injection;

/// The most frames that a step may draw: 10 were measured, in clone(2), and two are for what is added to
/// it. `/proc/reserve` of a test build has what was drawn since boot; a case fails where that is more.
pub const MOST_DRAWN: u64 = 12;
/// Frames that a step may count on: the most that one drew, and half as much again.
pub const STEP: u64 = MOST_DRAWN + MOST_DRAWN / 2;

/// Frames that a look must find: those of the step that begins, and those of a call that looks at nothing
/// after it.
pub const LOOK: u64 = 2 * STEP;
const _: () = assert!(
    LOOK < super::allocator::LEAST_RESERVE,
    "a program can take what a step counts on"
);

/// Passed by every allocation that may fail: a test build can make the n-th one fail.
///
/// # Errors
/// `ENOMEM`, if this one is to fail.
#[inline]
pub fn fail_point() -> Result<(), Errno> {
    #[cfg(debug_assertions)]
    if injection::strikes() {
        return Err(Errno::ENOMEM);
    }
    Ok(())
}

/// Looks whether there is enough for a step. Each turn of a loop over a program's numbers does this
/// before it changes anything; a call's own beginning needs none.
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

/// Whether the kernel's data may grow by `bytes` without taking what it keeps for itself.
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

/// Fills the reserve up with what the kernel only keeps for later. Returns whether there is enough
/// for a step.
#[cold]
fn refill() -> bool {
    let is_full = frame::has_step() || kstack::release_kept() && frame::has_step();
    if is_full {
        percpu::clear_work(work::LOW_MEMORY);
        #[cfg(debug_assertions)]
        injection::remind();
    }
    is_full
}

/// Waits until there is enough for a step: the process that the choice falls on is killed for it, and
/// the next one when that isn't enough.
///
/// # Errors
/// `ENOMEM` if there is nothing to be killed, or the running process is what is.
#[cold]
pub fn wait_for_step() -> Result<(), Errno> {
    let is_dying = || try_current().is_none_or(|task| task.signals.lock().must_exit.is_some());
    while !refill() {
        if is_dying() || !oom::kill_largest_but_init() || is_dying() {
            return Err(Errno::ENOMEM);
        }
        sched::pause();
    }
    begin_step();
    Ok(())
}

/// After a sleep: others may have drawn on the reserve meanwhile. Where nothing can be killed for it
/// the task goes on nevertheless.
#[inline]
pub fn after_sleep() {
    if percpu::is_pending::<{ work::LOW_MEMORY }>() {
        let _ = wait_for_step();
    }
    begin_step();
}

/// The reserve is full: what is drawn from here on counts for a new step.
#[inline]
pub fn begin_step() {
    #[cfg(debug_assertions)]
    injection::begin_step();
}
