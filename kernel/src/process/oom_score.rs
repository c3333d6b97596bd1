//! A process's adjustment of its rating by the out-of-memory killer (/proc/PID/oom_score_adj).

use core::sync::atomic::{AtomicI16, Ordering::Relaxed};

/// Adjustment of a process's badness (/proc/PID/oom_score_adj).
#[derive(Debug, Default)]
pub struct Adjustment {
    /// Thousandths of all memory added to the process's size; [`Adjustment::NEVER`] exempts it.
    value: AtomicI16,
    /// Lowest value that may be set without CAP_SYS_RESOURCE.
    floor: AtomicI16,
}

impl Adjustment {
    /// The lowest value: the process is never killed.
    pub const NEVER: i16 = -1000;
    /// The highest value.
    pub const MOST: i16 = 1000;

    /// The value.
    pub fn get(&self) -> i16 {
        self.value.load(Relaxed)
    }

    /// Sets the value. Returns false, without `is_capable` (CAP_SYS_RESOURCE), for a value below
    /// the one last set with the capability.
    pub fn set(&self, value: i16, is_capable: bool) -> bool {
        if !is_capable && value < self.floor.load(Relaxed) {
            return false;
        }
        if is_capable {
            self.floor.store(value, Relaxed);
        }
        self.value.store(value, Relaxed);
        true
    }

    /// Copies the parent's adjustment to its child's.
    pub fn inherit(&self, from: &Self) {
        self.value.store(from.value.load(Relaxed), Relaxed);
        self.floor.store(from.floor.load(Relaxed), Relaxed);
    }
}
