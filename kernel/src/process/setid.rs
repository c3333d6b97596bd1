//! As whom a program runs: the set-user-ID and set-group-ID bits, and what execve(2) does to
//! capabilities (credentials(7), capabilities(7)).
//!
//! Left out: file capabilities.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use linux_raw_sys::general::RLIMIT_STACK;

use super::Task;
use crate::abi::capability::{Caps, SecureBits};
use crate::abi::cred::Credentials;
use crate::abi::limits::STACK_LIMIT;
use crate::abi::metadata::mode;
use crate::vfs::access;
use crate::vfs::dentry::Location;
use crate::vfs::mount::MountFlags;

/// As whom a program is to run.
pub struct Granted {
    /// Its credentials.
    pub credentials: Arc<Credentials>,
    /// Whether it has other rights than its caller's real user, so that it must not trust its
    /// environment (AT_SECURE).
    pub is_secure: bool,
    /// Whether its caller may read the file.
    pub is_readable: bool,
    /// Whether flags of the personality that make attacks easier go (PER_CLEAR_ON_SETID).
    pub clears_personality: bool,
}

/// As whom `task` runs the program at `location` (bprm_fill_uid in fs/exec.c and
/// cap_bprm_creds_from_file in security/commoncap.c). Asked again when the old program is gone: a
/// tracer may have come meanwhile.
pub fn grant(task: Option<&Task>, location: &Location) -> Granted {
    // The kernel starts init.
    let Some(task) = task else {
        return Granted {
            credentials: Arc::default(),
            is_secure: false,
            is_readable: true,
            clears_personality: false,
        };
    };
    let old = task.cred();
    let mut new = (*old).clone();
    let file = location.inode().metadata();
    let promised = task.attributes.lock().no_new_privs;
    let mut clears_personality = false;
    if !promised && !location.mount.flags().contains(MountFlags::NO_SUID) {
        // Without the group's execute bit it once meant mandatory locks.
        let group = mode::S_ISGID | 0o010;
        if file.mode & mode::S_ISUID != 0 {
            new.euid = file.uid;
            clears_personality = true;
        }
        if file.mode & group == group {
            new.egid = file.gid;
            clears_personality = true;
        }
    }
    new.permitted = Caps::empty();
    let is_root = new.euid == 0 && !new.secure_bits.contains(SecureBits::NO_ROOT);
    if is_root || new.uid == 0 && !new.secure_bits.contains(SecureBits::NO_ROOT) {
        new.permitted = old.bounding | old.inheritable;
    }
    let gains = !old.permitted.contains(new.permitted);
    clears_personality |= gains;
    let is_other = new.euid != old.uid || new.egid != old.gid;
    if (is_other || gains) && (promised || is_shared(task) || is_watched(task)) {
        // Nothing that a tracer without rights, or who shares its working directory, would have
        // the use of.
        if promised || !old.has(Caps::SETUID) {
            new.euid = new.uid;
            new.egid = new.gid;
        }
        new.permitted &= old.permitted;
    }
    (new.suid, new.fsuid) = (new.euid, new.euid);
    (new.sgid, new.fsgid) = (new.egid, new.egid);
    if is_other {
        new.ambient = Caps::empty();
    }
    new.permitted |= new.ambient;
    new.effective = if is_root { new.permitted } else { new.ambient };
    new.secure_bits -= SecureBits::KEEP_CAPS;
    let grew = !new.ambient.contains(new.permitted);
    let is_secure = is_other || new.uid != 0 && (is_root || grew);
    Granted {
        credentials: Arc::new(new),
        is_secure,
        is_readable: access::check(&old, &file, access::READ).is_ok(),
        clears_personality,
    }
}

/// Keeps a new program's memory from who looked into `task` before, its parent's end from
/// signalling it, and its stack from pushing everything else out of place, where it has other
/// rights than its caller (begin_new_exec in fs/exec.c and commit_creds in kernel/cred.c).
pub fn protect(task: &Task, old: &Credentials, granted: &Granted) {
    let new = &granted.credentials;
    let is_mixed = (old.euid, old.egid) != (old.uid, old.gid);
    let changes = new.acts_otherwise(old);
    let is_dumpable = !is_mixed && !changes && granted.is_readable;
    task.process
        .is_dumpable
        .store(is_dumpable, Ordering::Relaxed);
    if granted.is_secure || changes {
        task.attributes.lock().parent_death_signal = 0;
    }
    if granted.is_secure {
        let mut limits = task.process.limits.lock();
        let stack = &mut limits.0[RLIMIT_STACK as usize].0;
        *stack = (*stack).min(STACK_LIMIT);
        let of_memory = (&*limits).into();
        drop(limits);
        if let Some(mm) = task.mm() {
            mm.lock().limits = of_memory;
        }
    }
}

/// Whether another process shares its root and working directory.
fn is_shared(task: &Task) -> bool {
    Arc::strong_count(&task.process.fs) > 1
}

/// Whether it is traced by who could not have traced a program with such rights
/// (ptracer_capable in kernel/ptrace.c).
fn is_watched(task: &Task) -> bool {
    let tracing = task.tracing.lock();
    tracing.as_ref().is_some_and(|tracing| !tracing.may_watch)
}
