//! TSC calibration at boot: the rate is measured in short windows until several agree.
//!
//! A hypervisor pauses the machine between two instructions while both counters keep counting. A
//! window with a pause is therefore as exact as any other, unless the reference counter wraps
//! during the pause. A wrap makes the measured rate several times too high, never too low, and by a
//! different factor each time. So the lowest rate on which several windows agree is the TSC's.
//!
//! If the host runs the machine for less than a window at a time, every window has a pause. Windows
//! of a quarter of a millisecond then give a rough rate, from which the number of wraps in a longer
//! span follows, and the span gives an exact rate.

use super::reference::{Point, Reference};

/// Windows per second: 2 ms each, short enough to fit between two pauses.
const WINDOWS_PER_SECOND: u64 = 500;
/// Every other window is longer by one part in this many, so that windows don't keep in step with
/// the host's scheduling period.
const LENGTHENING: u32 = 3;
/// Upper limit of windows.
const MAX_WINDOWS: usize = 64;
/// Number of windows that must agree.
const AGREEING: usize = 4;
/// Windows agree if they differ by at most one part in this many: 0.03 %.
const TOLERANCE: u64 = 3000;
/// Highest plausible TSC frequency, Hz.
pub const MAX_HERTZ: u64 = 10_000_000_000;
/// Readings after which the reference is taken to have stopped: a reading takes at least a third of
/// a microsecond, a window 2 ms.
const MAX_READINGS: u32 = 1_000_000;
/// Short windows: number per second, upper limit, and the part within which they agree.
const SHORT_PER_SECOND: u64 = 4000;
const MAX_SHORT: usize = 256;
const ROUGH_TOLERANCE: u64 = 64;
/// Spans: number per second and upper limit.
const SPANS_PER_SECOND: u64 = 10;
const MAX_SPANS: usize = 16;
/// Readings taken at a window's end; the quickest is used.
const READINGS: usize = 16;

/// TSC frequency in Hz: the rate that windows agree on, else the rate that spans agree on, else the
/// mean of the windows closest together. `None` with fewer windows than must agree.
pub fn hertz(reference: &impl Reference) -> Option<u64> {
    let mut rates = Rates::<MAX_WINDOWS>::new(TOLERANCE);
    let length = (reference.hertz() / WINDOWS_PER_SECOND) as u32;
    let lengths = [length, length + length / LENGTHENING].into_iter().cycle();
    rate_by_windows(reference, lengths, &mut rates)
        .or_else(|| rate_by_spans(reference))
        .or_else(|| rates.closest())
}

/// The rate that successive windows agree on; `lengths` are in counts of the reference. `None` if
/// they don't agree or the reference stops.
fn rate_by_windows<const N: usize>(
    reference: &impl Reference,
    lengths: impl Iterator<Item = u32>,
    rates: &mut Rates<N>,
) -> Option<u64> {
    let mut from = best_reading(reference);
    for length in lengths.take(N) {
        let to = end_of_window(reference, from, length)?;
        if let Some(agreed) = rate(reference, from, to).and_then(|rate| rates.add(rate)) {
            return Some(agreed);
        }
        from = to;
    }
    None
}

/// The rate that spans agree on; a span may contain pauses of the virtual CPU.
fn rate_by_spans(reference: &impl Reference) -> Option<u64> {
    let short = (reference.hertz() / SHORT_PER_SECOND) as u32;
    let mut rough_rates = Rates::<MAX_SHORT>::new(ROUGH_TOLERANCE);
    let rough = rate_by_windows(reference, core::iter::repeat(short), &mut rough_rates)?;
    let mut rates = Rates::<MAX_SPANS>::new(TOLERANCE);
    for _ in 0..MAX_SPANS {
        let from = best_reading(reference);
        let mut to = best_reading(reference);
        while to.cycles.saturating_sub(from.cycles) < rough / SPANS_PER_SECOND {
            to = best_reading(reference);
        }
        let rate = rate_of_span(reference, (from, to), rough);
        if let Some(agreed) = rate.and_then(|rate| rates.add(rate)) {
            return Some(agreed);
        }
    }
    None
}

/// TSC frequency over a span, with the reference's wraps counted by the `rough` rate; `None` if the
/// rough rate is too inexact to count them.
fn rate_of_span(reference: &impl Reference, (from, to): (Point, Point), rough: u64) -> Option<u64> {
    let cycles = to.cycles.checked_sub(from.cycles)?;
    let round = u64::from(reference.mask()) + 1;
    let counts = u128::from(cycles) * u128::from(reference.hertz()) / u128::from(rough);
    let counts = u64::try_from(counts).ok()?;
    if counts / ROUGH_TOLERANCE > round / 4 {
        return None;
    }
    let seen = u64::from(reference.between(from, to));
    let rounds = (counts + round / 2).saturating_sub(seen) / round;
    per_second(reference, cycles, seen + rounds * round)
}

/// TSC frequency between two points; `None` if it is implausible or the reference may have wrapped.
pub fn rate(reference: &impl Reference, from: Point, to: Point) -> Option<u64> {
    let counts = reference.between(from, to);
    let cycles = to.cycles.checked_sub(from.cycles)?;
    if counts > reference.longest() {
        return None;
    }
    per_second(reference, cycles, counts.into())
}

/// TSC frequency from `cycles` of the TSC in `counts` of the reference.
fn per_second(reference: &impl Reference, cycles: u64, counts: u64) -> Option<u64> {
    let rate = (u128::from(cycles) * u128::from(reference.hertz())).checked_div(counts.into())?;
    u64::try_from(rate).ok().filter(|rate| *rate <= MAX_HERTZ)
}

/// Measured rates, in ascending order.
struct Rates<const N: usize> {
    rates: [u64; N],
    known: usize,
    /// Rates agree if they differ by at most one part in this many.
    tolerance: u64,
}

impl<const N: usize> Rates<N> {
    fn new(tolerance: u64) -> Self {
        Self {
            rates: [0; N],
            known: 0,
            tolerance,
        }
    }

    /// Adds a rate. Returns the mean of the lowest ones that agree, once there are enough.
    fn add(&mut self, rate: u64) -> Option<u64> {
        *self.rates.get_mut(self.known)? = rate;
        self.known += 1;
        self.rates[..self.known].sort_unstable();
        let mut clusters = self.rates[..self.known].windows(AGREEING);
        clusters
            .find(|cluster| width(cluster) <= cluster[0] / self.tolerance)
            .map(mean)
    }

    /// The mean of the [`AGREEING`] rates that are closest together.
    fn closest(&self) -> Option<u64> {
        let clusters = self.rates[..self.known].windows(AGREEING);
        clusters.min_by_key(|cluster| width(cluster)).map(mean)
    }
}

fn width(cluster: &[u64]) -> u64 {
    cluster[AGREEING - 1] - cluster[0]
}

fn mean(cluster: &[u64]) -> u64 {
    cluster.iter().sum::<u64>() / AGREEING as u64
}

/// Spins until the reference has counted `length`; `None` if it stops.
fn end_of_window(reference: &impl Reference, from: Point, length: u32) -> Option<Point> {
    (0..MAX_READINGS).find(|_| reference.between(from, reference.read().into()) >= length)?;
    Some(best_reading(reference))
}

/// The quickest of [`READINGS`] readings: a slow bus access or a pause makes a reading inexact.
fn best_reading(reference: &impl Reference) -> Point {
    let first = reference.read();
    let best = (1..READINGS).fold(first, |best, _| {
        let next = reference.read();
        if next.spread() < best.spread() {
            next
        } else {
            best
        }
    });
    best.into()
}

#[cfg(test)]
pub mod tests {
    use core::cell::Cell;

    use super::{best_reading, hertz};
    use crate::kernel_test;
    use crate::time::reference::{Reading, Reference};

    /// Simulated machine: a TSC, a reference counter, and a host that pauses it periodically.
    pub struct SimulatedMachine {
        pub tsc: u64,
        pub reference: (u64, u32),
        /// Nanoseconds of running and of pause, alternating.
        pub turns: (u64, u64),
        /// Whether all periods have the same length.
        pub is_steady: bool,
        /// Nanoseconds since the start.
        pub now: Cell<u64>,
        random: Cell<u64>,
    }

    impl SimulatedMachine {
        pub fn new(tsc: u64, reference: (u64, u32), turns: (u64, u64), seed: u64) -> Self {
            Self {
                tsc,
                reference,
                turns,
                is_steady: false,
                now: Cell::new(seed % 100_000_000),
                random: Cell::new(seed | 1),
            }
        }

        /// Advances the time by `nanos`, and over the pause where one begins.
        pub fn pass(&self, nanos: u64) {
            let (runs, pauses) = self.turns;
            let before = self.now.get() / (runs + pauses);
            let mut now = self.now.get() + nanos;
            if now / (runs + pauses) > before || now % (runs + pauses) >= runs {
                // The next period begins, unless steady a little later each time.
                let later = if self.is_steady {
                    0
                } else {
                    self.below(runs / 4)
                };
                now = (now / (runs + pauses) + 1) * (runs + pauses) + later;
            }
            self.now.set(now);
        }

        fn below(&self, limit: u64) -> u64 {
            let mut x = self.random.get();
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            self.random.set(x);
            x % limit
        }

        fn cycles(&self) -> u64 {
            (u128::from(self.now.get()) * u128::from(self.tsc) / 1_000_000_000) as u64
        }
    }

    impl Reference for SimulatedMachine {
        fn hertz(&self) -> u64 {
            self.reference.0
        }

        fn mask(&self) -> u32 {
            self.reference.1
        }

        fn read(&self) -> Reading {
            let before = self.cycles();
            self.pass(1000 + self.below(400));
            let count = u128::from(self.now.get()) * u128::from(self.hertz()) / 1_000_000_000;
            self.pass(1000 + self.below(400));
            Reading {
                before,
                count: count as u32 & self.mask(),
                after: self.cycles(),
            }
        }
    }

    pub const PIT: (u64, u32) = (1_193_182, 0xffff);
    pub const PM_TIMER: (u64, u32) = (3_579_545, 0xff_ffff);

    const MS: u64 = 1_000_000;

    kernel_test!(
        fn pauses_of_the_host_do_not_change_the_rate() {
            // Rare pauses; a busy host; pauses in which the PIT wraps once and twice.
            let turns = [
                (1000 * MS, MS),
                (5 * MS, 20 * MS),
                (12 * MS, 60 * MS),
                (6 * MS, 54 * MS),
                (9 * MS, 110 * MS),
                // Runs of less than a window, or not much more.
                (3 * MS, 54 * MS),
                (2 * MS, 54 * MS),
                (2 * MS, 200 * MS),
                (3 * MS / 2, 53 * MS),
            ];
            for tsc in [700_000_000, 1_000_000_000, 2_300_000_000, 5_800_000_000] {
                for turns in turns {
                    for (seed, reference) in (0..4).flat_map(|s| [(s, PIT), (s, PM_TIMER)]) {
                        let machine =
                            SimulatedMachine::new(tsc, reference, turns, seed * 7_654_321);
                        let found = hertz(&machine);
                        let off = found.map(|found| found.abs_diff(tsc) * 1000 / tsc);
                        assert_eq!(off, Some(0), "{found:?} for {tsc}, {turns:?}, {seed}");
                    }
                }
            }
        }
    );

    /// A reference counter that stops after a number of readings.
    struct Stops(Cell<u32>);

    impl Reference for Stops {
        fn hertz(&self) -> u64 {
            PM_TIMER.0
        }

        fn mask(&self) -> u32 {
            PM_TIMER.1
        }

        fn read(&self) -> Reading {
            self.0.set(self.0.get().saturating_sub(1));
            let count = PM_TIMER.1 - self.0.get();
            Reading {
                before: u64::from(count) * 500,
                count,
                after: u64::from(count) * 500 + 10,
            }
        }
    }

    kernel_test!(
        fn a_stopped_reference_gives_no_rate() {
            for readings in [0, 1, 100, 10_000] {
                assert_eq!(hertz(&Stops(Cell::new(readings))), None, "{readings}");
            }
        }
    );

    kernel_test!(
        fn best_reading_is_exact_to_a_count() {
            let machine = SimulatedMachine::new(2_000_000_000, PIT, (50_000, 10 * MS), 3);
            for _ in 0..100 {
                let point = best_reading(&machine);
                let at = u128::from(point.cycles) * u128::from(PIT.0) / 2_000_000_000;
                let off = (at as u32).wrapping_sub(point.count) & 0xffff;
                assert!(off.min(0x10000 - off) <= 1, "{point:?} {at}");
            }
        }
    );
}
