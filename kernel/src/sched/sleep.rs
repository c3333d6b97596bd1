//! Sleeping until a time.

use vdso::math::Time;
use vdso::reader::{BOOTTIME, MONOTONIC, REALTIME, TAI};

use crate::sched::wait;
use crate::time::timer::{Alarm, Clock};
use crate::time::{as_nanos, now};

/// Sleeps until `clock` says `deadline` (ns) or later; whether it did, and wasn't interrupted.
pub fn until(clock: Clock, deadline: u64) -> bool {
    let mut alarm = None;
    loop {
        if clock.has_reached(deadline) {
            return true;
        }
        if wait::is_interrupted() {
            return false;
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
