//! Calls that sleep for a time. How: `crate::time::sleep`.

use vdso::math::{NANOS_PER_SEC, Time};
use vdso::reader::{BOOTTIME, MONOTONIC, REALTIME, TAI};

use super::errno::{Errno, SysResult};
use super::time::{Pair, Time64, cpu_time, read, write};
use crate::time::{self, sleep};
use crate::usercopy::UserPtr;

/// clock_nanosleep's flag: the time is a date, not a span.
const TIMER_ABSTIME: i32 = 1;

fn nanosleep_on<P: Pair>(id: i32, flags: i32, span: UserPtr<P>, rest: UserPtr<P>) -> SysResult {
    let known = time::now(id).is_some() || cpu_time(id).is_ok();
    if !known {
        return Err(Errno::EINVAL);
    }
    if ![REALTIME, MONOTONIC, BOOTTIME, TAI].contains(&(id as usize)) {
        return Err(Errno::EOPNOTSUPP);
    }
    let span = read(span)?;
    if flags & TIMER_ABSTIME != 0 {
        return sleep::until(id, span).map(|()| 0);
    }
    // A span is one of MONOTONIC whatever the clock: setting the date doesn't change it.
    let clock = if id as usize == REALTIME {
        MONOTONIC as i32
    } else {
        id
    };
    let deadline = add(time::now(clock).unwrap_or_default(), span);
    match sleep::until(clock, deadline) {
        Err(Errno::EINTR) if !rest.is_null() => {
            let left = until(time::now(clock).unwrap_or_default(), deadline);
            write(rest, left)?;
            Err(Errno::EINTR)
        }
        done => done.map(|()| 0),
    }
}

fn add(a: Time, b: Time) -> Time {
    let nanos = a.nanos + b.nanos;
    let carry = i64::from(nanos / NANOS_PER_SEC);
    Time {
        seconds: a.seconds.saturating_add(b.seconds).saturating_add(carry),
        nanos: nanos % NANOS_PER_SEC,
    }
}

/// From `now` to `then`; nothing if that has passed.
fn until(now: Time, then: Time) -> Time {
    if then <= now {
        return Time::default();
    }
    let borrow = then.nanos < now.nanos;
    let nanos = then.nanos + if borrow { NANOS_PER_SEC } else { 0 } - now.nanos;
    Time {
        seconds: then.seconds - now.seconds - i64::from(borrow),
        nanos,
    }
}

/// nanosleep(2).
pub fn nanosleep(span: UserPtr<[i64; 2]>, rest: UserPtr<[i64; 2]>) -> SysResult {
    nanosleep_on(MONOTONIC as i32, 0, span, rest)
}

/// nanosleep(2) with 32-bit seconds.
pub fn nanosleep32(span: UserPtr<[i32; 2]>, rest: UserPtr<[i32; 2]>) -> SysResult {
    nanosleep_on(MONOTONIC as i32, 0, span, rest)
}

/// clock_nanosleep(2).
pub fn clock_nanosleep(
    id: i32,
    flags: i32,
    span: UserPtr<[i64; 2]>,
    rest: UserPtr<[i64; 2]>,
) -> SysResult {
    nanosleep_on(id, flags, span, rest)
}

/// clock_nanosleep(2) with 32-bit seconds.
pub fn clock_nanosleep32(
    id: i32,
    flags: i32,
    span: UserPtr<[i32; 2]>,
    rest: UserPtr<[i32; 2]>,
) -> SysResult {
    nanosleep_on(id, flags, span, rest)
}

/// clock_nanosleep_time64(2).
pub fn clock_nanosleep_time64(
    id: i32,
    flags: i32,
    span: UserPtr<Time64>,
    rest: UserPtr<Time64>,
) -> SysResult {
    nanosleep_on(id, flags, span, rest)
}
