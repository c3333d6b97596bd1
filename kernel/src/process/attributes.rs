//! Attributes of a thread that calls set and get: scheduling policy and priority, timer slack,
//! parent-death signal, personality.
//!
//! Left out: the effect of policies, nice values and I/O priorities, which are stored only. All
//! threads are scheduled alike (`sched/turns.rs`).

use linux_raw_sys::general as linux;

/// Initial timer slack, ns.
const DEFAULT_SLACK: u64 = 50_000;

/// Attributes of a thread.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// Nice value, -20 (highest priority) to 19.
    pub nice: i8,
    /// Scheduling policy, `SCHED_*`.
    pub policy: u32,
    /// Real-time priority: 1 to 99 for SCHED_FIFO and SCHED_RR, 0 for the other policies.
    pub priority: u32,
    /// Children get SCHED_OTHER (SCHED_RESET_ON_FORK).
    pub reset_on_fork: bool,
    /// I/O priority: class and level (ioprio_set(2)).
    pub io_priority: u16,
    /// Timer slack, ns (PR_SET_TIMERSLACK).
    pub slack: u64,
    /// Default timer slack, ns, restored by a slack of 0: the slack of the creating thread.
    pub default_slack: u64,
    /// Signal sent when the parent ends (PR_SET_PDEATHSIG); 0: none.
    pub parent_death_signal: u8,
    /// execve(2) grants no privileges (PR_SET_NO_NEW_PRIVS).
    pub no_new_privs: bool,
    /// Execution domain (personality(2)).
    pub personality: u32,
    /// A set*id call exceeded the new user's RLIMIT_NPROC (PF_NPROC_EXCEEDED).
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
    /// The attributes of a child (sched_fork in kernel/sched/core.c).
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
