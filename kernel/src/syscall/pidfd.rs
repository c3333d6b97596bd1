//! Process descriptors: pidfd_open(2), pidfd_getfd(2), process_madvise(2). pidfd_send_signal(2) is
//! in `signal/send.rs`, waitid(2) in `wait.rs`.

use alloc::sync::Arc;

use linux_raw_sys::general as linux;

use super::advice::{Holes, end_of_advice, in_parts};
use super::argument::Word;
use super::io::{self, Vector};
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::process::caller;
use crate::process::capability::capable;
use crate::process::pid::Pid;
use crate::process::pidfd;
use crate::process::ptrace::{self, Ids};
use crate::process::{current, table};
use crate::sched::preempt;
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::file::flags::O_NONBLOCK;

/// pidfd_open(2): `id` is a process ID, not that of another thread. A zombie can be opened until it
/// is reaped.
pub fn pidfd_open(id: i32, flags: u32) -> SysResult {
    // PIDFD_NONBLOCK.
    if flags & !O_NONBLOCK != 0 || id <= 0 {
        return Err(Errno::EINVAL);
    }
    let id = id.unsigned_abs();
    let process = table::pid(id).filter(|pid| pid.process().is_some());
    let pid = process.ok_or_else(|| {
        // A thread's ID, or the ID of a process group without its leader.
        if table::is_used(id) {
            Errno::EINVAL
        } else {
            Errno::ESRCH
        }
    })?;
    caller::install(pidfd::new(pid, flags)?, true).map(|fd| fd as usize)
}

/// Open file and process of the caller's pidfd `fd`.
///
/// # Errors
/// `EBADF`, also for a descriptor that is not a pidfd.
pub(super) fn file_and_process(fd: i32) -> Result<(Arc<File>, Pid), Errno> {
    let file = caller::file(fd)?;
    let pid = pidfd::of(&file).ok_or(Errno::EBADF)?;
    Ok((file, pid))
}

/// pidfd_getfd(2): duplicates a descriptor of another process.
pub fn pidfd_getfd(pidfd: i32, fd: i32, flags: u32) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let (_, pid) = file_and_process(pidfd)?;
    let process = pid.process().ok_or(Errno::ESRCH)?;
    if !ptrace::may_access_process(&process, &process.cred(), Ids::Real) {
        return Err(Errno::EPERM);
    }
    // On Linux the descriptors are the first thread's, which releases them when it exits.
    process.thread(pid.number()).ok_or(Errno::ESRCH)?;
    let files = process.files();
    let file = files.lock().get_any(fd)?;
    caller::install(file, true).map(|fd| fd as usize)
}

/// Applies advice that destroys no data to another process's memory; returns the number of bytes
/// advised.
fn advise_another(fd: i32, (ranges, _): &Vector, advice: u32) -> SysResult {
    let (_, pid) = file_and_process(fd)?;
    let process = pid.process().ok_or(Errno::ESRCH)?;
    if !matches!(
        advice,
        linux::MADV_WILLNEED | linux::MADV_COLD | linux::MADV_PAGEOUT | linux::MADV_COLLAPSE
    ) {
        return Err(Errno::EINVAL);
    }
    let mm = process.mm().ok_or(Errno::ESRCH)?;
    let is_own = current().mm().is_some_and(|own| Arc::ptr_eq(&own, &mm));
    if !is_own && !ptrace::may_access_process(&process, &process.cred(), Ids::FileSystem) {
        return Err(Errno::EACCES);
    }
    if !capable(Caps::SYS_NICE) {
        return Err(Errno::EPERM);
    }
    let mut done = 0;
    for range in ranges.iter().filter(|range| !range.is_empty()) {
        let start = range.start().address();
        let taken = end_of_advice(start, range.len() as u64, advice)
            .and_then(|end| in_parts(&mm, start, end, advice, &mut Holes::new()));
        match taken {
            Ok(()) => done += range.len(),
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        }
        preempt::point();
    }
    Ok(done)
}

/// process_madvise(2).
pub fn process_madvise<W: Word>(
    fd: i32,
    vector: UserPtr<[W; 2]>,
    count: usize,
    advice: u32,
    flags: u32,
) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    advise_another(fd, &io::ranges(vector, count)?, advice)
}
