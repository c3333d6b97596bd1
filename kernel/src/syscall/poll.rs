//! Waiting for files: poll. `select.rs` is the other way to ask.
//!
//! Only a terminal is ever not ready, and the timer wakes whoever waits here to look again: at most
//! a tick late. Left out: the signal mask of ppoll(2).

use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::general::RLIMIT_NOFILE;

use super::errno::{Errno, SysResult};
use crate::fs::caller;
use crate::fs::file::File;
use crate::fs::tty;
use crate::process::current;
use crate::process::wait::is_interrupted;
use crate::usercopy::UserPtr;

/// `struct pollfd`: descriptor, events asked for and found.
type PollFd = [i32; 2];
/// POLLNVAL: no such descriptor.
const POLLNVAL: u16 = 0x20;
/// What is told whether asked for or not: POLLERR, POLLHUP, POLLNVAL.
const ALWAYS: u16 = 0x38;

/// When to stop waiting: nanoseconds since boot; never.
pub(super) type Deadline = Option<u64>;

pub(super) fn deadline_in(nanoseconds: u64) -> Deadline {
    Some(crate::time::uptime_ns().saturating_add(nanoseconds))
}

/// Calls `look` until it finds something or the deadline passes.
///
/// # Errors
/// `EINTR` if a signal comes first.
pub(super) fn wait(deadline: Deadline, mut look: impl FnMut() -> usize) -> SysResult {
    tty::wait_for_activity(|| {
        let found = look();
        let over = deadline.is_some_and(|deadline| crate::time::uptime_ns() >= deadline);
        if found > 0 || over {
            return Some(Ok(found));
        }
        is_interrupted().then_some(Err(Errno::EINTR))
    })
}

/// Polls `count` descriptors.
fn poll_until(fds: UserPtr<PollFd>, count: usize, deadline: Deadline) -> SysResult {
    if count as u64 > current().process.limits.lock().soft(RLIMIT_NOFILE) {
        return Err(Errno::EINVAL);
    }
    let mut entries = fds.read_vec(count)?;
    let files: Vec<Option<Arc<File>>> = entries
        .iter()
        .map(|[fd, _]| caller::file(*fd).ok())
        .collect();
    let found = wait(deadline, || {
        let mut found = 0;
        for ([fd, events], file) in entries.iter_mut().zip(&files) {
            let asked = *events as u32 as u16;
            let got = match file {
                _ if *fd < 0 => 0,
                Some(file) => file.ops().ready().bits() & (asked | ALWAYS),
                None => POLLNVAL,
            };
            *events = i32::from(asked) | i32::from(got) << 16;
            found += usize::from(got != 0);
        }
        found
    })?;
    fds.write_slice(&entries)?;
    Ok(found)
}

/// poll(2): a time in milliseconds, negative for ever.
pub fn poll(fds: UserPtr<PollFd>, count: u32, timeout: i32) -> SysResult {
    let deadline = u64::try_from(timeout)
        .ok()
        .and_then(|ms| deadline_in(ms * 1_000_000));
    poll_until(fds, count as usize, deadline)
}

/// Seconds and nanoseconds as a deadline.
pub(super) fn from_timespec([sec, nsec]: [i64; 2]) -> Result<Deadline, Errno> {
    let (Ok(sec), Ok(nsec @ 0..1_000_000_000)) = (u64::try_from(sec), u64::try_from(nsec)) else {
        return Err(Errno::EINVAL);
    };
    Ok(deadline_in(
        sec.saturating_mul(1_000_000_000).saturating_add(nsec),
    ))
}

pub(super) fn read_timespec(time: UserPtr<[i64; 2]>) -> Result<Deadline, Errno> {
    if time.is_null() {
        Ok(None)
    } else {
        from_timespec(time.read()?)
    }
}

pub(super) fn read_timespec32(time: UserPtr<[i32; 2]>) -> Result<Deadline, Errno> {
    if time.is_null() {
        Ok(None)
    } else {
        from_timespec(time.read()?.map(i64::from))
    }
}

/// What is left until a deadline, in seconds and nanoseconds.
pub(super) fn left(deadline: Deadline) -> [i64; 2] {
    let left = deadline.map_or(0, |deadline| {
        deadline.saturating_sub(crate::time::uptime_ns())
    });
    [(left / 1_000_000_000) as i64, (left % 1_000_000_000) as i64]
}

/// ppoll(2); ppoll_time64(2) of i386 too.
pub fn ppoll(
    fds: UserPtr<PollFd>,
    count: u32,
    time: UserPtr<[i64; 2]>,
    _mask: u64,
    _size: usize,
) -> SysResult {
    let deadline = read_timespec(time)?;
    let found = poll_until(fds, count as usize, deadline)?;
    // Linux tells the time that was left, and no error if it can't.
    let _ = time.write_opt(left(deadline));
    Ok(found)
}

/// ppoll(2), i386.
pub fn ppoll32(
    fds: UserPtr<PollFd>,
    count: u32,
    time: UserPtr<[i32; 2]>,
    _mask: u64,
    _size: usize,
) -> SysResult {
    let deadline = read_timespec32(time)?;
    let found = poll_until(fds, count as usize, deadline)?;
    let _ = time.write_opt(left(deadline).map(|part| part as i32));
    Ok(found)
}
