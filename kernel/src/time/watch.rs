//! Clock source watchdog: checks the clocks' TSC rate against the reference counter while the
//! system runs.
//!
//! Each tick reads both counters. A window is one second of ticks with a trusted difference each.
//! If two windows in a row agree with each other and not with the clocks' rate, the clocks continue
//! from their present value at the measured rate: no clock goes back ([`vdso::writer`]).

use super::measure;
use super::reference::{Point, Reference};

/// Length of a window, seconds.
const SECONDS: u64 = 1;
/// Difference up to which two windows agree, in parts per billion: each end of a window is exact to
/// a microsecond.
const AGREEMENT: u64 = 10_000;
/// Error of the clocks' rate that is tolerated, in parts per billion.
const ALLOWED: u64 = 20_000;
/// A reading that takes longer than a second divided by this number, 10 us, is not used: its time
/// is too inexact.
const READINGS_PER_SECOND: u64 = 100_000;

/// State of the watchdog.
#[derive(Debug)]
pub struct Watchdog<R> {
    reference: R,
    /// The clocks' rate, Hz.
    hertz: u64,
    /// The last tick's reading.
    last: Option<Point>,
    /// Cycles of the TSC and counts of the reference in this window.
    cycles: u64,
    counts: u64,
    /// The rate found by the previous window, Hz.
    before: Option<u64>,
}

impl<R: Reference> Watchdog<R> {
    /// Starts with the clocks' rate at `hertz`.
    pub fn new(reference: R, hertz: u64) -> Self {
        Self {
            reference,
            hertz,
            last: None,
            cycles: 0,
            counts: 0,
            before: None,
        }
    }

    /// Called at each tick. Returns the measured rate in Hz if the clocks' rate has to change.
    pub fn tick(&mut self) -> Option<u64> {
        let reading = self.reference.read();
        if reading.spread() > self.hertz / READINGS_PER_SECOND {
            // The next usable reading covers this tick too.
            return None;
        }
        let now = Point::from(reading);
        let last = self.last.replace(now)?;
        let rate = measure::rate(&self.reference, last, now);
        if rate.is_none_or(|rate| rate >= self.hertz * 2) {
            // The reference may have wrapped unseen.
            (self.cycles, self.counts) = (0, 0);
            return None;
        }
        self.cycles += now.cycles - last.cycles;
        self.counts += u64::from(self.reference.between(last, now));
        if self.counts < self.reference.hertz() * SECONDS {
            return None;
        }
        let cycles = u128::from(self.cycles) * u128::from(self.reference.hertz());
        let found = (cycles / u128::from(self.counts)) as u64;
        (self.cycles, self.counts) = (0, 0);
        let before = self.before.replace(found);
        let agrees = before.is_some_and(|before| difference_ppb(before, found) <= AGREEMENT);
        if !agrees || difference_ppb(self.hertz, found) <= ALLOWED {
            return None;
        }
        self.hertz = found;
        Some(found)
    }
}

/// Difference of two rates, in parts per billion.
fn difference_ppb(one: u64, other: u64) -> u64 {
    (u128::from(one.abs_diff(other)) * 1_000_000_000 / u128::from(one.max(1))) as u64
}

#[cfg(test)]
mod tests {
    use super::{Watchdog, difference_ppb};
    use crate::kernel_test;
    use crate::time::measure::tests::{PIT, PM_TIMER, SimulatedMachine};

    const MS: u64 = 1_000_000;
    const TSC: u64 = 2_400_000_000;

    /// Runs `ticks` ticks with the clocks' rate at `taken` first. Returns the last rate reported
    /// and the clocks' rate at the end.
    fn run_watch(machine: SimulatedMachine, taken: u64, ticks: u32) -> (Option<u64>, u64) {
        let mut watch = Watchdog::new(machine, taken);
        let mut reported = None;
        for _ in 0..ticks {
            watch.reference.pass(10 * MS);
            reported = watch.tick().or(reported);
        }
        (reported, watch.hertz)
    }

    kernel_test!(
        fn a_wrong_rate_is_corrected_and_a_right_one_kept() {
            let quiet = (100_000 * MS, MS);
            for reference in [PIT, PM_TIMER] {
                for off in [TSC / 1000, TSC / 3, TSC / 20_000] {
                    for taken in [TSC - off, TSC + off] {
                        let machine = SimulatedMachine::new(TSC, reference, quiet, 5);
                        let (_, hertz) = run_watch(machine, taken, 500);
                        assert!(difference_ppb(hertz, TSC) < 10_000, "{hertz} from {taken}");
                    }
                }
                let machine = SimulatedMachine::new(TSC, reference, quiet, 5);
                assert_eq!(run_watch(machine, TSC + TSC / 100_000, 1000).0, None);
            }
        }
    );

    kernel_test!(
        fn pauses_do_not_change_a_right_rate() {
            // Slow, so that the rate measured over a missed wrap is still plausible.
            const SLOW: u64 = 700_000_000;

            for reference in [PIT, PM_TIMER] {
                for (pauses, is_steady) in [20, 55, 60, 130]
                    .into_iter()
                    .flat_map(|s| [(s, true), (s, false)])
                {
                    let mut machine =
                        SimulatedMachine::new(SLOW, reference, (12 * MS, pauses * MS), 9);
                    machine.is_steady = is_steady;
                    let (_, hertz) = run_watch(machine, SLOW, 3000);
                    assert!(
                        difference_ppb(hertz, SLOW) <= 20_000,
                        "{hertz} with {pauses}"
                    );
                }
            }
        }
    );
}
