//! Identity of processes: process, group, session, user and group IDs.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::abi::errno::{Errno, SysResult};
use crate::mm::fallible;
use crate::process::capability::require;
use crate::process::nproc;
use crate::process::{current, jobs, table};
use crate::sched::preempt;
use crate::usercopy::UserPtr;

/// Most supplementary groups (NGROUPS_MAX).
const NGROUPS_MAX: usize = 65536;

/// getpid(2).
// ANCHOR: getpid
pub fn getpid() -> SysResult {
    Ok(current().pid as usize)
}
// ANCHOR_END: getpid

/// gettid(2).
pub fn gettid() -> SysResult {
    Ok(current().tid() as usize)
}

/// getppid(2); 0 for init.
pub fn getppid() -> SysResult {
    Ok(current()
        .process
        .parent
        .lock()
        .upgrade()
        .map_or(0, |parent| parent.pid as usize))
}

/// getuid(2).
pub fn getuid() -> SysResult {
    Ok(current().cred().uid as usize)
}

/// geteuid(2).
pub fn geteuid() -> SysResult {
    Ok(current().cred().euid as usize)
}

/// getgid(2).
pub fn getgid() -> SysResult {
    Ok(current().cred().gid as usize)
}

/// getegid(2).
pub fn getegid() -> SysResult {
    Ok(current().cred().egid as usize)
}

/// Commits the running thread's credentials as changed by `by`, which gets the old and the new
/// ones.
fn change(by: impl FnOnce(&Credentials, &mut Credentials) -> Result<(), Errno>) -> SysResult {
    let task = current();
    let old = task.cred();
    let mut new = (*old).clone();
    by(&old, &mut new)?;
    task.commit_cred(new);
    Ok(0)
}

/// Commits changed user IDs, which the capabilities follow (capabilities(7)).
fn change_user(by: impl FnOnce(&Credentials, &mut Credentials) -> Result<(), Errno>) -> SysResult {
    change(|old, new| {
        by(old, new)?;
        new.follow_user_ids(old);
        if new.uid != old.uid {
            nproc::note_new_user(new.uid);
        }
        Ok(())
    })
}

/// Checks that `wanted` is one of `own`, unless the caller has `capability`; -1 leaves the ID
/// unchanged.
#[cfg_attr(debug_assertions, track_caller)]
fn check(old: &Credentials, wanted: u32, own: &[u32], capability: Caps) -> Result<(), Errno> {
    if wanted == u32::MAX || own.contains(&wanted) || old.has(capability) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// setuid(2).
pub fn setuid(uid: u32) -> SysResult {
    if uid == u32::MAX {
        return Err(Errno::EINVAL);
    }
    change_user(|old, new| {
        if old.has(Caps::SETUID) {
            (new.uid, new.suid) = (uid, uid);
        } else if ![old.uid, old.suid].contains(&uid) {
            return Err(Errno::EPERM);
        }
        (new.euid, new.fsuid) = (uid, uid);
        Ok(())
    })
}

/// setgid(2).
pub fn setgid(gid: u32) -> SysResult {
    if gid == u32::MAX {
        return Err(Errno::EINVAL);
    }
    change(|old, new| {
        if old.has(Caps::SETGID) {
            (new.gid, new.sgid) = (gid, gid);
        } else if ![old.gid, old.sgid].contains(&gid) {
            return Err(Errno::EPERM);
        }
        (new.egid, new.fsgid) = (gid, gid);
        Ok(())
    })
}

/// The wanted ID, or the present one for -1.
fn choose(wanted: u32, now: u32) -> u32 {
    if wanted == u32::MAX { now } else { wanted }
}

/// Whether setresuid(2) or setresgid(2) changes no ID, so that the file-system ID stays too
/// (__sys_setresuid in kernel/sys.c). `now` holds the real, effective and saved ID.
fn is_no_op(wanted: [u32; 3], now: [u32; 3], fs_id: u32) -> bool {
    let stays = |i: usize| wanted[i] == u32::MAX || wanted[i] == now[i];
    let fs_stays = wanted[1] == u32::MAX || wanted[1] == fs_id;
    stays(0) && stays(1) && stays(2) && fs_stays
}

/// setresuid(2).
pub fn setresuid(uid: u32, euid: u32, suid: u32) -> SysResult {
    change_user(|old, new| {
        let own = [old.uid, old.euid, old.suid];
        if is_no_op([uid, euid, suid], own, old.fsuid) {
            return Ok(());
        }
        for wanted in [uid, euid, suid] {
            check(old, wanted, &own, Caps::SETUID)?;
        }
        new.uid = choose(uid, old.uid);
        new.euid = choose(euid, old.euid);
        new.suid = choose(suid, old.suid);
        new.fsuid = new.euid;
        Ok(())
    })
}

/// setresgid(2).
pub fn setresgid(gid: u32, egid: u32, sgid: u32) -> SysResult {
    change(|old, new| {
        let own = [old.gid, old.egid, old.sgid];
        if is_no_op([gid, egid, sgid], own, old.fsgid) {
            return Ok(());
        }
        for wanted in [gid, egid, sgid] {
            check(old, wanted, &own, Caps::SETGID)?;
        }
        new.gid = choose(gid, old.gid);
        new.egid = choose(egid, old.egid);
        new.sgid = choose(sgid, old.sgid);
        new.fsgid = new.egid;
        Ok(())
    })
}

/// setreuid(2): the saved ID becomes the new effective ID if the real ID is set, or the effective
/// ID to another value than the old real ID. The saved ID can become the effective ID, not the real
/// one.
pub fn setreuid(uid: u32, euid: u32) -> SysResult {
    change_user(|old, new| {
        check(old, uid, &[old.uid, old.euid], Caps::SETUID)?;
        check(old, euid, &[old.uid, old.euid, old.suid], Caps::SETUID)?;
        new.uid = choose(uid, old.uid);
        new.euid = choose(euid, old.euid);
        if uid != u32::MAX || euid != u32::MAX && euid != old.uid {
            new.suid = new.euid;
        }
        new.fsuid = new.euid;
        Ok(())
    })
}

/// setregid(2): the rules of setreuid(2).
pub fn setregid(gid: u32, egid: u32) -> SysResult {
    change(|old, new| {
        check(old, gid, &[old.gid, old.egid], Caps::SETGID)?;
        check(old, egid, &[old.gid, old.egid, old.sgid], Caps::SETGID)?;
        new.gid = choose(gid, old.gid);
        new.egid = choose(egid, old.egid);
        if gid != u32::MAX || egid != u32::MAX && egid != old.gid {
            new.sgid = new.egid;
        }
        new.fsgid = new.egid;
        Ok(())
    })
}

/// setfsuid(2): returns the previous file-system user ID, whether or not it changed.
pub fn setfsuid(uid: u32) -> SysResult {
    let before = current().cred().fsuid;
    // A forbidden change is not an error.
    let _ = change(|old, new| {
        let own = [old.uid, old.euid, old.suid, old.fsuid];
        check(old, uid, &own, Caps::SETUID)?;
        new.fsuid = choose(uid, old.fsuid);
        new.follow_file_system_user(old);
        Ok(())
    });
    Ok(before as usize)
}

/// setfsgid(2): returns the previous file-system group ID, whether or not it changed.
pub fn setfsgid(gid: u32) -> SysResult {
    let before = current().cred().fsgid;
    let _ = change(|old, new| {
        let own = [old.gid, old.egid, old.sgid, old.fsgid];
        check(old, gid, &own, Caps::SETGID)?;
        new.fsgid = choose(gid, old.fsgid);
        Ok(())
    });
    Ok(before as usize)
}

/// getresuid(2).
pub fn getresuid(uid: UserPtr<u32>, euid: UserPtr<u32>, suid: UserPtr<u32>) -> SysResult {
    let cred = current().cred();
    uid.write(cred.uid)?;
    euid.write(cred.euid)?;
    suid.write(cred.suid).map(|()| 0)
}

/// getresgid(2).
pub fn getresgid(gid: UserPtr<u32>, egid: UserPtr<u32>, sgid: UserPtr<u32>) -> SysResult {
    let cred = current().cred();
    gid.write(cred.gid)?;
    egid.write(cred.egid)?;
    sgid.write(cred.sgid).map(|()| 0)
}

/// getgroups(2).
pub fn getgroups(size: i32, out: UserPtr<u32>) -> SysResult {
    let groups = current().cred().groups.clone();
    if has_room(size, groups.len())? {
        out.write_slice(&groups)?;
    }
    Ok(groups.len())
}

/// Whether getgroups(2) writes the groups: a size of 0 only queries their number.
///
/// # Errors
/// `EINVAL` if `size` is too small.
pub fn has_room(size: i32, groups: usize) -> Result<bool, Errno> {
    match usize::try_from(size) {
        Ok(0) => Ok(false),
        Ok(size) if size >= groups => Ok(true),
        _ => Err(Errno::EINVAL),
    }
}

/// setgroups(2).
pub fn setgroups(size: u32, groups: UserPtr<u32>) -> SysResult {
    let size = size as usize;
    check_groups(size)?;
    set_groups(groups.read_vec(size)?)
}

/// Checks that the caller may set `size` supplementary groups.
///
/// # Errors
/// `EPERM`, `EINVAL`.
pub fn check_groups(size: usize) -> Result<(), Errno> {
    require(Caps::SETGID)?;
    if size > NGROUPS_MAX {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

/// Sorts groups, many of them byte by byte from the lowest up, with preemption points.
///
/// # Errors
/// `ENOMEM`.
fn sort(groups: &mut Vec<u32>) -> Result<(), Errno> {
    /// Groups between two points.
    const PART: usize = 1024;
    if groups.len() <= PART {
        groups.sort_unstable();
        return Ok(());
    }
    let mut sorted = fallible::to_vec(groups)?;
    for shift in [0, 8, 16, 24] {
        let byte = |group: u32| (group >> shift) as usize & 0xff;
        let mut places = [0; 256];
        for part in groups.chunks(PART) {
            for group in part {
                places[byte(*group)] += 1;
            }
            preempt::point();
        }
        let mut before = 0;
        for place in &mut places {
            before += core::mem::replace(place, before);
        }
        for part in groups.chunks(PART) {
            for group in part {
                let place = &mut places[byte(*group)];
                sorted[*place] = *group;
                *place += 1;
            }
            preempt::point();
        }
        core::mem::swap(groups, &mut sorted);
    }
    Ok(())
}

/// Sets the supplementary groups, which are stored and returned in ascending order.
///
/// # Errors
/// `EINVAL` for -1, which is not a group ID.
pub fn set_groups(mut groups: Vec<u32>) -> SysResult {
    if groups.contains(&u32::MAX) {
        return Err(Errno::EINVAL);
    }
    sort(&mut groups)?;
    change(|_, new| {
        new.groups = Arc::new(groups);
        Ok(())
    })
}

/// getpgid(2).
pub fn getpgid(pid: i32) -> SysResult {
    Ok(table::named(pid)?.group() as usize)
}

/// getpgrp(2).
pub fn getpgrp() -> SysResult {
    getpgid(0)
}

/// getsid(2).
pub fn getsid(pid: i32) -> SysResult {
    Ok(table::named(pid)?.session() as usize)
}

/// setpgid(2): of the process itself or a child that hasn't called execve(2).
pub fn setpgid(pid: i32, pgid: i32) -> SysResult {
    let me = current().process.clone();
    let pid = if pid == 0 { me.pid as i32 } else { pid };
    let pgid = if pgid == 0 { pid } else { pgid };
    let pgid = u32::try_from(pgid).map_err(|_| Errno::EINVAL)?;
    let process = table::named(pid)?;
    if process.pid != pid as u32 {
        return Err(Errno::EINVAL);
    }
    jobs::set_group(&me, &process, pgid).map(|()| 0)
}

/// setsid(2).
pub fn setsid() -> SysResult {
    let current = current();
    jobs::make_session(&current.process)?;
    Ok(current.process.pid as usize)
}
