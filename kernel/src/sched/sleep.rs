//! Sleeping until a time.

use alloc::sync::Arc;

use vdso::math::Time;
use vdso::reader::{BOOTTIME, MONOTONIC, REALTIME, TAI};

use crate::process::Task;
use crate::sched::{run_queue, wait};
use crate::time::timer::{Clock, Expire, Timer};
use crate::time::{as_nanos, now};

impl Expire for Task {
    /// Wakes the task that set an [`Alarm`].
    fn expire(self: Arc<Self>) {
        run_queue::wake(&self);
    }
}

/// Wakes the running task at a time, unless it is dropped before.
pub struct Alarm {
    _timer: Timer,
}

impl Alarm {
    /// Rings when `clock` says `time` (ns).
    pub fn new(clock: Clock, time: u64) -> Self {
        let timer = Timer::new();
        let task = Arc::downgrade(&run_queue::current_task());
        timer.set(clock, time, task);
        Self { _timer: timer }
    }
}

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
