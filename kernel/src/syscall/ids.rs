//! Who a process is: IDs, groups, sessions, users.

use core::sync::atomic::Ordering;

use alloc::sync::Arc;

use super::errno::{Errno, SysResult};
use crate::process::cred::Credentials;
use crate::process::{Process, current, jobs, sched, table};
use crate::usercopy::UserPtr;

/// Most supplementary groups (NGROUPS_MAX).
const NGROUPS_MAX: usize = 65536;

/// getpid(2).
pub fn getpid() -> SysResult {
    Ok(current().process.pid as usize)
}

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
    Ok(current().process.cred.lock().uid as usize)
}

/// geteuid(2).
pub fn geteuid() -> SysResult {
    Ok(current().process.cred.lock().euid as usize)
}

/// getgid(2).
pub fn getgid() -> SysResult {
    Ok(current().process.cred.lock().gid as usize)
}

/// getegid(2).
pub fn getegid() -> SysResult {
    Ok(current().process.cred.lock().egid as usize)
}

/// Has the running process act as somebody else. What it has in memory from before is then nobody's
/// business (commit_creds in kernel/cred.c).
fn change(by: impl FnOnce(&mut Credentials) -> Result<(), Errno>) -> SysResult {
    let task = current();
    let mut cred = task.process.cred.lock();
    let acts_as = |cred: &Credentials| [cred.euid, cred.egid, cred.fsuid, cred.fsgid];
    let before = acts_as(&cred);
    by(&mut cred)?;
    if acts_as(&cred) != before {
        task.process.is_dumpable.store(false, Ordering::Relaxed);
        task.attributes.lock().parent_death_signal = 0;
    }
    Ok(0)
}

/// setuid(2).
pub fn setuid(uid: u32) -> SysResult {
    if uid == u32::MAX {
        return Err(Errno::EINVAL);
    }
    change(|cred| {
        if cred.is_privileged() {
            (cred.uid, cred.suid) = (uid, uid);
        } else if uid != cred.uid && uid != cred.suid {
            return Err(Errno::EPERM);
        }
        (cred.euid, cred.fsuid) = (uid, uid);
        Ok(())
    })
}

/// setgid(2).
pub fn setgid(gid: u32) -> SysResult {
    if gid == u32::MAX {
        return Err(Errno::EINVAL);
    }
    change(|cred| {
        if cred.is_privileged() {
            (cred.gid, cred.sgid) = (gid, gid);
        } else if gid != cred.gid && gid != cred.sgid {
            return Err(Errno::EPERM);
        }
        (cred.egid, cred.fsgid) = (gid, gid);
        Ok(())
    })
}

/// Which of the three IDs of setresuid(2) to change: -1 leaves one as it is.
fn choose(wanted: u32, now: u32) -> u32 {
    if wanted == u32::MAX { now } else { wanted }
}

/// setresuid(2).
pub fn setresuid(uid: u32, euid: u32, suid: u32) -> SysResult {
    change(|cred| {
        let own = [cred.uid, cred.euid, cred.suid];
        let allowed = |id: u32| id == u32::MAX || own.contains(&id);
        if !cred.is_privileged() && ![uid, euid, suid].into_iter().all(allowed) {
            return Err(Errno::EPERM);
        }
        cred.uid = choose(uid, cred.uid);
        cred.euid = choose(euid, cred.euid);
        cred.suid = choose(suid, cred.suid);
        cred.fsuid = cred.euid;
        Ok(())
    })
}

/// setresgid(2).
pub fn setresgid(gid: u32, egid: u32, sgid: u32) -> SysResult {
    change(|cred| {
        let own = [cred.gid, cred.egid, cred.sgid];
        let allowed = |id: u32| id == u32::MAX || own.contains(&id);
        if !cred.is_privileged() && ![gid, egid, sgid].into_iter().all(allowed) {
            return Err(Errno::EPERM);
        }
        cred.gid = choose(gid, cred.gid);
        cred.egid = choose(egid, cred.egid);
        cred.sgid = choose(sgid, cred.sgid);
        cred.fsgid = cred.egid;
        Ok(())
    })
}

/// setreuid(2): the saved ID follows the effective one when the real one is set.
pub fn setreuid(uid: u32, euid: u32) -> SysResult {
    setresuid(uid, euid, if uid == u32::MAX { u32::MAX } else { euid })
}

/// setregid(2).
pub fn setregid(gid: u32, egid: u32) -> SysResult {
    setresgid(gid, egid, if gid == u32::MAX { u32::MAX } else { egid })
}

/// getresuid(2).
pub fn getresuid(uid: UserPtr<u32>, euid: UserPtr<u32>, suid: UserPtr<u32>) -> SysResult {
    let cred = current().process.cred.lock().clone();
    uid.write(cred.uid)?;
    euid.write(cred.euid)?;
    suid.write(cred.suid).map(|()| 0)
}

/// getresgid(2).
pub fn getresgid(gid: UserPtr<u32>, egid: UserPtr<u32>, sgid: UserPtr<u32>) -> SysResult {
    let cred = current().process.cred.lock().clone();
    gid.write(cred.gid)?;
    egid.write(cred.egid)?;
    sgid.write(cred.sgid).map(|()| 0)
}

/// getgroups(2).
pub fn getgroups(size: i32, out: UserPtr<u32>) -> SysResult {
    let groups = current().process.cred.lock().groups.clone();
    let size = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
    if size == 0 {
        return Ok(groups.len());
    }
    if size < groups.len() {
        return Err(Errno::EINVAL);
    }
    out.write_slice(&groups).map(|()| groups.len())
}

/// setgroups(2).
pub fn setgroups(size: u32, groups: UserPtr<u32>) -> SysResult {
    let size = size as usize;
    if !current().process.cred.lock().is_privileged() {
        return Err(Errno::EPERM);
    }
    if size > NGROUPS_MAX {
        return Err(Errno::EINVAL);
    }
    let groups = groups.read_vec(size)?;
    current().process.cred.lock().groups = groups;
    Ok(0)
}

/// The running process for 0, else the one with that ID.
fn target(pid: i32) -> Result<Arc<Process>, Errno> {
    if pid == 0 {
        return Ok(sched::current_task().process.clone());
    }
    u32::try_from(pid)
        .ok()
        .and_then(table::find_process)
        .ok_or(Errno::ESRCH)
}

/// getpgid(2).
pub fn getpgid(pid: i32) -> SysResult {
    Ok(target(pid)?.pgid.load(Ordering::Relaxed) as usize)
}

/// getpgrp(2).
pub fn getpgrp() -> SysResult {
    getpgid(0)
}

/// getsid(2).
pub fn getsid(pid: i32) -> SysResult {
    Ok(target(pid)?.sid.load(Ordering::Relaxed) as usize)
}

/// setpgid(2): of the process itself or a child that hasn't called execve(2).
pub fn setpgid(pid: i32, pgid: i32) -> SysResult {
    let me = sched::current_task().process.clone();
    let pid = if pid == 0 { me.pid as i32 } else { pid };
    let pgid = if pgid == 0 { pid } else { pgid };
    let pgid = u32::try_from(pgid).map_err(|_| Errno::EINVAL)?;
    let process = target(pid)?;
    jobs::set_group(&me, &process, pgid).map(|()| 0)
}

/// setsid(2).
pub fn setsid() -> SysResult {
    let current = current();
    jobs::make_session(&current.process)?;
    Ok(current.process.pid as usize)
}
