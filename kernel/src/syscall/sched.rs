//! Scheduling parameters: one CPU, one policy, so most of it is known beforehand.

use super::errno::{Errno, SysResult};
use crate::process::{current, sched, table};
use crate::usercopy::UserPtr;

/// Whether `pid` (0: the caller) is a task.
fn check(pid: i32) -> Result<(), Errno> {
    match u32::try_from(pid) {
        Ok(0) => Ok(()),
        Ok(tid) if table::find(tid).is_some() || table::find_process(tid).is_some() => Ok(()),
        Ok(_) => Err(Errno::ESRCH),
        Err(_) => Err(Errno::EINVAL),
    }
}

/// sched_yield(2).
pub fn sched_yield() -> SysResult {
    sched::yield_now();
    Ok(0)
}

/// sched_getaffinity(2): CPU 0. Returns the bytes written, as the kernel's call does.
pub fn sched_getaffinity(pid: i32, len: usize, mask: UserPtr<u8>) -> SysResult {
    let word = if current().is_i386_call() { 4 } else { 8 };
    check(pid)?;
    if len < word || !len.is_multiple_of(word) {
        return Err(Errno::EINVAL);
    }
    let mut bits = [0; 8];
    bits[0] = 1;
    mask.write_slice(&bits[..word]).map(|()| word)
}

/// sched_setaffinity(2): CPU 0 must be among those asked for.
pub fn sched_setaffinity(pid: i32, len: usize, mask: UserPtr<u8>) -> SysResult {
    check(pid)?;
    let first = if len == 0 { 0 } else { mask.read()? };
    if first & 1 == 0 {
        Err(Errno::EINVAL)
    } else {
        Ok(0)
    }
}

/// sched_getscheduler(2): SCHED_OTHER.
pub fn sched_getscheduler(pid: i32) -> SysResult {
    check(pid).map(|()| 0)
}

/// sched_getparam(2): priority 0, the only one SCHED_OTHER has.
pub fn sched_getparam(pid: i32, out: UserPtr<u32>) -> SysResult {
    if out.is_null() {
        return Err(Errno::EINVAL);
    }
    check(pid)?;
    out.write(0).map(|()| 0)
}

/// sched_get_priority_max(2).
pub fn sched_get_priority_max(policy: i32) -> SysResult {
    match policy {
        // SCHED_FIFO and SCHED_RR have priorities up to 99 where they exist.
        1 | 2 => Ok(99),
        0 | 3 | 5 => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

/// sched_get_priority_min(2).
pub fn sched_get_priority_min(policy: i32) -> SysResult {
    match policy {
        1 | 2 => Ok(1),
        0 | 3 | 5 => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

/// getpriority(2): nice 0, which the kernel's call reports as 20.
pub fn getpriority(which: i32, who: i32) -> SysResult {
    const PRIO_PROCESS: i32 = 0;
    match which {
        PRIO_PROCESS => check(who).map(|()| 20).map_err(|_| Errno::ESRCH),
        1 | 2 => Ok(20),
        _ => Err(Errno::EINVAL),
    }
}
