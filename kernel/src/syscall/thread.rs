//! State of a thread: set_tid_address(2), robust futex lists, personality(2). Thread-local storage
//! is in `tls.rs`.

use core::sync::atomic::Ordering;

use crate::abi::errno::{Errno, SysResult};
use crate::process::ptrace::{self, Ids};
use crate::process::{current, current_task, table};
use crate::usercopy::UserPtr;

/// set_tid_address(2).
pub fn set_tid_address(address: u64) -> SysResult {
    let task = current();
    task.clear_child_tid.store(address, Ordering::Relaxed);
    Ok(task.tid() as usize)
}

/// Size of struct robust_list_head in bytes, 64-bit and 32-bit.
const ROBUST_HEAD: [usize; 2] = [24, 12];

/// set_robust_list(2): `size` is the size of struct robust_list_head.
pub fn set_robust_list(head: u64, size: usize) -> SysResult {
    let task = current();
    let is_32bit = task.is_i386_call();
    if size != ROBUST_HEAD[usize::from(is_32bit)] {
        return Err(Errno::EINVAL);
    }
    let list = if is_32bit {
        &task.robust_list_32
    } else {
        &task.robust_list
    };
    list.store(head, Ordering::Relaxed);
    Ok(0)
}

/// get_robust_list(2).
pub fn get_robust_list(tid: i32, head: u64, size: u64) -> SysResult {
    let task = if tid == 0 {
        current_task()
    } else {
        table::find(tid as u32).ok_or(Errno::ESRCH)?
    };
    if !ptrace::may_access(&task, Ids::Real) {
        return Err(Errno::EPERM);
    }
    let is_32bit = current().is_i386_call();
    let bytes = ROBUST_HEAD[usize::from(is_32bit)] as u64;
    if is_32bit {
        let list = task.robust_list_32.load(Ordering::Relaxed);
        UserPtr::<u32>::new(size).write(bytes as u32)?;
        UserPtr::<u32>::new(head).write(list as u32)?;
    } else {
        let list = task.robust_list.load(Ordering::Relaxed);
        UserPtr::<u64>::new(size).write(bytes)?;
        UserPtr::<u64>::new(head).write(list)?;
    }
    Ok(0)
}

/// personality(2): 0xffffffff only queries.
pub fn personality(persona: u32) -> SysResult {
    let task = current();
    let mut attributes = task.attributes.lock();
    let old = attributes.personality;
    if persona != u32::MAX {
        attributes.personality = persona;
    }
    Ok(old as usize)
}
