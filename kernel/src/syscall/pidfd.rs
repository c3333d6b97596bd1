//! Processes by descriptor: pidfd_open, pidfd_getfd. Signals: `signal/send.rs`; waiting: `wait.rs`.

use alloc::sync::Arc;

use super::errno::{Errno, SysResult};
use crate::fs::file::File;
use crate::fs::file::flags::O_NONBLOCK;
use crate::fs::{caller, pidfd};
use crate::process::table::{self, Pid};
use crate::ptrace::{self, Ids};

/// pidfd_open(2): of a process, not of one of its other threads; one that ended is there until it was
/// waited for.
pub fn pidfd_open(id: i32, flags: u32) -> SysResult {
    // PIDFD_NONBLOCK.
    if flags & !O_NONBLOCK != 0 || id <= 0 {
        return Err(Errno::EINVAL);
    }
    let id = id.unsigned_abs();
    let process = table::pid(id).filter(|pid| pid.process().is_some());
    let pid = process.ok_or_else(|| {
        // A thread's, or that of a group whose first process is gone.
        if table::is_used(id) {
            Errno::EINVAL
        } else {
            Errno::ESRCH
        }
    })?;
    caller::install(pidfd::new(pid, flags)?, true).map(|fd| fd as usize)
}

/// The pidfd `fd` of the caller's: its open file, and the process.
///
/// # Errors
/// `EBADF`, also for other descriptors.
pub(super) fn named_by(fd: i32) -> Result<(Arc<File>, Pid), Errno> {
    let file = caller::file(fd)?;
    let pid = pidfd::of(&file).ok_or(Errno::EBADF)?;
    Ok((file, pid))
}

/// pidfd_getfd(2): a descriptor of the caller's for what is open in another process.
pub fn pidfd_getfd(pidfd: i32, fd: i32, flags: u32) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let (_, pid) = named_by(pidfd)?;
    let process = pid.process().ok_or(Errno::ESRCH)?;
    if !ptrace::may_access_process(&process, &process.cred(), Ids::Real) {
        return Err(Errno::EPERM);
    }
    // On Linux the descriptors are the first thread's, which loses them as it ends.
    let threads = process.threads.lock();
    if threads.iter().all(|task| task.tid() != pid.number()) {
        return Err(Errno::ESRCH);
    }
    drop(threads);
    let files = process.files.lock().clone();
    let file = files.lock().get_any(fd)?;
    caller::install(file, true).map(|fd| fd as usize)
}
