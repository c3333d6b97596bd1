//! Programs that run as their file's owner or group: the set-user-ID and set-group-ID bits
//! (execve(2), credentials(7)).
//!
//! Left out: file capabilities.

use alloc::sync::Arc;

use super::cred::Credentials;
use super::{Task, try_current};
use crate::fs::dentry::Location;
use crate::fs::inode::mode;
use crate::fs::mount::MountFlags;
use crate::ptrace;

/// Whom the program at `location` acts as when `who` starts it.
pub fn credentials(who: &Credentials, location: &Location) -> Credentials {
    let file = location.inode().metadata();
    let mut new = who.clone();
    let (user, group) = granted(location);
    if user {
        new.euid = file.uid;
    }
    if group {
        new.egid = file.gid;
    }
    (new.suid, new.fsuid) = (new.euid, new.euid);
    (new.sgid, new.fsgid) = (new.egid, new.egid);
    match try_current() {
        Some(task) => withhold(&task, who, new),
        None => new,
    }
}

/// What of `new` the task, which is `who` now, may become: nothing is granted that a tracer without
/// privileges, or who shares its working directory, would have the use of
/// (cap_bprm_creds_from_file in security/commoncap.c). Asked again when the old program is gone: a
/// tracer may have come meanwhile.
pub fn withhold(task: &Task, who: &Credentials, new: Credentials) -> Credentials {
    if (new.euid, new.egid) == (who.euid, who.egid) || who.is_privileged() {
        return new;
    }
    let is_watched =
        ptrace::tracer_of(task).is_some_and(|tracer| !tracer.cred.lock().is_privileged());
    let is_shared = Arc::strong_count(&task.process.fs) > 1;
    if !is_watched && !is_shared {
        return new;
    }
    Credentials {
        euid: who.uid,
        suid: who.uid,
        fsuid: who.uid,
        egid: who.gid,
        sgid: who.gid,
        fsgid: who.gid,
        ..new
    }
}

/// Whether the program at `location` acts as its owner or its group.
pub fn is_granted(location: &Location) -> bool {
    granted(location) != (false, false)
}

/// The same, of each.
fn granted(location: &Location) -> (bool, bool) {
    // Whoever started this promised that nothing is granted (PR_SET_NO_NEW_PRIVS).
    let may_grant = try_current().is_none_or(|task| !task.attributes.lock().no_new_privs);
    if !may_grant || location.mount.flags().contains(MountFlags::NO_SUID) {
        return (false, false);
    }
    let file = location.inode().metadata();
    // Without the group's execute bit it once meant mandatory locks.
    let executes = mode::S_ISGID | 0o010;
    (
        file.mode & mode::S_ISUID != 0,
        file.mode & executes == executes,
    )
}

/// Whether the program gets other rights than its caller had, so that it must not trust its
/// environment (AT_SECURE).
pub fn is_secure(who: &Credentials, new: &Credentials) -> bool {
    new.euid != who.uid || new.egid != who.gid
}
