//! Blocked and pending signals: sigprocmask(2), sigpending(2).

use linux_raw_sys::general::{SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK};

use super::{SIGSET_SIZE, check_size};
use crate::abi::errno::{Errno, SysResult};
use crate::process::current;
use crate::process::signal::mask;
use crate::usercopy::UserPtr;

/// Changes the mask if `set` is given; returns the old mask. `kept` returns the signals of the old
/// mask that SIG_SETMASK keeps.
fn exchange(how: u32, set: Option<u64>, kept: impl Fn(u64) -> u64) -> Result<u64, Errno> {
    let before = current().blocked_signals();
    if let Some(set) = set {
        mask::set(match how {
            SIG_BLOCK => before | set,
            SIG_UNBLOCK => before & !set,
            SIG_SETMASK => kept(before) | set,
            _ => return Err(Errno::EINVAL),
        });
    }
    Ok(before)
}

/// rt_sigprocmask(2); the set has the same layout in both tables.
pub fn rt_sigprocmask(how: u32, set: UserPtr<u64>, old: UserPtr<u64>, size: usize) -> SysResult {
    check_size(size)?;
    let before = exchange(how, set.read_opt()?, |_| 0)?;
    old.write_opt(before).map(|()| 0)
}

/// i386's old sigprocmask(2): signals 1 to 32; the others keep their state.
pub fn sigprocmask(how: u32, set: UserPtr<u32>, old: UserPtr<u32>) -> SysResult {
    let before = exchange(how, set.read_opt()?.map(u64::from), upper)?;
    old.write_opt(before as u32).map(|()| 0)
}

fn upper(mask: u64) -> u64 {
    mask & !u64::from(u32::MAX)
}

/// sgetmask(2): the blocked ones of signals 1 to 32.
pub fn sgetmask() -> SysResult {
    Ok(current().blocked_signals() as u32 as usize)
}

/// ssetmask(2): replaces the whole mask by signals of 1 to 32; returns the old mask's signals 1 to
/// 32.
pub fn ssetmask(new: u32) -> SysResult {
    let before = exchange(SIG_SETMASK, Some(new.into()), |_| 0)?;
    Ok(before as u32 as usize)
}

/// Signals that are pending for the thread or its process and blocked.
fn pending() -> u64 {
    let task = current();
    let shared = task.process.pending_signals();
    let (own, blocked) = task.pending_and_blocked_signals();
    (own | shared) & blocked
}

/// rt_sigpending(2).
pub fn rt_sigpending(out: UserPtr<u64>, size: usize) -> SysResult {
    if size > SIGSET_SIZE {
        return Err(Errno::EINVAL);
    }
    let bytes = pending().to_ne_bytes();
    out.cast::<u8>().write_slice(&bytes[..size]).map(|()| 0)
}

/// i386's old sigpending(2): signals 1 to 32.
pub fn sigpending(out: UserPtr<u32>) -> SysResult {
    out.write(pending() as u32).map(|()| 0)
}
