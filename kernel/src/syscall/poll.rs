//! poll(2) and ppoll(2), and timeouts of calls that wait for files. select(2) is in `select.rs`;
//! the wait for several files is in `vfs/poll.rs`.

use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::general::RLIMIT_NOFILE;

use super::time::Pair;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::mm::fallible;
use crate::process::caller;
use crate::process::current;
use crate::process::signal::{mask, restart};
use crate::sched::preempt::{self, Stride};
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::poll::{ALWAYS, FILE, wait};

/// struct pollfd: descriptor, then 16 bits each of requested and returned events.
type PollFd = [i32; 2];
/// POLLNVAL: no such descriptor.
const POLLNVAL: i32 = 0x20;

/// End of a wait, in nanoseconds since boot; `None` waits without limit.
pub(super) type Deadline = Option<u64>;

/// The deadline in `nanoseconds` from now.
pub(super) fn deadline_in(nanoseconds: u64) -> Deadline {
    Some(crate::time::uptime_ns().saturating_add(nanoseconds))
}

/// Requested events of an entry.
fn requested([_, events]: PollFd) -> Ready {
    Ready::from_bits_truncate(events as u16)
}

/// Polls `count` descriptors; `interrupted` is the error of a wait that a signal interrupts.
fn poll_until(
    fds: UserPtr<PollFd>,
    count: usize,
    deadline: Deadline,
    interrupted: Errno,
) -> SysResult {
    if count as u64 > current().process.soft_limit(RLIMIT_NOFILE) {
        return Err(Errno::EINVAL);
    }
    let mut entries = fds.read_vec(count)?;
    // The open files, with the index of the entry. The result of the other entries is known now.
    let mut files: Vec<(usize, Arc<File>, Ready)> = fallible::with_capacity(count)?;
    let mut absent = 0;
    let mut stride = Stride::default();
    for (at, entry) in entries.iter_mut().enumerate() {
        entry[1] &= 0xffff;
        match caller::file(entry[0]) {
            Ok(file) => files.push((at, file, requested(*entry))),
            Err(_) if entry[0] < 0 => {}
            Err(_) => {
                entry[1] |= POLLNVAL << 16;
                absent += 1;
            }
        }
        if stride.passes(FILE) {
            preempt::point();
        }
    }
    let waited_for = files.iter().map(|(_, file, asked)| (file, *asked));
    let result = wait(waited_for, deadline, interrupted, || {
        let mut found = absent;
        for (at, file, asked) in &files {
            let got = (file.ops().ready() & (*asked | ALWAYS)).bits();
            let entry = &mut entries[*at];
            entry[1] = entry[1] & 0xffff | i32::from(got) << 16;
            found += usize::from(got != 0);
            if stride.passes(FILE) {
                preempt::point();
            }
        }
        found
    });
    // As on Linux, after a signal too.
    fds.write_slice(&entries)?;
    result
}

/// poll(2): the timeout is in milliseconds; a negative one never expires.
pub fn poll(fds: UserPtr<PollFd>, count: u32, timeout: i32) -> SysResult {
    let deadline = u64::try_from(timeout)
        .ok()
        .and_then(|ms| deadline_in(ms * 1_000_000));
    poll_restartable([
        fds.address(),
        count.into(),
        deadline.is_some().into(),
        deadline.unwrap_or(0),
    ])
}

/// poll(2), at first and when it restarts after a signal without a handler, with the same deadline.
fn poll_restartable(with: [u64; 4]) -> SysResult {
    let [fds, count, is_limited, deadline] = with;
    let deadline = (is_limited != 0).then_some(deadline);
    let interrupted = Errno::ERESTART_RESTARTBLOCK;
    let result = poll_until(UserPtr::new(fds), count as usize, deadline, interrupted);
    if result == Err(interrupted) {
        return Err(restart::later(poll_restartable, with));
    }
    result
}

/// Deadline of a relative timeout in seconds and nanoseconds.
///
/// # Errors
/// `EINVAL`.
pub(super) fn from_timespec((sec, nsec): (i64, i64)) -> Result<Deadline, Errno> {
    let (Ok(sec), Ok(nsec @ 0..1_000_000_000)) = (u64::try_from(sec), u64::try_from(nsec)) else {
        return Err(Errno::EINVAL);
    };
    Ok(deadline_in(
        sec.saturating_mul(1_000_000_000).saturating_add(nsec),
    ))
}

/// Deadline of a relative timeout in user memory; `None` for NULL.
///
/// # Errors
/// `EFAULT`, `EINVAL`.
pub(super) fn read_timespec<P: Pair>(time: UserPtr<P>) -> Result<Deadline, Errno> {
    match time.read_opt()? {
        Some(pair) => from_timespec(pair.both()),
        None => Ok(None),
    }
}

/// Writes the time left until `deadline`, in seconds and units of `unit` ns, and returns the call's
/// result. If the write fails, the call does not restart, but succeeds or fails as before
/// (poll_select_finish in fs/select.c).
pub(super) fn write_time_left<P: Pair>(
    result: SysResult,
    time: UserPtr<P>,
    deadline: Deadline,
    unit: u64,
) -> SysResult {
    let Some(deadline) = deadline else {
        return result;
    };
    let left = deadline.saturating_sub(crate::time::uptime_ns());
    let (seconds, rest) = (left / 1_000_000_000, left % 1_000_000_000);
    let written = time.write_opt(P::new(seconds as i64, (rest / unit) as i64));
    if written.is_err() && result == Err(Errno::ERESTARTNOHAND) {
        return Err(Errno::EINTR);
    }
    result
}

/// ppoll(2).
pub fn ppoll<P: Pair>(
    fds: UserPtr<PollFd>,
    count: u32,
    time: UserPtr<P>,
    set: UserPtr<u64>,
    size: usize,
) -> SysResult {
    let deadline = read_timespec(time)?;
    let result = mask::with(set, size, || {
        poll_until(fds, count as usize, deadline, Errno::ERESTARTNOHAND)
    });
    write_time_left(result, time, deadline, 1)
}
