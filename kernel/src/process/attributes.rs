//! What a thread may set about itself and ask again: priorities, slack, the signal at its parent's
//! end.
//!
//! Left out: that priorities count. All threads have the same turns, whatever their policy; they
//! are told what they set.

use linux_raw_sys::general as linux;

/// Nanoseconds that timers may be late, to begin with.
const DEFAULT_SLACK: u64 = 50_000;

/// A thread's own settings.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// -20 (first) to 19 (last).
    pub nice: i8,
    /// `SCHED_*`.
    pub policy: u32,
    /// 1 to 99 for SCHED_FIFO and SCHED_RR, 0 for the others.
    pub priority: u32,
    /// Children get SCHED_OTHER (SCHED_RESET_ON_FORK).
    pub reset_on_fork: bool,
    /// Class and level (ioprio_set(2)).
    pub io_priority: u16,
    /// Nanoseconds that timers may be late (PR_SET_TIMERSLACK),
    pub slack: u64,
    /// and the default that 0 restores: the slack of the creating thread.
    pub default_slack: u64,
    /// What it gets when its parent ends (PR_SET_PDEATHSIG); 0: nothing.
    pub parent_death_signal: u8,
    /// execve(2) grants nothing any more (PR_SET_NO_NEW_PRIVS).
    pub no_new_privs: bool,
    /// personality(2).
    pub personality: u32,
    /// It became a user with more threads than RLIMIT_NPROC allows (PF_NPROC_EXCEEDED).
    pub has_too_many: bool,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            nice: 0,
            policy: linux::SCHED_NORMAL,
            priority: 0,
            reset_on_fork: false,
            io_priority: 0,
            slack: DEFAULT_SLACK,
            default_slack: DEFAULT_SLACK,
            parent_death_signal: 0,
            no_new_privs: false,
            personality: 0,
            has_too_many: false,
        }
    }
}

impl Attributes {
    /// Those of a child (sched_fork in kernel/sched/core.c).
    pub fn for_child(&self) -> Self {
        let mut child = Self {
            parent_death_signal: 0,
            default_slack: self.slack,
            reset_on_fork: false,
            ..*self
        };
        if self.reset_on_fork {
            if self.priority != 0 {
                (child.policy, child.priority, child.nice) = (linux::SCHED_NORMAL, 0, 0);
            }
            child.nice = child.nice.max(0);
        }
        child
    }
}
