//! alarm(2), getitimer(2), setitimer(2). The timers are in `process/timers/interval.rs`.

use linux_raw_sys::general::ITIMER_REAL;

use super::time::Pair;
use crate::abi::errno::{Errno, SysResult};
use crate::process::timers::interval;
use crate::usercopy::UserPtr;

/// Nanoseconds of a struct timeval.
///
/// # Errors
/// `EINVAL`.
fn nanos<P: Pair>(value: P) -> Result<u64, Errno> {
    let (seconds, micros) = value.both();
    match (u64::try_from(seconds), u64::try_from(micros)) {
        (Ok(seconds), Ok(micros @ 0..1_000_000)) => Ok(seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(micros * 1000)),
        _ => Err(Errno::EINVAL),
    }
}

/// Writes a struct itimerval: interval, then the time left, both given in nanoseconds.
fn write_itimerval<P: Pair>(to: UserPtr<[P; 2]>, [left, interval]: [u64; 2]) -> SysResult {
    // Rounded up: 0 would mean that the timer is disarmed.
    let micros = |nanos: u64| nanos.div_ceil(1000);
    let pair = |nanos: u64| {
        let micros = micros(nanos);
        P::new((micros / 1_000_000) as i64, (micros % 1_000_000) as i64)
    };
    to.write([pair(interval), pair(left)]).map(|()| 0)
}

/// getitimer(2).
pub fn getitimer<P: Pair>(which: u32, to: UserPtr<[P; 2]>) -> SysResult {
    write_itimerval(to, interval::get(which)?)
}

/// setitimer(2).
pub fn setitimer<P: Pair>(which: u32, new: UserPtr<[P; 2]>, old: UserPtr<[P; 2]>) -> SysResult {
    // As on Linux, NULL disarms the timer.
    let (interval, value) = match new.read_opt()? {
        Some([interval, value]) => (nanos(interval)?, nanos(value)?),
        None => (0, 0),
    };
    let before = interval::set(which, value, interval)?;
    if old.is_null() {
        return Ok(0);
    }
    write_itimerval(old, before)
}

/// alarm(2): ITIMER_REAL in seconds; returns the rounded seconds left of the previous alarm, at
/// least 1, or 0 for none.
pub fn alarm(seconds: u32) -> SysResult {
    const SECOND: u64 = 1_000_000_000;
    let [left, _] = interval::set(ITIMER_REAL, u64::from(seconds) * SECOND, 0)?;
    let rounded = left.saturating_add(SECOND / 2) / SECOND;
    Ok(if left > 0 { rounded.max(1) } else { 0 } as usize)
}
