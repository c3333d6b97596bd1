//! Credentials: as whom a thread acts, and with which of root's rights (credentials(7),
//! capabilities(7)). Everything starts as root with all of them.
//!
//! A thread's are its own. Other processes see those of a process's first thread.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::abi::capability::{Caps, SecureBits};

/// User and group IDs, and sets of capabilities.
#[derive(Clone, Debug)]
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
    /// Supplementary groups in rising order.
    pub groups: Arc<Vec<u32>>,
    /// What execve(2) may pass on.
    pub inheritable: Caps,
    /// The most that may become effective.
    pub permitted: Caps,
    /// What checks look at.
    pub effective: Caps,
    /// The most that execve(2) grants.
    pub bounding: Caps,
    /// What execve(2) passes on to a program without rights of its own.
    pub ambient: Caps,
    pub secure_bits: SecureBits,
}

impl Default for Credentials {
    /// Those of init.
    fn default() -> Self {
        Self {
            uid: 0,
            euid: 0,
            suid: 0,
            fsuid: 0,
            gid: 0,
            egid: 0,
            sgid: 0,
            fsgid: 0,
            groups: Arc::default(),
            inheritable: Caps::empty(),
            permitted: Caps::all(),
            effective: Caps::all(),
            bounding: Caps::all(),
            ambient: Caps::empty(),
            secure_bits: SecureBits::empty(),
        }
    }
}

impl Credentials {
    /// Whether a check for `capability` passes.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn has(&self, capability: Caps) -> bool {
        self.has_any(capability)
    }

    /// Whether a check passes for which one of `capabilities` is enough.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn has_any(&self, capabilities: Caps) -> bool {
        let is_granted = self.effective.intersects(capabilities);
        #[cfg(debug_assertions)]
        crate::abi::capability_checks::note(core::panic::Location::caller(), is_granted);
        is_granted
    }

    /// Whether it may send a signal to a process with `target`'s credentials (kill_ok_by_cred in
    /// kernel/signal.c).
    pub fn may_signal(&self, target: &Self) -> bool {
        [self.euid, self.uid]
            .iter()
            .any(|id| *id == target.uid || *id == target.suid)
            || self.has(Caps::KILL)
    }

    /// Whether it may ask for and change the limits of a process with `target`'s credentials
    /// (check_prlimit_permission in kernel/sys.c).
    pub fn may_limit(&self, target: &Self) -> bool {
        target.is_all((self.uid, self.gid)) || self.has(Caps::SYS_RESOURCE)
    }

    /// Whether it may say when a thread with `target`'s credentials runs (check_same_owner in
    /// kernel/sched/core.c).
    pub fn may_schedule(&self, target: &Self) -> bool {
        let is_owner = self.euid == target.euid || self.euid == target.uid;
        is_owner && self.has_all_of(target) || self.has(Caps::SYS_NICE)
    }

    /// Whether it lacks no capability of `target`'s, so that it gains none by what it does to it
    /// (cap_safe_nice in security/commoncap.c).
    pub fn has_all_of(&self, target: &Self) -> bool {
        self.permitted.contains(target.permitted)
    }

    /// Whether real, effective and saved IDs are all this user and this group.
    pub fn is_all(&self, (user, group): (u32, u32)) -> bool {
        [self.uid, self.euid, self.suid]
            .iter()
            .all(|id| *id == user)
            && [self.gid, self.egid, self.sgid]
                .iter()
                .all(|id| *id == group)
    }

    /// Whether it is a member of `group`.
    pub fn in_group(&self, group: u32) -> bool {
        self.fsgid == group || self.groups.binary_search(&group).is_ok()
    }

    /// Whether it acts as another user or group than `old`, or may do more.
    pub fn acts_otherwise(&self, old: &Self) -> bool {
        let acts_as = |cred: &Self| [cred.euid, cred.egid, cred.fsuid, cred.fsgid];
        acts_as(self) != acts_as(old) || !old.permitted.contains(self.permitted)
    }

    /// What capabilities do when user IDs changed from `old`'s (cap_emulate_setxuid in
    /// security/commoncap.c).
    pub fn follow_user_ids(&mut self, old: &Self) {
        if self.secure_bits.contains(SecureBits::NO_SETUID_FIXUP) {
            return;
        }
        let is_root = |cred: &Self| [cred.uid, cred.euid, cred.suid].contains(&0);
        if is_root(old) && !is_root(self) {
            if !self.secure_bits.contains(SecureBits::KEEP_CAPS) {
                self.permitted = Caps::empty();
                self.effective = Caps::empty();
            }
            self.ambient = Caps::empty();
        }
        match (old.euid, self.euid) {
            (0, 0) => {}
            (0, _) => self.effective = Caps::empty(),
            (_, 0) => self.effective = self.permitted,
            _ => {}
        }
    }

    /// The same of the file system's user ID (cap_task_fix_setuid, LSM_SETID_FS).
    pub fn follow_file_system_user(&mut self, old: &Self) {
        if self.secure_bits.contains(SecureBits::NO_SETUID_FIXUP) {
            return;
        }
        match (old.fsuid, self.fsuid) {
            (0, 0) => {}
            (0, _) => self.effective -= Caps::FILE_SYSTEM,
            (_, 0) => self.effective |= self.permitted & Caps::FILE_SYSTEM,
            _ => {}
        }
    }

    /// These as access(2) counts them: the real IDs, and root's rights only for a real root
    /// (access_override_creds in fs/open.c).
    pub fn real(&self) -> Self {
        let mut real = self.clone();
        (real.fsuid, real.fsgid) = (self.uid, self.gid);
        if !self.secure_bits.contains(SecureBits::NO_SETUID_FIXUP) {
            real.effective = if self.uid == 0 {
                self.permitted
            } else {
                Caps::empty()
            };
        }
        real
    }
}
