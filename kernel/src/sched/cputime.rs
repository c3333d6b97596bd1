//! CPU time of tasks and processes, in TSC cycles (CLOCK_THREAD_CPUTIME_ID,
//! CLOCK_PROCESS_CPUTIME_ID).
//!
//! The scheduler charges the cycles since the last switch to the task that gives up the CPU. Time
//! in the kernel on behalf of a task is charged to the task, halted time to none.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::arch::tsc;
use crate::arch::tsc::guessed_hertz;
use crate::process::{Process, Task, try_current};

/// The TSC at the last charge.
static MARK: AtomicU64 = AtomicU64::new(0);

/// Cycles charged to all tasks since boot.
static BUSY: AtomicU64 = AtomicU64::new(0);

/// CPU time used by all tasks together, in clock ticks of 10 ms (USER_HZ).
pub fn busy_ticks() -> u64 {
    ticks(BUSY.load(Relaxed) + uncharged())
}

/// Charges the running task. Called by the scheduler when the task gives up the CPU.
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

/// Cycles of the running task since the last charge.
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

/// Charges the time since the last charge to no task. Called after a halt.
pub fn skip() {
    MARK.store(tsc::cycles(), Relaxed);
}

/// CPU time in nanoseconds used by a task (`of_thread`), or by all tasks its process ever had.
pub fn used(task: &Task, of_thread: bool) -> u64 {
    if !of_thread {
        return used_by(&task.process);
    }
    let mut cycles = task.cpu_cycles.load(Relaxed);
    // The running task has not been charged since it was switched to.
    if try_current().is_some_and(|running| core::ptr::eq(&*running, task)) {
        cycles += uncharged();
    }
    nanos(cycles)
}

/// CPU time in nanoseconds used by all tasks that a process ever had.
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
