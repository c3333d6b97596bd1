//! nanosleep(2) and clock_nanosleep(2). The sleep is in `sched/sleep.rs`.
//!
//! Left out: sleeping by CPU time (`EOPNOTSUPP`).

use vdso::reader::{BOOTTIME, MONOTONIC, REALTIME, TAI};

use super::cpu_clock::cpu_time;
use super::time::{Pair, read, write};
use crate::abi::errno::{Errno, SysResult};
use crate::process::signal::restart;
use crate::sched::sleep;
use crate::time::timer::Clock;
use crate::time::{self, as_nanos};
use crate::usercopy::UserPtr;

/// clock_nanosleep(2)'s flag: the time is absolute.
const TIMER_ABSTIME: i32 = 1;

/// clock_nanosleep(2).
pub fn clock_nanosleep<P: Pair>(
    id: i32,
    flags: i32,
    span: UserPtr<P>,
    rest: UserPtr<P>,
) -> SysResult {
    let known = time::now(id).is_some() || cpu_time(id).is_ok();
    if !known {
        return Err(Errno::EINVAL);
    }
    if ![REALTIME, MONOTONIC, BOOTTIME, TAI].contains(&(id as usize)) {
        return Err(Errno::EOPNOTSUPP);
    }
    let span = read(span)?;
    if flags & TIMER_ABSTIME != 0 {
        let (clock, deadline) = sleep::timer_of(id, span).ok_or(Errno::EINVAL)?;
        return if sleep::until(clock, deadline) {
            Ok(0)
        } else {
            Err(Errno::ERESTARTNOHAND)
        };
    }
    // A relative sleep uses CLOCK_MONOTONIC for every clock: setting the date doesn't change it.
    let deadline = Clock::Monotonic.now().saturating_add(as_nanos(span));
    sleep_restartable::<P>([deadline, rest.address(), 0, 0])
}

/// Sleeps until the deadline, at first and when the call restarts after a signal without a handler.
fn sleep_restartable<P: Pair>(with: [u64; 4]) -> SysResult {
    let [deadline, rest, ..] = with;
    if sleep::until(Clock::Monotonic, deadline) {
        return Ok(0);
    }
    let rest = UserPtr::<P>::new(rest);
    if !rest.is_null() {
        let left = deadline.saturating_sub(Clock::Monotonic.now());
        write(rest, time::from_nanos(left))?;
    }
    Err(restart::later(sleep_restartable::<P>, with))
}

/// nanosleep(2).
pub fn nanosleep<P: Pair>(span: UserPtr<P>, rest: UserPtr<P>) -> SysResult {
    clock_nanosleep(MONOTONIC as i32, 0, span, rest)
}
