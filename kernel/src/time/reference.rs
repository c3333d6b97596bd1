//! Reference counters for the TSC: ACPI's power management timer, else the PIT's channel 2.
//!
//! The power management timer is read from one port and wraps after 4.7 s at the earliest. The PIT
//! exists on every PC and wraps after 54.9 ms: a pause of the virtual machine easily hides a wrap.
//! `measure.rs` (at boot) and `watch.rs` (afterwards) detect hidden wraps.

use x86_64::instructions::port::Port;

use super::pit;
use crate::arch::tsc;
use crate::dev::acpi::{self, PmTimer};

/// The power management timer's frequency, Hz: a quarter of NTSC's 14.31818 MHz.
const PM_TIMER_HERTZ: u64 = 3_579_545;

/// A counter of known rate.
pub trait Reference {
    /// Counts per second.
    fn hertz(&self) -> u64;

    /// The counter's bits: after this value it wraps to 0.
    fn mask(&self) -> u32;

    /// Reads the counter, and the TSC before and after it.
    fn read(&self) -> Reading;

    /// Counts from `from` to `to`, modulo the counter's range.
    fn between(&self, from: Point, to: Point) -> u32 {
        to.count.wrapping_sub(from.count) & self.mask()
    }

    /// The highest difference of two readings that is trusted. A wide counter hardly wraps unseen.
    /// A narrow counter's difference is trusted if it is short: a missed wrap then makes the rate
    /// several times too high, which the caller detects.
    fn longest(&self) -> u32 {
        if self.mask() > 0xffff {
            self.mask() / 2
        } else {
            (self.hertz() * 30 / 1000) as u32
        }
    }
}

/// One reading.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The TSC before.
    pub before: u64,
    /// The reference's count.
    pub count: u32,
    /// The TSC after.
    pub after: u64,
}

impl Reading {
    /// Duration of the reading in cycles; the shorter, the more exact its time.
    pub fn spread(self) -> u64 {
        self.after.saturating_sub(self.before)
    }
}

/// Both counters at the same moment.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// The TSC.
    pub cycles: u64,
    /// The reference.
    pub count: u32,
}

impl From<Reading> for Point {
    fn from(reading: Reading) -> Self {
        Self {
            cycles: reading.before + reading.spread() / 2,
            count: reading.count,
        }
    }
}

/// The machine's reference counters.
#[derive(Clone, Copy, Debug)]
pub enum Hardware {
    /// ACPI's power management timer.
    PmTimer(PmTimer),
    /// The PIT's channel 2.
    Pit,
}

impl Hardware {
    /// Finds a reference counter that runs.
    pub fn find() -> Option<Self> {
        /// Readings, of at least a third of a microsecond each, within which the counter must move.
        const TRIES: u32 = 1000;

        pit::start_countdown();
        let timer = acpi::pm_timer().map(Self::PmTimer);
        timer.into_iter().chain([Self::Pit]).find(|reference| {
            let first = reference.read().count;
            (0..TRIES).any(|_| reference.read().count != first)
        })
    }

    /// Name for the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::PmTimer(_) => "ACPI timer",
            Self::Pit => "PIT",
        }
    }

    fn count(self) -> u32 {
        match self {
            // SAFETY: reading the timer's port, found in the FADT, has no side effect.
            Self::PmTimer(timer) => unsafe { Port::<u32>::new(timer.port).read() },
            // Channel 2 counts down.
            Self::Pit => u32::from(!pit::count()),
        }
    }
}

impl Reference for Hardware {
    fn hertz(&self) -> u64 {
        match self {
            Self::PmTimer(_) => PM_TIMER_HERTZ,
            Self::Pit => pit::HERTZ,
        }
    }

    fn mask(&self) -> u32 {
        match self {
            Self::PmTimer(timer) => timer.mask,
            Self::Pit => 0xffff,
        }
    }

    fn read(&self) -> Reading {
        let before = tsc::cycles();
        let count = self.count();
        let after = tsc::cycles();
        Reading {
            before,
            count,
            after,
        }
    }
}
