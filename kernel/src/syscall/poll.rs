//! Waiting for files: poll and select.
//!
//! Only a terminal is ever not ready, and the timer wakes whoever waits here to look again: at most
//! a tick late. Left out: the signal masks of ppoll(2) and pselect6(2), which are checked only.

use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::general::RLIMIT_NOFILE;

use super::errno::{Errno, SysResult};
use crate::fs::caller;
use crate::fs::file::File;
use crate::fs::inode::Ready;
use crate::fs::tty;
use crate::process::current;
use crate::usercopy::UserPtr;

/// `struct pollfd`: descriptor, events asked for and found.
type PollFd = [i32; 2];
/// POLLNVAL: no such descriptor.
const POLLNVAL: u16 = 0x20;
/// What is told whether asked for or not: POLLERR, POLLHUP, POLLNVAL.
const ALWAYS: u16 = 0x38;

/// When to stop waiting: nanoseconds since boot; never.
type Deadline = Option<u64>;

fn deadline_in(nanoseconds: u64) -> Deadline {
    Some(crate::time::uptime_ns().saturating_add(nanoseconds))
}

/// Calls `look` until it finds something or the deadline passes.
fn wait(deadline: Deadline, mut look: impl FnMut() -> usize) -> usize {
    tty::wait_for_activity(|| {
        let found = look();
        let over = deadline.is_some_and(|deadline| crate::time::uptime_ns() >= deadline);
        (found > 0 || over).then_some(found)
    })
}

/// Polls `count` descriptors.
fn poll_until(fds: UserPtr<PollFd>, count: usize, deadline: Deadline) -> SysResult {
    if count as u64 > current().process.limits.lock().soft(RLIMIT_NOFILE) {
        return Err(Errno::EINVAL);
    }
    let mut entries = fds.read_vec(count)?;
    let files: Vec<Option<Arc<File>>> = entries.iter().map(|[fd, _]| caller::file(*fd).ok()).collect();
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
    });
    fds.write_slice(&entries)?;
    Ok(found)
}

/// poll(2): a time in milliseconds, negative for ever.
pub fn poll(fds: UserPtr<PollFd>, count: u32, timeout: i32) -> SysResult {
    let deadline = u64::try_from(timeout).ok().and_then(|ms| deadline_in(ms * 1_000_000));
    poll_until(fds, count as usize, deadline)
}

/// Seconds and nanoseconds as a deadline.
fn from_timespec([sec, nsec]: [i64; 2]) -> Result<Deadline, Errno> {
    let (Ok(sec), Ok(nsec @ 0..1_000_000_000)) = (u64::try_from(sec), u64::try_from(nsec)) else {
        return Err(Errno::EINVAL);
    };
    Ok(deadline_in(sec.saturating_mul(1_000_000_000).saturating_add(nsec)))
}

fn read_timespec(time: UserPtr<[i64; 2]>) -> Result<Deadline, Errno> {
    if time.is_null() { Ok(None) } else { from_timespec(time.read()?) }
}

fn read_timespec32(time: UserPtr<[i32; 2]>) -> Result<Deadline, Errno> {
    if time.is_null() { Ok(None) } else { from_timespec(time.read()?.map(i64::from)) }
}

/// What is left until a deadline, in seconds and nanoseconds.
fn left(deadline: Deadline) -> [i64; 2] {
    let left = deadline.map_or(0, |deadline| deadline.saturating_sub(crate::time::uptime_ns()));
    [(left / 1_000_000_000) as i64, (left % 1_000_000_000) as i64]
}

/// ppoll(2); ppoll_time64(2) of i386 too.
pub fn ppoll(fds: UserPtr<PollFd>, count: u32, time: UserPtr<[i64; 2]>, _mask: u64, _size: usize) -> SysResult {
    let deadline = read_timespec(time)?;
    let found = poll_until(fds, count as usize, deadline)?;
    if !time.is_null() {
        // Linux tells the time that was left, and no error if it can't.
        let _ = time.write(left(deadline));
    }
    Ok(found)
}

/// ppoll(2), i386.
pub fn ppoll32(fds: UserPtr<PollFd>, count: u32, time: UserPtr<[i32; 2]>, _mask: u64, _size: usize) -> SysResult {
    let deadline = read_timespec32(time)?;
    let found = poll_until(fds, count as usize, deadline)?;
    if !time.is_null() {
        let _ = time.write(left(deadline).map(|part| part as i32));
    }
    Ok(found)
}

/// The three sets of select(2), and how many bytes of each count.
struct Sets {
    at: [UserPtr<u8>; 3],
    asked: [Vec<u8>; 3],
}

/// What makes a descriptor ready for each set.
const KINDS: [Ready; 3] = [
    Ready::READ.union(Ready::HANGUP).union(Ready::ERROR),
    Ready::WRITE.union(Ready::ERROR),
    // Out-of-band data: nothing here has any.
    Ready::empty(),
];

/// select(2) on the first `count` descriptors; sets are of words of `word` bytes.
fn select_until(count: i32, at: [UserPtr<u8>; 3], word: usize, deadline: Deadline) -> SysResult {
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    let count = count.min(caller::with_files(|files| files.capacity()));
    let bytes = count.div_ceil(word * 8) * word;
    let mut sets = Sets { at, asked: Default::default() };
    for (set, at) in sets.asked.iter_mut().zip(at) {
        *set = if at.is_null() { alloc::vec![0; bytes] } else { at.read_vec(bytes)? };
    }
    let has = |set: &[u8], fd: usize| set[fd / 8] >> (fd % 8) & 1 != 0;
    let mut files = Vec::new();
    for fd in 0..count {
        if sets.asked.iter().any(|set| has(set, fd)) {
            files.push((fd, caller::file(fd as i32)?));
        }
    }
    let mut result = sets.asked.clone();
    let found = wait(deadline, || {
        let mut found = 0;
        for (set, (asked, kind)) in result.iter_mut().zip(sets.asked.iter().zip(KINDS)) {
            set.fill(0);
            for (fd, file) in &files {
                if has(asked, *fd) && file.ops().ready().intersects(kind) {
                    set[fd / 8] |= 1 << (fd % 8);
                    found += 1;
                }
            }
        }
        found
    });
    for (set, at) in result.iter().zip(sets.at) {
        if !at.is_null() {
            at.write_slice(set)?;
        }
    }
    Ok(found)
}

/// A set of descriptors in user memory.
type Set = UserPtr<u8>;

/// select(2): a `struct timeval`, which afterwards tells the time left.
pub fn select(count: i32, read: Set, write: Set, except: Set, time: UserPtr<[i64; 2]>) -> SysResult {
    let deadline = if time.is_null() { None } else { from_timespec(microseconds(time.read()?)?)? };
    let found = select_until(count, [read, write, except], 8, deadline)?;
    if !time.is_null() {
        let [sec, nsec] = left(deadline);
        let _ = time.write([sec, nsec / 1000]);
    }
    Ok(found)
}

/// select(2), i386 (_newselect).
pub fn select32(count: i32, read: Set, write: Set, except: Set, time: UserPtr<[i32; 2]>) -> SysResult {
    let deadline =
        if time.is_null() { None } else { from_timespec(microseconds(time.read()?.map(i64::from))?)? };
    let found = select_until(count, [read, write, except], 4, deadline)?;
    if !time.is_null() {
        let [sec, nsec] = left(deadline);
        let _ = time.write([sec as i32, (nsec / 1000) as i32]);
    }
    Ok(found)
}

/// The first select(2) of i386: its arguments lie in memory.
pub fn old_select(arguments: UserPtr<[u32; 5]>) -> SysResult {
    let [count, read, write, except, time] = arguments.read()?;
    let set = |at: u32| UserPtr::new(at.into());
    select32(count as i32, set(read), set(write), set(except), UserPtr::new(time.into()))
}

/// Seconds and microseconds as seconds and nanoseconds; Linux lets the latter exceed a second.
fn microseconds([sec, usec]: [i64; 2]) -> Result<[i64; 2], Errno> {
    if usec < 0 {
        return Err(Errno::EINVAL);
    }
    Ok([sec.saturating_add(usec / 1_000_000), usec % 1_000_000 * 1000])
}

/// pselect6(2).
pub fn pselect6(count: i32, read: Set, write: Set, except: Set, time: UserPtr<[i64; 2]>, _mask: u64) -> SysResult {
    let deadline = read_timespec(time)?;
    let found = select_until(count, [read, write, except], 8, deadline)?;
    if !time.is_null() {
        let _ = time.write(left(deadline));
    }
    Ok(found)
}

/// pselect6(2), i386.
pub fn pselect6_32(count: i32, read: Set, write: Set, except: Set, time: UserPtr<[i32; 2]>, _mask: u64) -> SysResult {
    let deadline = read_timespec32(time)?;
    let found = select_until(count, [read, write, except], 4, deadline)?;
    if !time.is_null() {
        let _ = time.write(left(deadline).map(|part| part as i32));
    }
    Ok(found)
}

/// pselect6_time64(2), i386.
pub fn pselect6_time64(count: i32, read: Set, write: Set, except: Set, time: UserPtr<[i64; 2]>, _mask: u64) -> SysResult {
    let deadline = read_timespec(time)?;
    let found = select_until(count, [read, write, except], 4, deadline)?;
    if !time.is_null() {
        let _ = time.write(left(deadline));
    }
    Ok(found)
}
