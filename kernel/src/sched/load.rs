//! The load: how many tasks were running or ready, on an average of 1, 5 and 15 minutes.
//!
//! The sums are Linux's (kernel/sched/loadavg.c): fixed point with 11 bits behind the point, a
//! sample every five seconds, weighted by e^(-5s/time).

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::sched::run_queue;
use crate::time::TICK_NANOS;

/// Bits behind the point.
pub const SHIFT: u32 = 11;
const ONE: u64 = 1 << SHIFT;
/// What is left of a load after one sample: e^(-5/60), e^(-5/300), e^(-5/900).
const FADING: [u64; 3] = [1884, 2014, 2037];
/// Ticks from one sample to the next.
const TICKS: u64 = 5_000_000_000 / TICK_NANOS as u64;

static LOADS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// Called at every tick.
pub fn tick() {
    static LEFT: AtomicU64 = AtomicU64::new(TICKS);
    if LEFT.fetch_sub(1, Relaxed) > 1 {
        return;
    }
    LEFT.store(TICKS, Relaxed);
    let active = run_queue::runnable() as u64 * ONE;
    for (load, fading) in LOADS.iter().zip(FADING) {
        let old = load.load(Relaxed);
        // Rounded up while it grows, so that it gets there.
        let round = if active >= old { ONE - 1 } else { 0 };
        load.store(
            (old * fading + active * (ONE - fading) + round) / ONE,
            Relaxed,
        );
    }
}

/// The three averages, with [`SHIFT`] bits behind the point.
pub fn averages() -> [u64; 3] {
    LOADS.each_ref().map(|load| load.load(Relaxed))
}
