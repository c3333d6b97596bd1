//! Waits for a signal: pause(2), sigsuspend(2), rt_sigtimedwait(2).

use super::{Info, check_size};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::{SigInfo, UNBLOCKABLE};
use crate::process::current;
use crate::process::signal::{fatal, mask, take_pending};
use crate::sched::wait::{self, is_interrupted};
use crate::syscall::time::{Pair, read};
use crate::time::{self, as_nanos};
use crate::usercopy::UserPtr;

/// pause(2): waits until a signal handler has run.
pub fn pause() -> SysResult {
    let interrupted = Err(Errno::ERESTARTNOHAND);
    wait::until(None, || is_interrupted().then_some(interrupted)).unwrap_or(interrupted)
}

fn suspend(set: u64) -> SysResult {
    mask::set_for_call(set);
    // The return from the handler, or from the call without one, restores the old mask.
    pause()
}

/// rt_sigsuspend(2).
pub fn rt_sigsuspend(set: UserPtr<u64>, size: usize) -> SysResult {
    check_size(size)?;
    suspend(set.read()?)
}

/// i386's old sigsuspend(2): the set is the third argument itself; signals above 32 are unblocked.
pub fn sigsuspend(_: u32, _: u32, set: u32) -> SysResult {
    suspend(set.into())
}

/// Waits for a signal of `set` until `deadline` (ns of CLOCK_MONOTONIC).
///
/// # Errors
/// `EAGAIN` after the deadline, `EINTR` if a signal outside `set` arrived.
fn wait_for(set: u64, deadline: Option<u64>) -> Result<SigInfo, Errno> {
    let set = set & !UNBLOCKABLE;
    if let Some(info) = take_pending(set) {
        return Ok(info);
    }
    let blocked = current().begin_signal_wait(set);
    let interrupted = wait::until(deadline, || is_interrupted().then_some(())).is_some();
    let info = take_pending(set & !fatal(&current(), !blocked));
    current().end_signal_wait();
    mask::set(blocked);
    info.ok_or(if interrupted {
        Errno::EINTR
    } else {
        Errno::EAGAIN
    })
}

/// The set and the deadline; no deadline for NULL.
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

/// rt_sigtimedwait(2): returns the signal, which is removed without running a handler.
pub fn rt_sigtimedwait<I: Info, P: Pair>(
    set: UserPtr<u64>,
    info: UserPtr<I>,
    time: UserPtr<P>,
    size: usize,
) -> SysResult {
    let (set, deadline) = arguments(set, time, size)?;
    let taken = wait_for(set, deadline)?;
    info.write_opt(I::new(&taken))?;
    Ok(taken.signo.into())
}
