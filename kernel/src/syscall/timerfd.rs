//! timerfd_create(2), timerfd_settime(2), timerfd_gettime(2). The files are in `vfs/timerfd.rs`.

use core::any::Any;

use linux_raw_sys::general::{
    TFD_CLOEXEC, TFD_NONBLOCK, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET,
};
use vdso::reader::{BOOTTIME, MONOTONIC, REALTIME};

use super::time::Pair;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::process::caller;
use crate::process::capability::capable;
use crate::time::schedule::Schedule;
use crate::time::timer::Clock;
use crate::time::{as_nanos, from_nanos};
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::timerfd::{self, TimerFd};

/// CLOCK_REALTIME_ALARM: CLOCK_REALTIME, for timers that wake the machine (CAP_WAKE_ALARM).
const REALTIME_ALARM: usize = 8;
/// CLOCK_BOOTTIME_ALARM: CLOCK_BOOTTIME, for timers that wake the machine.
const BOOTTIME_ALARM: usize = 9;

/// timerfd_create(2).
pub fn timerfd_create(clock: u32, flags: u32) -> SysResult {
    if flags & !(TFD_CLOEXEC | TFD_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    let (base, is_alarm) = match clock as usize {
        REALTIME => (Clock::Realtime, false),
        MONOTONIC | BOOTTIME => (Clock::Monotonic, false),
        REALTIME_ALARM => (Clock::Realtime, true),
        BOOTTIME_ALARM => (Clock::Monotonic, true),
        _ => return Err(Errno::EINVAL),
    };
    if is_alarm && !capable(Caps::WAKE_ALARM) {
        return Err(Errno::EPERM);
    }
    let file = timerfd::new(base, clock, flags)?;
    caller::install(file, flags & TFD_CLOEXEC != 0).map(|fd| fd as usize)
}

/// Timer of an open file.
///
/// # Errors
/// `EINVAL` for another kind of file.
fn timer(file: &File) -> Result<&TimerFd, Errno> {
    let ops: &dyn Any = &**file.ops();
    ops.downcast_ref().ok_or(Errno::EINVAL)
}

/// Reads a valid struct itimerspec (itimerspec64_valid): interval and first expiry, in ns.
///
/// # Errors
/// `EFAULT`, `EINVAL`.
pub fn read_spec<P: Pair>(from: UserPtr<P>) -> Result<[u64; 2], Errno> {
    let interval = super::time::read(from)?;
    let value = super::time::read(from.add(1))?;
    Ok([as_nanos(interval), as_nanos(value)])
}

/// Writes a struct itimerspec from time left and interval, in ns; does nothing for NULL.
///
/// # Errors
/// `EFAULT`.
pub fn write_spec<P: Pair>(to: UserPtr<P>, [left, interval]: [u64; 2]) -> Result<(), Errno> {
    if to.is_null() {
        return Ok(());
    }
    super::time::write(to, from_nanos(interval))?;
    super::time::write(to.add(1), from_nanos(left)).map(|_| ())
}

/// timerfd_settime(2).
pub fn timerfd_settime<P: Pair>(
    fd: i32,
    flags: u32,
    new: UserPtr<P>,
    old: UserPtr<P>,
) -> SysResult {
    let [interval, value] = read_spec(new)?;
    if flags & !(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) != 0 {
        return Err(Errno::EINVAL);
    }
    let file = caller::file(fd)?;
    let timer = timer(&file)?;
    let next = match value {
        0 => None,
        value if flags & TFD_TIMER_ABSTIME != 0 => Some(value),
        value => Some(timer.clock.now().saturating_add(value)),
    };
    let before = timer.set(Schedule { next, interval }, flags)?;
    write_spec(old, before).map(|()| 0)
}

/// timerfd_gettime(2).
pub fn timerfd_gettime<P: Pair>(fd: i32, to: UserPtr<P>) -> SysResult {
    let file = caller::file(fd)?;
    let left = timer(&file)?.get();
    if to.is_null() {
        return Err(Errno::EFAULT);
    }
    write_spec(to, left).map(|()| 0)
}
