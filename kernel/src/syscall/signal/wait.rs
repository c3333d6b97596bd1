//! Waiting for a signal: pause(2), sigsuspend(2), rt_sigtimedwait(2).

use super::check_size;
use crate::abi::errno::{Errno, SysResult};
use crate::process::current;
use crate::process::signal::{SigInfo, UNBLOCKABLE, fatal, layout, mask, take_pending};
use crate::sched::wait::{self, is_interrupted};
use crate::syscall::time::{Pair, Time64, read};
use crate::time::{self, as_nanos};
use crate::usercopy::UserPtr;

/// pause(2): until a signal's handler ran.
pub fn pause() -> SysResult {
    let interrupted = Err(Errno::ERESTARTNOHAND);
    wait::until(None, || is_interrupted().then_some(interrupted)).unwrap_or(interrupted)
}

fn suspend(set: u64) -> SysResult {
    mask::set_for_call(set);
    // The handler's frame, or the end of the call without one, puts the old mask back.
    pause()
}

/// rt_sigsuspend(2).
pub fn rt_sigsuspend(set: UserPtr<u64>, size: usize) -> SysResult {
    check_size(size)?;
    suspend(set.read()?)
}

/// i386's first sigsuspend(2): the set is the third argument itself; signals above 32 are let
/// through.
pub fn sigsuspend32(_: u32, _: u32, set: u32) -> SysResult {
    suspend(set.into())
}

/// Waits for a signal of `set` until CLOCK_MONOTONIC says `deadline` (ns).
///
/// # Errors
/// `EAGAIN` if none came, `EINTR` if another one did.
fn wait_for(set: u64, deadline: Option<u64>) -> Result<SigInfo, Errno> {
    let set = set & !UNBLOCKABLE;
    if let Some(info) = take_pending(set) {
        return Ok(info);
    }
    // Not blocked while it waits, so that senders wake it; `awaited` keeps them from throwing
    // away what was blocked and has no handler.
    let blocked = {
        let task = current();
        let mut own = task.signals.lock();
        let blocked = own.blocked;
        own.awaited = set & blocked;
        own.blocked &= !set;
        blocked
    };
    let interrupted = wait::until(deadline, || is_interrupted().then_some(())).is_some();
    let info = take_pending(set & !fatal(!blocked));
    current().signals.lock().awaited = 0;
    mask::set(blocked);
    info.ok_or(if interrupted {
        Errno::EINTR
    } else {
        Errno::EAGAIN
    })
}

/// The set and, unless its address is NULL, the time to wait.
fn arguments<P: Pair>(
    set: UserPtr<u64>,
    time: UserPtr<P>,
    size: usize,
) -> Result<(u64, Option<u64>), Errno> {
    check_size(size)?;
    let set = set.read()?;
    if time.is_null() {
        return Ok((set, None));
    }
    let span = as_nanos(read(time)?);
    Ok((set, Some(time::uptime_ns().saturating_add(span))))
}

/// rt_sigtimedwait(2): returns the signal, taken without a handler.
pub fn rt_sigtimedwait(
    set: UserPtr<u64>,
    info: UserPtr<layout::Info64>,
    time: UserPtr<[i64; 2]>,
    size: usize,
) -> SysResult {
    let (set, deadline) = arguments(set, time, size)?;
    let taken = wait_for(set, deadline)?;
    info.write_opt(layout::to_64(&taken))?;
    Ok(taken.signo.into())
}

fn timed_wait32<P: Pair>(
    set: UserPtr<u64>,
    info: UserPtr<layout::Info32>,
    time: UserPtr<P>,
    size: usize,
) -> SysResult {
    let (set, deadline) = arguments(set, time, size)?;
    let taken = wait_for(set, deadline)?;
    info.write_opt(layout::to_32(&taken))?;
    Ok(taken.signo.into())
}

/// rt_sigtimedwait(2) of i386, with 32-bit seconds.
pub fn rt_sigtimedwait_time32(
    set: UserPtr<u64>,
    info: UserPtr<layout::Info32>,
    time: UserPtr<[i32; 2]>,
    size: usize,
) -> SysResult {
    timed_wait32(set, info, time, size)
}

/// rt_sigtimedwait_time64(2).
pub fn rt_sigtimedwait_time64(
    set: UserPtr<u64>,
    info: UserPtr<layout::Info32>,
    time: UserPtr<Time64>,
    size: usize,
) -> SysResult {
    timed_wait32(set, info, time, size)
}
