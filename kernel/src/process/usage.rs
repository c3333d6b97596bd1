//! Counters of resource usage, of a thread or of a process, and their sums. `rusage.rs` computes
//! the sums.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::sched::thread::Switches;
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
    reported: Mutex<(u64, u64), rank::ReportedCpuTimes>,
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

/// Counters of a process.
#[derive(Default)]
pub struct ProcessUsage {
    /// CPU time of all threads ever, in TSC cycles (`sched/cputime.rs`).
    cycles: AtomicU64,
    /// Counts of the ended threads, and CPU time samples of all threads.
    pub counts: Usage,
    /// Switches of the threads that ended.
    pub switches: Switches,
    children: Mutex<Totals, rank::ChildrenUsage>,
    peak_pages: AtomicU64,
}

impl ProcessUsage {
    /// Adds CPU time of a thread, in TSC cycles.
    pub fn charge(&self, cycles: u64) {
        self.cycles.fetch_add(cycles, Relaxed);
    }

    /// CPU time of all threads ever, in TSC cycles, as far as charged.
    pub fn cycles(&self) -> u64 {
        self.cycles.load(Relaxed)
    }

    /// Adds the counts of an ended thread.
    pub fn take_over(&self, counts: &Usage, switches: &Switches) {
        self.counts.take_over(counts);
        self.switches.take_over(switches);
    }

    /// Resource usage of the reaped children, their own reaped children included.
    pub fn children(&self) -> Totals {
        *self.children.lock()
    }

    /// Adds a reaped child's usage, its own reaped children included.
    pub fn add_child(&self, child: Totals) {
        let mut children = self.children.lock();
        *children = children.with(child);
    }

    /// Raises the peak resident set to a new sample, in pages; returns the peak.
    pub fn note_peak(&self, pages: u64) -> u64 {
        self.peak_pages.fetch_max(pages, Relaxed).max(pages)
    }
}
