//! Sleeping until a deadline.

use vdso::math::Time;
use vdso::reader::{BOOTTIME, MONOTONIC, REALTIME, TAI};

use crate::sched::{run_queue, wait};
use crate::time::timer::{Clock, Purpose, Timer};
use crate::time::{as_nanos, now};

/// Timer that wakes the thread that made it, unless dropped before.
pub struct Alarm {
    _timer: Timer,
}

impl Alarm {
    /// Wakes the running task when `clock` reaches `time` (ns).
    pub fn new(clock: Clock, time: u64) -> Self {
        let timer = Timer::new();
        let owner = run_queue::current_thread().as_timer_owner();
        timer.set_for(Purpose::Sleep, clock, time, owner);
        Self { _timer: timer }
    }
}

/// Sleeps until `clock` reaches `deadline` (ns). Returns whether it did: false if a signal
/// interrupted the sleep.
pub fn until(clock: Clock, deadline: u64) -> bool {
    let mut alarm = None;
    loop {
        if clock.has_reached(deadline) {
            return true;
        }
        if wait::is_interrupted() {
            return false;
        }
        // A new alarm each time: the last one may have expired before the date was set back.
        drop(alarm.replace(Alarm::new(clock, deadline)));
        wait::block();
    }
}

/// The timer clock for a deadline by clock `id`, and the deadline by it in ns; `None` for clocks
/// that can't be slept on.
pub fn timer_of(id: i32, time: Time) -> Option<(Clock, u64)> {
    match usize::try_from(id).ok()? {
        REALTIME => Some((Clock::Realtime, as_nanos(time))),
        MONOTONIC | BOOTTIME => Some((Clock::Monotonic, as_nanos(time))),
        TAI => {
            // TAI is ahead of the date by whole seconds, which only adjtimex(2) changes.
            let (date, tai) = (now(REALTIME as i32)?, now(id)?);
            let ahead = tai.seconds - date.seconds - i64::from(tai.nanos < date.nanos);
            let seconds = time.seconds.saturating_sub(ahead);
            Some((Clock::Realtime, as_nanos(Time { seconds, ..time })))
        }
        _ => None,
    }
}
