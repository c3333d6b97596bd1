//! CPU time of threads, in TSC cycles (CLOCK_THREAD_CPUTIME_ID); the owner of a thread adds it up
//! for its process.
//!
//! The scheduler charges the cycles since the last switch to the task that gives up the CPU. Time
//! in the kernel on behalf of a task is charged to the task, halted time to none.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::arch::tsc::{self, guessed_hertz};
use crate::sched::thread::Thread;

/// The TSC at the last charge.
static MARK: AtomicU64 = AtomicU64::new(0);

/// Cycles charged to all tasks since boot.
static BUSY: AtomicU64 = AtomicU64::new(0);

/// CPU time used by all tasks together, in clock ticks of 10 ms (USER_HZ).
pub fn busy_ticks() -> u64 {
    ticks(BUSY.load(Relaxed) + uncharged())
}

/// Charges the running thread. Called by the scheduler when the thread gives up the CPU.
pub fn charge(running: Option<&Thread>) {
    let now = tsc::cycles();
    let cycles = now.saturating_sub(MARK.swap(now, Relaxed));
    if let Some(thread) = running {
        BUSY.fetch_add(cycles, Relaxed);
        thread.cycles.fetch_add(cycles, Relaxed);
        thread.runtime.fetch_add(cycles, Relaxed);
        thread.charge(cycles);
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

/// CPU time in nanoseconds used by a thread.
pub fn used<O: ?Sized>(thread: &Thread<O>) -> u64 {
    let mut cycles = thread.cycles.load(Relaxed);
    // The running thread has not been charged since it was switched to.
    if thread.is_current() {
        cycles += uncharged();
    }
    nanos(cycles)
}

/// TSC cycles in nanoseconds.
pub fn nanos(cycles: u64) -> u64 {
    (u128::from(cycles) * 1_000_000_000 / u128::from(guessed_hertz())) as u64
}

/// TSC cycles in clock ticks of 10 ms (USER_HZ).
pub fn ticks(cycles: u64) -> u64 {
    (u128::from(cycles) * 100 / u128::from(guessed_hertz())) as u64
}
