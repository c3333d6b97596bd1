//! Credentials of a program started by execve(2): the set-user-ID and set-group-ID bits, and the
//! transformation of capabilities (credentials(7), capabilities(7)).
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

/// Credentials granted to a new program.
pub struct Granted {
    /// The credentials.
    pub credentials: Arc<Credentials>,
    /// The program's privileges differ from those of the caller's real user: it must not trust its
    /// environment (AT_SECURE).
    pub is_secure: bool,
    /// The caller may read the program's file.
    pub is_readable: bool,
    /// Personality flags that make attacks easier are cleared (PER_CLEAR_ON_SETID).
    pub clears_personality: bool,
}

/// The credentials with which `task` runs the program at `location` (bprm_fill_uid in fs/exec.c and
/// cap_bprm_creds_from_file in security/commoncap.c). Computed again after the point of no return:
/// a tracer may have attached meanwhile.
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
    let no_new_privs = task.attributes.lock().no_new_privs;
    let mut clears_personality = false;
    if !no_new_privs && !location.mount.flags().contains(MountFlags::NO_SUID) {
        // S_ISGID without the group's execute bit meant mandatory locking.
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
    if (is_other || gains) && (no_new_privs || is_shared(task) || has_unprivileged_tracer(task)) {
        // No privileges that an unprivileged tracer, or a process that shares the working
        // directory, could exploit.
        if no_new_privs || !old.has(Caps::SETUID) {
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

/// Protects a new program with other privileges than its caller's (begin_new_exec in fs/exec.c and
/// commit_creds in kernel/cred.c): it is not dumpable, gets no parent-death signal, and its soft
/// stack limit is capped, so that the layout of its memory can't be controlled through it.
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

/// Whether another process shares the task's root and working directory.
fn is_shared(task: &Task) -> bool {
    Arc::strong_count(&task.process.fs) > 1
}

/// Whether the task's tracer lacks the privilege to trace a program with more privileges
/// (ptracer_capable in kernel/ptrace.c).
fn has_unprivileged_tracer(task: &Task) -> bool {
    let tracing = task.tracing.lock();
    tracing.as_ref().is_some_and(|tracing| !tracing.may_watch)
}
