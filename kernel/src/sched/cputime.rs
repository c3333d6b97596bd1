//! CPU time: how long each task and process has run, for their clocks.
//!
//! The scheduler marks each switch; between two marks the counter is one task's. Time in the
//! kernel on a task's behalf is charged to the task, halted time to none.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::arch::tsc;
use crate::arch::tsc::guessed_hertz;
use crate::process::{Process, Task, try_current};

/// The counter at the last mark.
static MARK: AtomicU64 = AtomicU64::new(0);

/// Cycles that any task has run.
static BUSY: AtomicU64 = AtomicU64::new(0);

/// CPU time that all tasks together have used, in clock ticks.
pub fn busy_ticks() -> u64 {
    ticks(BUSY.load(Relaxed) + uncharged())
}

/// Called by the scheduler as the running task gives the CPU up: charges it.
pub fn charge() {
    let now = tsc::cycles();
    let cycles = now.saturating_sub(MARK.swap(now, Relaxed));
    if let Some(task) = try_current() {
        BUSY.fetch_add(cycles, Relaxed);
        task.cpu_cycles.fetch_add(cycles, Relaxed);
        task.runtime.fetch_add(cycles, Relaxed);
        task.process.cpu_cycles.fetch_add(cycles, Relaxed);
    }
}

/// Cycles since the last mark: those of the running task that it hasn't been charged for.
pub fn uncharged() -> u64 {
    tsc::cycles().saturating_sub(MARK.load(Relaxed))
}

/// Cycles of a millisecond.
pub fn cycles_of_millisecond() -> u64 {
    static CYCLES: AtomicU64 = AtomicU64::new(0);
    match CYCLES.load(Relaxed) {
        0 => {
            let cycles = guessed_hertz() / 1000;
            CYCLES.store(cycles, Relaxed);
            cycles
        }
        known => known,
    }
}

/// Called after a halt: the halted time is charged to no task.
pub fn skip() {
    MARK.store(tsc::cycles(), Relaxed);
}

/// CPU time that a task, or all its process's tasks ever, have used, in nanoseconds.
pub fn used(task: &Task, of_thread: bool) -> u64 {
    if !of_thread {
        return used_by(&task.process);
    }
    let mut cycles = task.cpu_cycles.load(Relaxed);
    // The running task has not been charged yet for its present turn.
    if try_current().is_some_and(|running| core::ptr::eq(&*running, task)) {
        cycles += uncharged();
    }
    nanos(cycles)
}

/// CPU time that all of a process's tasks ever have used, in nanoseconds.
pub fn used_by(process: &Process) -> u64 {
    let mut cycles = process.cpu_cycles.load(Relaxed);
    if try_current().is_some_and(|running| core::ptr::eq(&*running.process, process)) {
        cycles += uncharged();
    }
    nanos(cycles)
}

fn nanos(cycles: u64) -> u64 {
    (u128::from(cycles) * 1_000_000_000 / u128::from(guessed_hertz())) as u64
}

/// TSC cycles in clock ticks of 10 ms (USER_HZ).
pub fn ticks(cycles: u64) -> u64 {
    (u128::from(cycles) * 100 / u128::from(guessed_hertz())) as u64
}
