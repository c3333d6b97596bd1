//! RLIMIT_NPROC, the limit of a user's threads.

use linux_raw_sys::general::RLIMIT_NPROC;

use super::{current, table};
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;

/// Checks RLIMIT_NPROC, which counts the threads of the real user, zombies included. Root is
/// exempt.
pub(super) fn check_limit() -> Result<(), Errno> {
    let task = current();
    let (process, cred) = (&task.process, task.cred());
    if cred.uid == 0 || cred.has(Caps::SYS_RESOURCE) || cred.has(Caps::SYS_ADMIN) {
        return Ok(());
    }
    let limit = process.soft_limit(RLIMIT_NPROC);
    if count_threads(cred.uid) >= limit {
        Err(Errno::EAGAIN)
    } else {
        Ok(())
    }
}

/// Number of threads of a user; a zombie counts as one.
fn count_threads(uid: u32) -> u64 {
    let count: usize = table::all_processes()
        .filter(|process| process.cred().uid == uid)
        .map(|process| process.thread_count().max(1))
        .sum();
    count as u64
}

/// Whether a user other than root has more threads than the running process's RLIMIT_NPROC.
fn exceeds_nproc(uid: u32) -> bool {
    let limit = current().process.soft_limit(RLIMIT_NPROC);
    uid != 0 && count_threads(uid) > limit
}

/// Records whether the running thread's new user exceeds RLIMIT_NPROC. The set*id call succeeds, as
/// programs don't check its result; the next execve(2) fails (flag_nproc_exceeded in kernel/sys.c).
pub fn note_new_user(uid: u32) {
    let exceeds_nproc = exceeds_nproc(uid);
    current().attributes.lock().has_too_many = exceeds_nproc;
}

/// Checks in execve(2) whether a user that exceeded RLIMIT_NPROC in [`note_new_user`] still does.
///
/// # Errors
/// `EAGAIN` if so.
pub fn check_new_user() -> Result<(), Errno> {
    let task = current();
    if !task.attributes.lock().has_too_many {
        return Ok(());
    }
    if exceeds_nproc(task.cred().uid) {
        return Err(Errno::EAGAIN);
    }
    task.attributes.lock().has_too_many = false;
    Ok(())
}
