//! Sending of signals: kill(2), tkill(2), tgkill(2), rt_sigqueueinfo(2) with the sender's siginfo,
//! and pidfd_send_signal(2).

use alloc::sync::Arc;

use linux_raw_sys::general::SI_TKILL;

use super::Info;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::{SIGCONT, SigInfo, check_number};
use crate::fs::procfs;
use crate::process::caller;
use crate::process::signal;
use crate::process::{Process, Task, current, pidfd, table};
use crate::usercopy::UserPtr;

/// Whether the caller may send `signal` to `target`: with matching credentials, or SIGCONT within
/// the caller's session (check_kill_permission).
#[inline(always)]
fn may_send(target: &Process, signal: u8) -> bool {
    let task = current();
    let me = &task.process;
    let session = |process: &Process| process.session();
    if core::ptr::eq(&**me, target) {
        return true;
    }
    task.cred().may_signal(&target.cred()) || signal == SIGCONT && session(me) == session(target)
}

/// Sends to each of the processes.
///
/// # Errors
/// `ESRCH` without a target, `EPERM` if the caller may not send to any of them.
fn send_to_all(info: &SigInfo, targets: impl Iterator<Item = Arc<Process>>) -> SysResult {
    let mut result = Err(Errno::ESRCH);
    for process in targets {
        match send_by(signal::send_member, &process, info) {
            Err(errno) => result = result.map_err(|_| errno),
            sent => result = sent,
        }
    }
    result
}

/// Sends to a process. A zombie is a valid target without effect; signal 0 only checks the
/// permission.
fn send_to(process: &Arc<Process>, info: &SigInfo) -> SysResult {
    send_by(signal::send_process, process, info)
}

/// Sends to a process by `send`, if the caller may.
fn send_by(
    send: fn(&Arc<Process>, &SigInfo) -> Result<(), Errno>,
    process: &Arc<Process>,
    info: &SigInfo,
) -> SysResult {
    if !may_send(process, info.signo) {
        return Err(Errno::EPERM);
    }
    if info.signo != 0 {
        send(process, info)?;
    }
    Ok(0)
}

/// Thread `tid`, which must belong to process `pid` if that is given.
fn find_thread(tid: i32, pid: Option<i32>) -> Result<Arc<Task>, Errno> {
    if tid <= 0 || pid.is_some_and(|pid| pid <= 0) {
        return Err(Errno::EINVAL);
    }
    table::find(tid as u32)
        .filter(|task| pid.is_none_or(|pid| task.process.pid == pid as u32))
        .ok_or(Errno::ESRCH)
}

/// Sends to one thread.
fn send_to_thread(task: &Arc<Task>, info: &SigInfo) -> SysResult {
    if !may_send(&task.process, info.signo) {
        return Err(Errno::EPERM);
    }
    if info.signo != 0 {
        signal::send_task(task, info)?;
    }
    Ok(0)
}

/// kill(2).
pub fn kill(pid: i32, signal: i32) -> SysResult {
    let task = current();
    if pid > 0 && pid as u32 == task.process.pid {
        return send_to(&task.process, &SigInfo::user(check_number(signal)?));
    }
    kill_others(pid, signal)
}

/// [`kill`], not of the caller's own process by its number.
// Apart: it needs registers that the other doesn't, which would have to save them.
#[inline(never)]
fn kill_others(pid: i32, signal: i32) -> SysResult {
    let task = current();
    let me = task.process.pid;
    if pid > 0 {
        // The target is looked up before the number is checked: `ESRCH` has priority over `EINVAL`.
        let target = table::named(pid)?;
        return send_to(&target, &SigInfo::user(check_number(signal)?));
    }
    let info = SigInfo::user(check_number(signal)?);
    match pid {
        -1 => {
            let others =
                table::all_processes().filter(|process| process.pid > 1 && process.pid != me);
            // kill(-1) does not report EPERM (kill_something_info).
            match send_to_all(&info, others) {
                Err(Errno::EPERM) => Ok(0),
                sent => sent,
            }
        }
        0 => {
            let mine = task.process.group();
            send_to_all(&info, table::group_members(mine))
        }
        i32::MIN => Err(Errno::ESRCH),
        pid => send_to_all(&info, table::group_members(pid.unsigned_abs())),
    }
}

/// tkill(2).
pub fn tkill(tid: i32, signal: i32) -> SysResult {
    if tid <= 0 {
        return Err(Errno::EINVAL);
    }
    let task = find_thread(tid, None)?;
    send_to_thread(&task, &SigInfo::tkill(check_number(signal)?))
}

/// tgkill(2).
pub fn tgkill(pid: i32, tid: i32, signal: i32) -> SysResult {
    let task = find_thread(tid, Some(pid))?;
    send_to_thread(&task, &SigInfo::tkill(check_number(signal)?))
}

/// Checks a sender's siginfo: one for another process must not claim to be from the kernel or from
/// kill(2).
///
/// # Errors
/// `EPERM`.
fn check_code(info: SigInfo, is_self: bool) -> Result<SigInfo, Errno> {
    if (info.code >= 0 || info.code == SI_TKILL) && !is_self {
        return Err(Errno::EPERM);
    }
    Ok(info)
}

/// Checks a sender's siginfo and sets its number to the call's.
fn check_info(info: SigInfo, signal: i32, pid: u32) -> Result<SigInfo, Errno> {
    let mut info = check_code(info, current().tid() == pid)?;
    info.signo = check_number(signal)?;
    Ok(info)
}

/// Reads a siginfo; the call's signal number, not the structure's, selects the union's form.
fn read<I: Info>(signal: i32, info: UserPtr<I>) -> Result<SigInfo, Errno> {
    Ok(info.read()?.with_signo(signal).parse())
}

/// rt_sigqueueinfo(2).
pub fn rt_sigqueueinfo<I: Info>(pid: i32, signal: i32, info: UserPtr<I>) -> SysResult {
    let info = check_info(read(signal, info)?, signal, pid as u32)?;
    if pid <= 0 {
        return Err(Errno::ESRCH);
    }
    send_to(&table::named(pid)?, &info)
}

/// rt_tgsigqueueinfo(2).
pub fn rt_tgsigqueueinfo<I: Info>(pid: i32, tid: i32, signal: i32, info: UserPtr<I>) -> SysResult {
    let info = read(signal, info)?;
    if pid <= 0 || tid <= 0 {
        return Err(Errno::EINVAL);
    }
    let info = check_info(info, signal, pid as u32)?;
    send_to_thread(&find_thread(tid, Some(pid))?, &info)
}

/// pidfd_send_signal(2): sends to the process of a pidfd or of a directory /proc/PID. A siginfo
/// must have the call's signal number.
pub fn pidfd_send_signal<I: Info>(fd: i32, signal: i32, info: UserPtr<I>, flags: u32) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let file = caller::file(fd)?;
    let pid = pidfd::of(&file).or_else(|| procfs::subject_of(&file));
    let pid = pid.ok_or(Errno::EBADF)?;
    let info = match info.read_opt()? {
        Some(info) if info.signo() != signal => return Err(Errno::EINVAL),
        Some(info) => {
            let is_self = table::pid(current().tid()) == Some(pid);
            Some(check_code(info.parse(), is_self)?)
        }
        None => None,
    };
    let target = pid.thread_group().ok_or(Errno::ESRCH)?;
    let number = check_number(signal)?;
    send_to(&target, &info.unwrap_or_else(|| SigInfo::user(number)))
}
