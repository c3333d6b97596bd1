//! Sleeping until a time.

use vdso::math::Time;
use vdso::reader::{BOOTTIME, MONOTONIC, REALTIME, TAI};

use super::timer::{Alarm, Clock};
use super::{as_nanos, now};
use crate::process::wait;
use crate::syscall::errno::Errno;

/// Sleeps until the clock `id` says `deadline` or later.
///
/// # Errors
/// `EINTR` if a signal came first; `EINVAL` for a clock that can't be slept on.
pub fn until(id: i32, deadline: Time) -> Result<(), Errno> {
    let (clock, deadline) = timer_of(id, deadline).ok_or(Errno::EINVAL)?;
    let mut alarm = None;
    loop {
        if clock.has_reached(deadline) {
            return Ok(());
        }
        if wait::is_interrupted() {
            return Err(Errno::EINTR);
        }
        // A new one each time: where the date was set back, the last may have rung already.
        drop(alarm.replace(Alarm::new(clock, deadline)));
        wait::block();
    }
}

/// The clock that a time by the clock `id` is waited for with, and the time by that, in ns.
pub fn timer_of(id: i32, time: Time) -> Option<(Clock, u64)> {
    match usize::try_from(id).ok()? {
        REALTIME => Some((Clock::Realtime, as_nanos(time))),
        MONOTONIC | BOOTTIME => Some((Clock::Monotonic, as_nanos(time))),
        TAI => {
            // Ahead of the date by whole seconds, which only adjtimex(2) changes.
            let (date, tai) = (now(REALTIME as i32)?, now(id)?);
            let ahead = tai.seconds - date.seconds - i64::from(tai.nanos < date.nanos);
            let seconds = time.seconds.saturating_sub(ahead);
            Some((Clock::Realtime, as_nanos(Time { seconds, ..time })))
        }
        _ => None,
    }
}
