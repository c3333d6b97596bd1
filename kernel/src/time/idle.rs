//! Idle without ticks (Linux's NO_HZ_IDLE): while no task runs, one interrupt comes for the next
//! timer instead of a hundred a second.
//!
//! The first tick that finds the CPU idle stops the ticks; a shorter wait costs nothing. The local
//! APIC's timer, whose rate is measured at boot, then interrupts a little before the next timer is
//! due, and the ticks go on: the PIT interrupts for the timer (`oneshot.rs`), so no timer depends
//! on that rate. Without a local APIC the PIT interrupts, at least every 54 ms. Each interrupt
//! moves the clocks' base to the present first. The ticks go on before a task runs.
//!
//! Without a usable TSC the clocks count ticks, which never stop.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::{TICK_NANOS, TICKS, oneshot, pit, timer};
use crate::arch::tsc;
use crate::dev::local_apic;

/// Longest time without an interrupt, ns: each reads the reference counter, whose wraps (4.7 s)
/// must not be missed, and looks for bytes of the serial line.
const LONGEST: u64 = 1_000_000_000;
/// Shortest time for which the ticks stop, ns.
const SHORTEST: u64 = 2 * TICK_NANOS as u64;
/// Allowed error of the local APIC's rate: the interrupt comes earlier by this part of the time.
const ERROR: u64 = 32;
/// Longest time of the PIT's count, ns.
const PIT_LONGEST: u64 = 54_000_000;

/// Counts of the local APIC's timer per second; 0: not measured, the PIT interrupts.
static APIC_HERTZ: AtomicU64 = AtomicU64::new(0);
/// Whether the ticks are stopped.
static ARE_STOPPED: AtomicBool = AtomicBool::new(false);

/// A time in which no task runs: a variable of the scheduler's idle loop.
#[derive(Debug)]
pub struct Idle {
    /// [`TICKS`] at its start.
    ticks: u64,
}

impl Idle {
    /// Starts; the ticks go on.
    pub fn begin() -> Self {
        Self {
            ticks: TICKS.load(Relaxed),
        }
    }

    /// Stops the ticks if one came during this idle time and no timer is due soon, and requests an
    /// interrupt for the next timer. Called with interrupts off before each HLT.
    pub fn before_halt(&self) {
        let has_ticked = TICKS.load(Relaxed) != self.ticks;
        if !has_ticked || tsc::hertz() == 0 || oneshot::is_counting() {
            return;
        }
        let next = timer::next_in().map_or(LONGEST, |next| next.min(LONGEST));
        match next.checked_sub(next / ERROR + u64::from(TICK_NANOS)) {
            Some(span) if span >= SHORTEST => interrupt_in(span),
            _ => restart_ticks(),
        }
    }

    /// Restarts the ticks if they are stopped. Called with no lock held before a task runs.
    pub fn end(&self) {
        restart_ticks();
    }
}

/// Stops the ticks, and has the local APIC or the PIT interrupt once, in `span` ns or earlier.
fn interrupt_in(span: u64) {
    let were_stopped = ARE_STOPPED.swap(true, Relaxed);
    match APIC_HERTZ.load(Relaxed) {
        0 => pit::count_once(span.min(PIT_LONGEST)),
        hertz => {
            // At most the count of LONGEST, which fits at each rate that `measure` accepts.
            let count = (u128::from(span) * u128::from(hertz) / 1_000_000_000) as u32;
            local_apic::count_down(count.max(1));
            if !were_stopped {
                pit::stop();
            }
        }
    }
    oneshot::stop();
}

/// Restarts the ticks if they are stopped.
fn restart_ticks() {
    if ARE_STOPPED.swap(false, Relaxed) {
        local_apic::count_down(0);
        catch_up_to_now();
        oneshot::start();
        oneshot::plan();
    }
}

/// If the ticks are stopped, moves the clocks' base to the present and returns the number of ticks
/// left out since the last time. Called first by each interrupt.
pub fn catch_up() -> Option<u64> {
    ARE_STOPPED.load(Relaxed).then(catch_up_to_now)
}

fn catch_up_to_now() -> u64 {
    let missed = oneshot::take_missed_ticks();
    super::pass(missed);
    missed
}

/// Measures the rate of the local APIC's timer against the TSC, in about a millisecond. A pause of
/// the host between a reading of the TSC and one of the timer would give a wrong rate: a
/// measurement with a long reading is repeated.
pub fn measure() {
    /// Attempts.
    const ATTEMPTS: u32 = 8;
    /// The count of [`LONGEST`] must fit the register.
    const MAX_HERTZ: u64 = u32::MAX as u64;

    let hertz = tsc::hertz();
    if hertz == 0 || !local_apic::has_timer() {
        return;
    }
    local_apic::count_down(u32::MAX);
    let read = || {
        let before = tsc::cycles();
        let count = local_apic::count();
        (before, count, tsc::cycles())
    };
    for _ in 0..ATTEMPTS {
        let (start, first, after) = read();
        while tsc::cycles().wrapping_sub(start) < hertz / 1000 {
            core::hint::spin_loop();
        }
        let (before, last, end) = read();
        let cycles = end.saturating_sub(start);
        // A reading is exact to 1 %.
        if (after - start) + (end - before) > cycles / 100 {
            continue;
        }
        let counts = u64::from(first.saturating_sub(last));
        let found = u128::from(counts) * u128::from(hertz) / u128::from(cycles.max(1));
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        if (1_000_000..=MAX_HERTZ).contains(&found) {
            APIC_HERTZ.store(found, Relaxed);
            break;
        }
    }
    local_apic::count_down(0);
}
