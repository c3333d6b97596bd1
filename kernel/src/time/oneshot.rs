//! The timer interrupt: a tick every 10 ms, and one in between for a timer that is due earlier.
//!
//! Without such a timer the PIT runs in periodic mode, at no cost here. For a timer due earlier,
//! the PIT counts once to that time, then once to the tick that is due next, and is periodic again
//! from there. Where the clocks count ticks, for lack of a usable TSC, timers expire at the tick.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::{TICK_NANOS, pit, timer, uptime_ns};
use crate::arch::tsc;

/// No interrupt comes sooner than this after another was asked for, so that programs get on.
const LEAST_NANOS: u64 = 50_000;

/// Whether the PIT counts once.
static COUNTS_ONCE: AtomicBool = AtomicBool::new(false);
/// When the next tick is owed, in ns of CLOCK_MONOTONIC.
static NEXT_TICK: AtomicU64 = AtomicU64::new(0);
/// When the next interrupt comes.
static EXPECTED: AtomicU64 = AtomicU64::new(0);

/// Asks for an interrupt in `delay` ns, unless one comes before that.
pub fn ask(delay: u64) {
    if tsc::hertz() == 0 {
        return;
    }
    let delay = delay.max(LEAST_NANOS);
    let at = uptime_ns().saturating_add(delay);
    if at < EXPECTED.load(Relaxed) {
        COUNTS_ONCE.store(true, Relaxed);
        EXPECTED.store(at, Relaxed);
        pit::count_once(delay);
    }
}

/// Called by the timer interrupt: whether the interrupt is a tick.
pub fn is_tick() -> bool {
    let now = uptime_ns();
    if COUNTS_ONCE.load(Relaxed) {
        if now < NEXT_TICK.load(Relaxed) {
            return false;
        }
        COUNTS_ONCE.store(false, Relaxed);
        pit::start_ticks();
    }
    let next = now + u64::from(TICK_NANOS);
    NEXT_TICK.store(next, Relaxed);
    EXPECTED.store(next, Relaxed);
    true
}

/// Called at the end of the interrupt: plans the next one.
pub fn plan() {
    if COUNTS_ONCE.load(Relaxed) {
        let tick_in = NEXT_TICK.load(Relaxed).saturating_sub(uptime_ns());
        EXPECTED.store(u64::MAX, Relaxed);
        ask(timer::next_in().map_or(tick_in, |timer| timer.min(tick_in)));
    } else if let Some(delay) = timer::next_in() {
        ask(delay);
    }
}
