//! The kernel's side: the timer interrupt computes new bases from old ones and rewrites the page.
//!
//! The invariant: every clock's value at the new base equals, to the last fraction bit, the value
//! computed there from the old base. So readers see no jump, whichever base they read. The caller
//! is `kernel/src/time/`.

use crate::math::{NANOS_PER_SEC, SHIFT, SHIFTED_SEC, Time, near_limit};
use crate::page::{ClockPage, MODE_COARSE, MODE_SYSCALL};
use crate::reader::{
    BOOTTIME, MONOTONIC, MONOTONIC_COARSE, MONOTONIC_RAW, REALTIME, REALTIME_COARSE, TAI,
};

/// A clock's value with its fraction: seconds, and 2^-28 ns below one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Base {
    seconds: i64,
    shifted: u64,
}

impl Base {
    /// This base, `cycles` later.
    fn after(self, cycles: u64, mult: u32) -> Self {
        // ANCHOR: advance
        let total = u128::from(cycles) * u128::from(mult) + u128::from(self.shifted);
        Self {
            seconds: self
                .seconds
                .wrapping_add((total / u128::from(SHIFTED_SEC)) as i64),
            shifted: (total % u128::from(SHIFTED_SEC)) as u64,
        }
        // ANCHOR_END: advance
    }

    /// This base plus a constant offset.
    fn offset(self, by: Time) -> Self {
        let shifted = self.shifted + (u64::from(by.nanos) << SHIFT);
        Self {
            seconds: self
                .seconds
                .wrapping_add(by.seconds)
                .wrapping_add((shifted / SHIFTED_SEC) as i64),
            shifted: shifted % SHIFTED_SEC,
        }
    }

    /// Whole nanoseconds.
    fn time(self) -> Time {
        Time {
            seconds: self.seconds,
            nanos: (self.shifted >> SHIFT) as u32,
        }
    }
}

/// The kernel's record of time; the page is a copy for readers.
#[derive(Clone, Debug)]
pub struct Timekeeper {
    cycle: u64,
    mult: u32,
    raw_mult: u32,
    monotonic: Base,
    raw: Base,
    /// REALTIME minus MONOTONIC.
    wall: Time,
    /// TAI minus REALTIME, seconds.
    tai: i32,
    /// `MODE_*` of the clocks that read the counter.
    mode: u32,
}

impl Timekeeper {
    /// A record with time zero at counter value `cycle`, for a counter of `mult` 2^-28 ns per cycle
    /// (see [`crate::math::mult_for`]), read in user mode by `mode`.
    pub fn new(cycle: u64, mult: u32, mode: u32) -> Self {
        Self {
            cycle,
            mult,
            raw_mult: mult,
            monotonic: Base::default(),
            raw: Base::default(),
            wall: Time::default(),
            tai: 0,
            mode,
        }
    }

    /// Moves the base to counter value `cycle`. A counter before the base has no effect.
    pub fn advance(&mut self, cycle: u64) {
        let cycles = cycle.wrapping_sub(self.cycle);
        if cycles as i64 <= 0 {
            return;
        }
        self.monotonic = self.monotonic.after(cycles, self.mult);
        self.raw = self.raw.after(cycles, self.raw_mult);
        self.cycle = cycle;
    }

    /// Changes the rate of every clock except MONOTONIC_RAW, from counter value `cycle` on.
    pub fn set_mult(&mut self, cycle: u64, mult: u32) {
        self.advance(cycle);
        self.mult = mult;
    }

    /// Sets REALTIME at counter value `cycle`. The other clocks don't change.
    pub fn set_realtime(&mut self, cycle: u64, time: Time) {
        self.advance(cycle);
        let now = self.monotonic.time();
        let (nanos, borrow) = match time.nanos.checked_sub(now.nanos) {
            Some(nanos) => (nanos, 0),
            None => (time.nanos + NANOS_PER_SEC - now.nanos, 1),
        };
        self.wall = Time {
            seconds: time.seconds.wrapping_sub(now.seconds).wrapping_sub(borrow),
            nanos,
        };
    }

    /// Sets TAI minus REALTIME, in seconds.
    pub fn set_tai(&mut self, seconds: i32) {
        self.tai = seconds;
    }

    /// TAI minus REALTIME, in seconds.
    pub fn tai(&self) -> i32 {
        self.tai
    }

    /// Copies the record into the page under its sequence lock. `tick` is the time between
    /// ticks in nanoseconds, the resolution of the coarse clocks.
    pub fn publish(&self, page: &ClockPage, tick: u32) {
        let realtime = self.monotonic.offset(self.wall);
        let tai = realtime.offset(Time {
            seconds: self.tai.into(),
            nanos: 0,
        });
        page.sequence.write(|ticket| {
            page.cycle.set(self.cycle);
            page.near_limit
                .set(near_limit(self.mult.max(self.raw_mult)).into());
            page.coarse_resolution.set(tick);
            // BOOTTIME is MONOTONIC plus the time suspended, and this kernel never suspends.
            let clocks = [
                (REALTIME, realtime, self.mult),
                (MONOTONIC, self.monotonic, self.mult),
                (BOOTTIME, self.monotonic, self.mult),
                (TAI, tai, self.mult),
                (MONOTONIC_RAW, self.raw, self.raw_mult),
            ];
            // ANCHOR: publish-clock
            for (index, base, mult) in clocks {
                let clock = &page.clocks[index];
                clock.seconds.set(base.seconds as u64);
                clock.nanos.set(base.shifted);
                clock.mult.set(mult.into());
                clock.mode.set(self.mode);
                if self.user_readable() {
                    clock.written.end(ticket);
                } else {
                    clock.written.revoke();
                }
            }
            // ANCHOR_END: publish-clock
            for (index, base) in [
                (REALTIME_COARSE, realtime),
                (MONOTONIC_COARSE, self.monotonic),
            ] {
                let clock = &page.clocks[index];
                clock.seconds.set(base.seconds as u64);
                clock.nanos.set(base.shifted >> SHIFT);
                clock.mode.set(MODE_COARSE);
                clock.written.end(ticket);
            }
        });
    }

    /// A counting clock's value at the base; `None` for other ids.
    pub fn at_base(&self, id: usize) -> Option<Time> {
        match id {
            MONOTONIC | BOOTTIME => Some(self.monotonic.time()),
            MONOTONIC_RAW => Some(self.raw.time()),
            REALTIME => Some(self.monotonic.offset(self.wall).time()),
            TAI => {
                let time = self.monotonic.offset(self.wall).time();
                Some(Time {
                    seconds: time.seconds.wrapping_add(self.tai.into()),
                    ..time
                })
            }
            _ => None,
        }
    }

    /// Whether programs may read the counter.
    pub fn user_readable(&self) -> bool {
        self.mode != MODE_SYSCALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::MODE_RDTSC;
    use crate::reader::{Counter, now};
    use proptest::prelude::*;

    /// A counter with a constant value.
    struct At(u64);

    impl Counter for At {
        fn rdtscp(&self) -> u64 {
            self.0
        }
        fn rdtsc(&self) -> u64 {
            self.0
        }
    }

    fn page() -> Box<ClockPage> {
        // SAFETY: zeros are a valid page.
        unsafe { Box::<ClockPage>::new_zeroed().assume_init() }
    }

    fn read(page: &ClockPage, id: usize, cycle: u64) -> Time {
        now(page, &page.clocks[id], &At(cycle)).expect("a counting clock")
    }

    proptest! {
        /// For any steps and rates: at a new base, a reader's value from the old page equals that
        /// from the new page.
        #[test]
        fn a_new_base_continues_the_old(
            start: u32,
            mult in 1..=u32::MAX,
            steps in prop::collection::vec((0u64..1 << 40, 1..=u32::MAX), 1..20),
        ) {
            let page = page();
            let mut keeper = Timekeeper::new(start.into(), mult, MODE_RDTSC);
            keeper.publish(&page, 1);
            let mut cycle = u64::from(start);
            for (step, mult) in steps {
                cycle += step;
                let before = [MONOTONIC, BOOTTIME, MONOTONIC_RAW].map(|id| read(&page, id, cycle));
                keeper.set_mult(cycle, mult);
                keeper.publish(&page, 1);
                let after = [MONOTONIC, BOOTTIME, MONOTONIC_RAW].map(|id| read(&page, id, cycle));
                prop_assert_eq!(before, after);
                prop_assert!(read(&page, MONOTONIC, cycle + 1) >= after[0]);
            }
        }

        /// Many small steps have the same result as one big step: no fraction is lost.
        #[test]
        fn fractions_add_up(mult in 1..=u32::MAX, step in 1u64..10_000, count in 1u64..2_000) {
            let mut keeper = Timekeeper::new(0, mult, MODE_RDTSC);
            let mut other = keeper.clone();
            for index in 1..=count {
                keeper.advance(index * step);
            }
            other.advance(count * step);
            prop_assert_eq!(keeper.at_base(MONOTONIC), other.at_base(MONOTONIC));
            prop_assert_eq!(keeper.at_base(MONOTONIC_RAW), other.at_base(MONOTONIC_RAW));
        }

        #[test]
        fn setting_the_date_sets_the_date(
            cycle in 0u64..1 << 50, mult in 1..=u32::MAX, seconds in -5_000_000_000i64..50_000_000_000, nanos in 0..NANOS_PER_SEC,
        ) {
            let page = page();
            let mut keeper = Timekeeper::new(0, mult, MODE_RDTSC);
            let monotonic = { keeper.advance(cycle); keeper.at_base(MONOTONIC) };
            keeper.set_realtime(cycle, Time { seconds, nanos });
            keeper.set_tai(37);
            keeper.publish(&page, 1);
            prop_assert_eq!(read(&page, REALTIME, cycle), Time { seconds, nanos });
            prop_assert_eq!(read(&page, TAI, cycle), Time { seconds: seconds + 37, nanos });
            prop_assert_eq!(keeper.at_base(TAI), Some(Time { seconds: seconds + 37, nanos }));
            prop_assert_eq!(keeper.at_base(MONOTONIC), monotonic);
        }
    }

    #[test]
    fn a_counter_that_runs_backwards_stops_the_clocks() {
        let mut keeper = Timekeeper::new(1_000_000, 1 << SHIFT, MODE_RDTSC);
        keeper.advance(5_000_000);
        let then = keeper.at_base(MONOTONIC);
        keeper.advance(4_000_000);
        assert_eq!(keeper.at_base(MONOTONIC), then);
    }
}
