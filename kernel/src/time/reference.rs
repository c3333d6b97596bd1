//! What the TSC is measured against: ACPI's power management timer, else the PIT's channel 2.
//!
//! The timer is one port to read, and goes round after 4.7 s at the earliest. The PIT is
//! everywhere, and goes round after 54.9 ms, which a host that stops the machine makes easy to
//! miss. How both are used so that it is not missed: `measure.rs` at boot, `watch.rs` afterwards.

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

    /// The bits that count: after this value comes 0.
    fn mask(&self) -> u32;

    /// What it says now, and the TSC around that.
    fn read(&self) -> Reading;

    /// Counts from `from` to `to`; whole rounds are not seen.
    fn between(&self, from: Point, to: Point) -> u32 {
        to.count.wrapping_sub(from.count) & self.mask()
    }

    /// The most counts between two readings that are believed. A wide counter hardly goes round
    /// unseen. Of a narrow one the difference is believed where it is short: a round that was
    /// missed then makes the rate several times too high, and that is seen.
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
    /// How long it took, in cycles: the shorter, the better is known when it was.
    pub fn spread(self) -> u64 {
        self.after.saturating_sub(self.before)
    }
}

/// Both counters at one moment.
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

/// The reference that this machine has.
#[derive(Clone, Copy, Debug)]
pub enum Hardware {
    /// ACPI's power management timer.
    PmTimer(PmTimer),
    /// The PIT's channel 2.
    Pit,
}

impl Hardware {
    /// Finds a reference that counts.
    pub fn find() -> Option<Self> {
        /// Readings, of a third of a microsecond at least, within which either must move.
        const TRIES: u32 = 1000;

        pit::start_countdown();
        let timer = acpi::pm_timer().map(Self::PmTimer);
        timer.into_iter().chain([Self::Pit]).find(|reference| {
            let first = reference.read().count;
            (0..TRIES).any(|_| reference.read().count != first)
        })
    }

    /// Its name for the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::PmTimer(_) => "ACPI timer",
            Self::Pit => "PIT",
        }
    }

    fn count(self) -> u32 {
        match self {
            // SAFETY: reading the timer's port has no effect; the FADT names it.
            Self::PmTimer(timer) => unsafe { Port::<u32>::new(timer.port).read() },
            // It counts down.
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
