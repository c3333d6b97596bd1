//! Watches the TSC's rate once the ticks run, and says what it is where the clocks have another.
//!
//! Each tick reads both counters. A second of ticks that can all be believed is a window; two
//! windows in a row that agree with each other, and not with the clocks, are right. The clocks go
//! on from where they are at the new rate, so none of them ever goes back ([`vdso::writer`]).

use super::measure;
use super::reference::{Point, Reference};

/// A window's length in seconds.
const SECONDS: u64 = 1;
/// Parts of a billion by which windows may differ and agree: the two ends of one are known to a
/// microsecond.
const AGREEMENT: u64 = 10_000;
/// Parts of a billion by which the clocks may be off and are left alone.
const ALLOWED: u64 = 20_000;
/// Readings that take longer than 10 us, a second by this number, don't say when they were.
const READINGS_IN_A_SECOND: u64 = 100_000;

/// Watches a rate.
#[derive(Debug)]
pub struct Watch<R> {
    reference: R,
    /// The rate that the clocks have.
    hertz: u64,
    /// The last tick's reading.
    last: Option<Point>,
    /// Sums over the window.
    cycles: u64,
    counts: u64,
    /// What the window before found.
    before: Option<u64>,
}

impl<R: Reference> Watch<R> {
    /// Watches a TSC that is taken to run at `hertz`.
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

    /// Called at each tick: the rate that the clocks should have from now on, if it is another.
    pub fn tick(&mut self) -> Option<u64> {
        let reading = self.reference.read();
        if reading.spread() > self.hertz / READINGS_IN_A_SECOND {
            // The window goes on until a later reading ends it.
            return None;
        }
        let now = Point::from(reading);
        let last = self.last.replace(now)?;
        let rate = measure::rate(&self.reference, last, now);
        if rate.is_none_or(|rate| rate >= self.hertz * 2) {
            // The reference may have gone round unseen.
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
        let agrees = before.is_some_and(|before| parts(before, found) <= AGREEMENT);
        if !agrees || parts(self.hertz, found) <= ALLOWED {
            return None;
        }
        self.hertz = found;
        Some(found)
    }
}

/// How far two rates are apart, in parts of a billion.
fn parts(one: u64, other: u64) -> u64 {
    (u128::from(one.abs_diff(other)) * 1_000_000_000 / u128::from(one.max(1))) as u64
}

#[cfg(test)]
mod tests {
    use super::{Watch, parts};
    use crate::kernel_test;
    use crate::time::measure::tests::{MadeUp, PIT, PM_TIMER};

    const MS: u64 = 1_000_000;
    const TSC: u64 = 2_400_000_000;

    /// What a watch says in so many ticks.
    fn said(machine: MadeUp, taken: u64, ticks: u32) -> (Option<u64>, u64) {
        let mut watch = Watch::new(machine, taken);
        let mut said = None;
        for _ in 0..ticks {
            watch.reference.pass(10 * MS);
            said = watch.tick().or(said);
        }
        (said, watch.hertz)
    }

    kernel_test!(
        fn a_wrong_rate_is_corrected_and_a_right_one_left_alone() {
            let quiet = (100_000 * MS, MS);
            for reference in [PIT, PM_TIMER] {
                for off in [TSC / 1000, TSC / 3, TSC / 20_000] {
                    for taken in [TSC - off, TSC + off] {
                        let machine = MadeUp::new(TSC, reference, quiet, 5);
                        let (_, hertz) = said(machine, taken, 500);
                        assert!(parts(hertz, TSC) < 10_000, "{hertz} from {taken}");
                    }
                }
                let machine = MadeUp::new(TSC, reference, quiet, 5);
                assert_eq!(said(machine, TSC + TSC / 100_000, 1000).0, None);
            }
        }
    );

    kernel_test!(
        fn pauses_do_not_mislead_it() {
            // A slow TSC: that of a missed round is none too fast for one.
            const SLOW: u64 = 700_000_000;

            for reference in [PIT, PM_TIMER] {
                for (stands, is_steady) in [20, 55, 60, 130]
                    .into_iter()
                    .flat_map(|s| [(s, true), (s, false)])
                {
                    let mut machine = MadeUp::new(SLOW, reference, (12 * MS, stands * MS), 9);
                    machine.is_steady = is_steady;
                    let (_, hertz) = said(machine, SLOW, 3000);
                    assert!(parts(hertz, SLOW) <= 20_000, "{hertz} with {stands}");
                }
            }
        }
    );
}
