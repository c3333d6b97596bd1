//! Credentials: whom a process acts as. Everything starts as root.

use alloc::vec::Vec;

/// User and group IDs (credentials(7)).
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Linux's names.
pub struct Credentials {
    pub uid: u32,
    pub euid: u32,
    pub suid: u32,
    pub fsuid: u32,
    pub gid: u32,
    pub egid: u32,
    pub sgid: u32,
    pub fsgid: u32,
    pub groups: Vec<u32>,
}

impl Credentials {
    /// Whether permission checks are passed over (CAP_DAC_OVERRIDE and its like).
    pub fn is_privileged(&self) -> bool {
        self.euid == 0
    }

    /// Whether it may send a signal to a process with `target`'s credentials (kill(2)).
    pub fn may_signal(&self, target: &Self) -> bool {
        self.is_privileged()
            || [self.euid, self.uid]
                .iter()
                .any(|id| *id == target.uid || *id == target.suid)
    }

    /// Whether it may change the limits of a process with `target`'s credentials (prlimit(2)).
    pub fn may_limit(&self, target: &Self) -> bool {
        self.is_privileged()
            || [target.uid, target.euid, target.suid]
                .iter()
                .all(|id| *id == self.uid)
                && [target.gid, target.egid, target.sgid]
                    .iter()
                    .all(|id| *id == self.gid)
    }

    /// Whether it is a member of `group`.
    pub fn in_group(&self, group: u32) -> bool {
        self.fsgid == group || self.groups.contains(&group)
    }
}
