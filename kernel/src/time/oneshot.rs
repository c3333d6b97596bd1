//! Programming of the timer interrupt: a tick every 10 ms, and a one-shot interrupt for a timer due
//! before the next tick.
//!
//! With no such timer the PIT stays in periodic mode and is not reprogrammed. For a timer due
//! before the next tick, the PIT counts once to the timer's time, then once to the tick, and goes
//! back to periodic mode there. Without a usable TSC the clocks count ticks, and timers expire at
//! the tick.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::{TICK_NANOS, pit, timer, uptime_ns};
use crate::arch::tsc;

/// Shortest delay of a one-shot interrupt, ns: a program whose timers expire all the time still
/// makes progress.
const MIN_DELAY_NANOS: u64 = 50_000;

/// Whether the PIT is in one-shot mode.
static IS_ONESHOT: AtomicBool = AtomicBool::new(false);
/// Time of the next tick, in ns of CLOCK_MONOTONIC.
static NEXT_TICK: AtomicU64 = AtomicU64::new(0);
/// Time of the next interrupt, in ns of CLOCK_MONOTONIC.
static NEXT_INTERRUPT: AtomicU64 = AtomicU64::new(0);

/// Starts the ticks.
pub fn start() {
    pit::start_ticks();
    expect_tick(uptime_ns());
}

/// Records that the next tick comes a period after `now`.
fn expect_tick(now: u64) {
    let next = now + u64::from(TICK_NANOS);
    NEXT_TICK.store(next, Relaxed);
    NEXT_INTERRUPT.store(next, Relaxed);
}

/// Records that the ticks are stopped: timers request no interrupt until [`start`].
pub fn stop() {
    NEXT_INTERRUPT.store(0, Relaxed);
}

/// The number of ticks that were due and did not come; they count as passed.
pub fn take_missed_ticks() -> u64 {
    let next = NEXT_TICK.load(Relaxed);
    let late = uptime_ns()
        .saturating_add(TICK_NANOS.into())
        .saturating_sub(next);
    let missed = late / u64::from(TICK_NANOS);
    NEXT_TICK.store(next + missed * u64::from(TICK_NANOS), Relaxed);
    missed
}

/// Whether the PIT counts to a timer that is due before the next tick.
pub fn is_counting() -> bool {
    IS_ONESHOT.load(Relaxed)
}

/// Requests an interrupt in `delay` ns; without effect if one is due before that.
pub fn request(delay: u64) {
    if tsc::hertz() == 0 {
        return;
    }
    let delay = delay.max(MIN_DELAY_NANOS);
    let at = uptime_ns().saturating_add(delay);
    if at < NEXT_INTERRUPT.load(Relaxed) {
        IS_ONESHOT.store(true, Relaxed);
        NEXT_INTERRUPT.store(at, Relaxed);
        pit::count_once(delay);
    }
}

/// Whether the present timer interrupt is a tick, or a one-shot interrupt before it. Called once
/// per interrupt; puts the PIT back into periodic mode at a tick.
pub fn is_tick() -> bool {
    let now = uptime_ns();
    if IS_ONESHOT.load(Relaxed) {
        if now < NEXT_TICK.load(Relaxed) {
            return false;
        }
        IS_ONESHOT.store(false, Relaxed);
        pit::start_ticks();
    }
    expect_tick(now);
    true
}

/// Programs the next interrupt: the earliest timer or the next tick. Called at the end of each
/// timer interrupt.
pub fn plan() {
    if IS_ONESHOT.load(Relaxed) {
        let tick_in = NEXT_TICK.load(Relaxed).saturating_sub(uptime_ns());
        NEXT_INTERRUPT.store(u64::MAX, Relaxed);
        request(timer::next_in().map_or(tick_in, |timer| timer.min(tick_in)));
    } else if let Some(delay) = timer::next_in() {
        request(delay);
    }
}
