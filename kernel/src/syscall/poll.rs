//! Waiting for files: poll. `select.rs` is the other way to ask.
//!
//! How one task waits for many files: `crate::fs::poll`. Left out: the signal mask of ppoll(2).

use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::general::RLIMIT_NOFILE;

use super::errno::{Errno, SysResult};
use crate::fs::caller;
use crate::fs::file::File;
use crate::fs::inode::Ready;
use crate::fs::poll::{ALWAYS, wait};
use crate::process::current;
use crate::usercopy::UserPtr;

/// `struct pollfd`: descriptor, events asked for and found.
type PollFd = [i32; 2];
/// POLLNVAL: no such descriptor.
const POLLNVAL: u16 = 0x20;

/// When to stop waiting: nanoseconds since boot; never.
pub(super) type Deadline = Option<u64>;

pub(super) fn deadline_in(nanoseconds: u64) -> Deadline {
    Some(crate::time::uptime_ns().saturating_add(nanoseconds))
}

/// The events that an entry asks for.
fn asked([_, events]: PollFd) -> Ready {
    Ready::from_bits_truncate(events as u16)
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
    let asked: Vec<Ready> = entries.iter().map(|entry| asked(*entry)).collect();
    let waited_for = files.iter().zip(&asked);
    let waited_for = waited_for.filter_map(|(file, asked)| Some((file.as_ref()?, *asked)));
    let result = wait(waited_for, deadline, Errno::EINTR, || {
        let mut found = 0;
        for ((entry, file), asked) in entries.iter_mut().zip(&files).zip(&asked) {
            let got = match file {
                Some(file) => (file.ops().ready() & (*asked | ALWAYS)).bits(),
                None if entry[0] < 0 => 0,
                None => POLLNVAL,
            };
            entry[1] = entry[1] & 0xffff | i32::from(got) << 16;
            found += usize::from(got != 0);
        }
        found
    });
    // As on Linux, also after a signal.
    fds.write_slice(&entries)?;
    result
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
