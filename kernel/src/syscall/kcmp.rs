//! kcmp(2): whether two processes share a kernel object (for CRIU).

use alloc::sync::Arc;

use crate::abi::errno::{Errno, SysResult};
use crate::process::ptrace::{self, Ids};
use crate::process::{Task, table};
use crate::usercopy::UserPtr;
use crate::vfs::epoll;
use crate::vfs::file::File;

// Kinds of objects (include/uapi/linux/kcmp.h).
const FILE: u32 = 0;
const VM: u32 = 1;
const FILES: u32 = 2;
const FS: u32 = 3;
const SIGHAND: u32 = 4;
const IO: u32 = 5;
const SYSVSEM: u32 = 6;
const EPOLL_TFD: u32 = 7;

/// kcmp(2): 0 for the same object; 1 or 2 for different ones, by an arbitrary order.
pub fn kcmp(first: i32, second: i32, kind: u32, index1: u64, index2: u64) -> SysResult {
    let find = |pid: i32| {
        let task = u32::try_from(pid).ok().and_then(table::find);
        task.ok_or(Errno::ESRCH)
    };
    let tasks = [find(first)?, find(second)?];
    if !tasks.iter().all(|task| ptrace::may_access(task, Ids::Real)) {
        return Err(Errno::EPERM);
    }
    let [one, other] = [(&tasks[0], index1), (&tasks[1], index2)];
    let (one, other) = match kind {
        // No process has an I/O context or System V semaphores: always equal.
        IO | SYSVSEM => (0, 0),
        FILE | VM | FILES | FS | SIGHAND => (object(one, kind)?, object(other, kind)?),
        EPOLL_TFD => {
            let slot = UserPtr::new(index2).read()?;
            (object(one, FILE)?, watched(other.0, slot)?)
        }
        _ => return Err(Errno::EINVAL),
    };
    Ok(match one.cmp(&other) {
        core::cmp::Ordering::Equal => 0,
        core::cmp::Ordering::Less => 1,
        core::cmp::Ordering::Greater => 2,
    })
}

/// Obscured identity of the task's object of this kind: comparable, without leaking an address.
fn object((task, index): (&Arc<Task>, u64), kind: u32) -> Result<u64, Errno> {
    let process = &task.process;
    let address = match kind {
        FILE => Arc::as_ptr(&file_of(task, index as u32)?).addr(),
        VM => process.mm().map_or(0, |mm| Arc::as_ptr(&mm).addr()),
        FILES => Arc::as_ptr(&process.files()).addr(),
        FS => Arc::as_ptr(&process.fs).addr(),
        _ => Arc::as_ptr(&process.actions.lock()).addr(),
    };
    Ok(obscured(address))
}

/// Obscured identity of a file that an epoll instance of `task` watches. A struct kcmp_epoll_slot
/// holds the instance's descriptor, the watched descriptor, and an index among the items of that
/// descriptor.
fn watched(task: &Task, [instance, fd, which]: [u32; 3]) -> Result<u64, Errno> {
    let file = file_of(task, instance)?;
    let epoll = epoll::of(&file).ok_or(Errno::EINVAL)?;
    let watched = epoll.watched_by_number(fd as i32, which as usize);
    watched.map(obscured).ok_or(Errno::ENOENT)
}

fn file_of(task: &Task, fd: u32) -> Result<Arc<File>, Errno> {
    let files = task.process.files();
    files.lock().get_any(fd as i32)
}

/// Obscures an address by an invertible product, which keeps different addresses different.
fn obscured(address: usize) -> u64 {
    // Odd, hence invertible modulo 2^64 (kptr_obfuscate).
    const SECRET: u64 = 0x9e37_79b9_7f4a_7c15;
    (address as u64).wrapping_mul(SECRET)
}
