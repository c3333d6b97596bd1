//! Counters of resource usage, of a thread or of the ended threads of a process, and their sums. `rusage.rs`
//! computes the sums.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::sync::{Mutex, rank};

/// Counters of a thread, or of the ended threads of a process.
#[derive(Default)]
pub struct Usage {
    /// Ticks in user mode.
    user: AtomicU64,
    /// Ticks in the kernel.
    system: AtomicU64,
    /// Page faults that were resolved.
    pub faults: AtomicU64,
    /// User and system time last reported, ns: neither ever decreases.
    reported: Mutex<(u64, u64), rank::CpuTold>,
}

/// Resource usage (struct rusage).
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// User CPU time, ns.
    pub user: u64,
    /// System CPU time, ns.
    pub system: u64,
    /// Page faults.
    pub faults: u64,
    /// Context switches by a wait.
    pub voluntary: u64,
    /// Context switches by preemption.
    pub involuntary: u64,
    /// Peak resident set, pages.
    pub max_pages: u64,
}

impl Totals {
    /// The sum of both; of the peaks the maximum.
    pub fn with(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
            faults: self.faults + other.faults,
            voluntary: self.voluntary + other.voluntary,
            involuntary: self.involuntary + other.involuntary,
            max_pages: self.max_pages.max(other.max_pages),
        }
    }
}

impl Usage {
    /// Counts a tick in the kernel or in user mode.
    pub fn count_tick(&self, in_kernel: bool) {
        let count = if in_kernel { &self.system } else { &self.user };
        count.fetch_add(1, Relaxed);
    }

    /// Adds the counts of an ended thread to its process's.
    pub fn take_over(&self, ended: &Self) {
        self.faults.fetch_add(ended.faults.load(Relaxed), Relaxed);
    }

    /// Splits `total` ns into user and system time in proportion to the samples (cputime_adjust in
    /// kernel/sched/cputime.c).
    pub fn split(&self, total: u64) -> (u64, u64) {
        let (user, system) = (self.user.load(Relaxed), self.system.load(Relaxed));
        let mut reported = self.reported.lock();
        let all = u128::from((user + system).max(1));
        let share = (u128::from(total) * u128::from(system) / all) as u64;
        let most = total.saturating_sub(reported.0).max(reported.1);
        let system = share.clamp(reported.1, most);
        *reported = (total.saturating_sub(system).max(reported.0), system);
        *reported
    }
}
