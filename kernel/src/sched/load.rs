//! Load averages: runnable tasks over 1, 5 and 15 minutes (/proc/loadavg).
//!
//! As in kernel/sched/loadavg.c: fixed point with 11 fraction bits, a sample every five seconds,
//! decay by e^(-5s/period).

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::sched::run_queue;
use crate::time::TICK_NANOS;

/// Fraction bits of a load average.
pub const SHIFT: u32 = 11;
const ONE: u64 = 1 << SHIFT;
/// Decay of a load average per sample: e^(-5/60), e^(-5/300), e^(-5/900).
const DECAY: [u64; 3] = [1884, 2014, 2037];
/// Ticks from one sample to the next.
const TICKS: u64 = 5_000_000_000 / TICK_NANOS as u64;

static LOADS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// Updates the averages every five seconds. Called with the number of ticks since the last call.
pub fn pass(ticks: u64) {
    static LEFT: AtomicU64 = AtomicU64::new(TICKS);
    let left = LEFT.load(Relaxed);
    if left > ticks {
        LEFT.store(left - ticks, Relaxed);
        return;
    }
    LEFT.store(TICKS, Relaxed);
    let active = run_queue::runnable() as u64 * ONE;
    for (load, decay) in LOADS.iter().zip(DECAY) {
        let old = load.load(Relaxed);
        // Rounded up while it grows, so that it reaches the number of tasks.
        let round = if active >= old { ONE - 1 } else { 0 };
        load.store(
            (old * decay + active * (ONE - decay) + round) / ONE,
            Relaxed,
        );
    }
}

/// The three averages, with [`SHIFT`] fraction bits.
pub fn averages() -> [u64; 3] {
    LOADS.each_ref().map(|load| load.load(Relaxed))
}
