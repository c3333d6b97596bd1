//! The TSC's rate at boot: measured in short windows until some of them agree.
//!
//! Whatever stops the machine stops it between two instructions: both counters go on, and a window
//! with a pause in it measures as well as any other, unless the reference went round meanwhile.
//! Such a window makes the TSC several times too fast, never too slow, and by another factor each
//! time. So the lowest rate that several windows agree on is the TSC's.
//!
//! A host that lets the machine run for less than a window at a time spoils them all. Windows of a
//! quarter of a millisecond then give a rough rate, and that tells how often the reference went
//! round in a span long enough for a good one.

use super::reference::{Point, Reference};

/// Windows that a second has: of 2 ms, so that some fit between two pauses.
const WINDOWS_IN_A_SECOND: u64 = 500;
/// Every other window is longer by this part, so that not all begin at the same point of the host's
/// scheduling periods.
const MORE: u32 = 3;
/// Most windows.
const MOST: usize = 64;
/// How many have to agree.
const AGREEING: usize = 4;
/// They agree within one part in so many: 0.03 %.
const TOLERANCE: u64 = 3000;
/// No TSC is faster, Hz.
pub const HIGHEST: u64 = 10_000_000_000;
/// Readings after which a window that isn't over never will be: each takes a third of a microsecond
/// at least, and a window 2 ms.
const PATIENCE: u32 = 1_000_000;
/// The short windows: how many a second has, how many there are at the most, and within which part
/// they agree.
const SHORT_IN_A_SECOND: u64 = 4000;
const MOST_SHORT: usize = 256;
const ROUGHLY: u64 = 64;
/// How many of the spans there are in a second, and at the most.
const SPANS_IN_A_SECOND: u64 = 10;
const MOST_SPANS: usize = 16;
/// Readings of which the shortest is a window's end.
const READINGS: usize = 16;

/// Cycles per second: what windows agree on, else spans, else what windows agree on best; `None`
/// without as many windows.
pub fn hertz(reference: &impl Reference) -> Option<u64> {
    let mut rates = Rates::<MOST>::new(TOLERANCE);
    let length = (reference.hertz() / WINDOWS_IN_A_SECOND) as u32;
    let lengths = [length, length + length / MORE].into_iter().cycle();
    by_windows(reference, lengths, &mut rates)
        .or_else(|| by_spans(reference))
        .or_else(|| rates.closest())
}

/// The rate that successive windows of these lengths agree on; `None` also if the reference stops.
fn by_windows<const N: usize>(
    reference: &impl Reference,
    lengths: impl Iterator<Item = u32>,
    rates: &mut Rates<N>,
) -> Option<u64> {
    let mut from = point(reference);
    for length in lengths.take(N) {
        let to = end_of_window(reference, from, length)?;
        if let Some(agreed) = rate(reference, from, to).and_then(|rate| rates.add(rate)) {
            return Some(agreed);
        }
        from = to;
    }
    None
}

/// The rate that spans agree on, which include pauses of the virtual CPU.
fn by_spans(reference: &impl Reference) -> Option<u64> {
    let short = (reference.hertz() / SHORT_IN_A_SECOND) as u32;
    let mut rough_rates = Rates::<MOST_SHORT>::new(ROUGHLY);
    let rough = by_windows(reference, core::iter::repeat(short), &mut rough_rates)?;
    let mut rates = Rates::<MOST_SPANS>::new(TOLERANCE);
    for _ in 0..MOST_SPANS {
        let from = point(reference);
        let mut to = point(reference);
        while to.cycles.saturating_sub(from.cycles) < rough / SPANS_IN_A_SECOND {
            to = point(reference);
        }
        let rate = rate_of_span(reference, (from, to), rough);
        if let Some(agreed) = rate.and_then(|rate| rates.add(rate)) {
            return Some(agreed);
        }
    }
    None
}

/// Cycles per second in a span, if the `rough` rate tells how often the reference went round in it.
fn rate_of_span(reference: &impl Reference, (from, to): (Point, Point), rough: u64) -> Option<u64> {
    let cycles = to.cycles.checked_sub(from.cycles)?;
    let round = u64::from(reference.mask()) + 1;
    let counts = u128::from(cycles) * u128::from(reference.hertz()) / u128::from(rough);
    let counts = u64::try_from(counts).ok()?;
    if counts / ROUGHLY > round / 4 {
        return None;
    }
    let seen = u64::from(reference.between(from, to));
    let rounds = (counts + round / 2).saturating_sub(seen) / round;
    per_second(reference, cycles, seen + rounds * round)
}

/// Cycles per second from one point to another, if that can be one.
pub fn rate(reference: &impl Reference, from: Point, to: Point) -> Option<u64> {
    let counts = reference.between(from, to);
    let cycles = to.cycles.checked_sub(from.cycles)?;
    if counts > reference.longest() {
        return None;
    }
    per_second(reference, cycles, counts.into())
}

/// Cycles per second where the reference counted so far meanwhile.
fn per_second(reference: &impl Reference, cycles: u64, counts: u64) -> Option<u64> {
    let rate = (u128::from(cycles) * u128::from(reference.hertz())).checked_div(counts.into())?;
    u64::try_from(rate).ok().filter(|rate| *rate <= HIGHEST)
}

/// Rates that were measured, the lowest first.
struct Rates<const N: usize> {
    rates: [u64; N],
    known: usize,
    /// They agree within one part in so many.
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

    /// Adds one; the mean of the lowest that agree, once there are enough.
    fn add(&mut self, rate: u64) -> Option<u64> {
        *self.rates.get_mut(self.known)? = rate;
        self.known += 1;
        self.rates[..self.known].sort_unstable();
        let mut clusters = self.rates[..self.known].windows(AGREEING);
        clusters
            .find(|cluster| width(cluster) <= cluster[0] / self.tolerance)
            .map(mean)
    }

    /// The mean of those that lie closest together.
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

/// Waits until `length` counts have passed; `None` if the reference stops.
fn end_of_window(reference: &impl Reference, from: Point, length: u32) -> Option<Point> {
    (0..PATIENCE).find(|_| reference.between(from, reference.read().into()) >= length)?;
    Some(point(reference))
}

/// The best of many readings: where the bus or a pause of the host's came between, a reading says
/// little.
fn point(reference: &impl Reference) -> Point {
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

    use super::{hertz, point};
    use crate::kernel_test;
    use crate::time::reference::{Reading, Reference};

    /// A machine whose time is made up: a TSC, a reference, and a host that stops it in turns.
    pub struct MadeUp {
        pub tsc: u64,
        pub reference: (u64, u32),
        /// Nanoseconds that the machine runs and is paused, in turn.
        pub turns: (u64, u64),
        /// Whether the turns are all of one length.
        pub is_steady: bool,
        /// Nanoseconds since the beginning.
        pub now: Cell<u64>,
        random: Cell<u64>,
    }

    impl MadeUp {
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

        /// Lets time pass, and more where the host has its turn.
        pub fn pass(&self, nanos: u64) {
            let (runs, stands) = self.turns;
            let before = self.now.get() / (runs + stands);
            let mut now = self.now.get() + nanos;
            if now / (runs + stands) > before || now % (runs + stands) >= runs {
                // The next turn begins; a little later or earlier each time.
                let later = if self.is_steady {
                    0
                } else {
                    self.below(runs / 4)
                };
                now = (now / (runs + stands) + 1) * (runs + stands) + later;
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

    impl Reference for MadeUp {
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
            // Hardly ever; a busy host; long enough for the PIT to go round, once and twice.
            let turns = [
                (1000 * MS, MS),
                (5 * MS, 20 * MS),
                (12 * MS, 60 * MS),
                (6 * MS, 54 * MS),
                (9 * MS, 110 * MS),
                // Less than a window.
                (3 * MS, 54 * MS),
                (2 * MS, 54 * MS),
                (2 * MS, 200 * MS),
                (3 * MS / 2, 53 * MS),
            ];
            for tsc in [700_000_000, 1_000_000_000, 2_300_000_000, 5_800_000_000] {
                for turns in turns {
                    for (seed, reference) in (0..4).flat_map(|s| [(s, PIT), (s, PM_TIMER)]) {
                        let machine = MadeUp::new(tsc, reference, turns, seed * 7_654_321);
                        let found = hertz(&machine);
                        let off = found.map(|found| found.abs_diff(tsc) * 1000 / tsc);
                        assert_eq!(off, Some(0), "{found:?} for {tsc}, {turns:?}, {seed}");
                    }
                }
            }
        }
    );

    /// A counter that stops after some readings.
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
        fn a_counter_that_stops_has_no_rate() {
            for readings in [0, 1, 100, 10_000] {
                assert_eq!(hertz(&Stops(Cell::new(readings))), None, "{readings}");
            }
        }
    );

    kernel_test!(
        fn an_end_is_the_best_of_many_readings() {
            let machine = MadeUp::new(2_000_000_000, PIT, (50_000, 10 * MS), 3);
            for _ in 0..100 {
                let point = point(&machine);
                let at = u128::from(point.cycles) * u128::from(PIT.0) / 2_000_000_000;
                let off = (at as u32).wrapping_sub(point.count) & 0xffff;
                assert!(off.min(0x10000 - off) <= 1, "{point:?} {at}");
            }
        }
    );
}
