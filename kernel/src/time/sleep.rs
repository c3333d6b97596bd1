//! Sleeping until a time: tasks in one queue, looked through when the earliest of them is due.
//!
//! The tick looks, so a sleep ends at the first tick (10 ms) after its time, never before.

use core::sync::atomic::{AtomicU64, Ordering};

use vdso::math::Time;
use vdso::reader::MONOTONIC;

use super::{as_nanos, now};
use crate::arch::percpu::{self, work};
use crate::process::wait::WaitQueue;
use crate::syscall::errno::Errno;

static SLEEPERS: WaitQueue = WaitQueue::new();
/// When the first of them is to wake, in ns of CLOCK_MONOTONIC; `u64::MAX` if none is.
static EARLIEST: AtomicU64 = AtomicU64::new(u64::MAX);

/// Sleeps until the clock `id` says `deadline` or later.
///
/// # Errors
/// `EINTR` if a signal came first; `EINVAL` for a clock that can't be slept on.
pub fn until(id: i32, deadline: Time) -> Result<(), Errno> {
    SLEEPERS.wait_for(|| {
        let Some(time) = now(id) else {
            return Some(Err(Errno::EINVAL));
        };
        if time >= deadline {
            return Some(Ok(()));
        }
        if percpu::pending_work() & work::SIGNAL != 0 {
            return Some(Err(Errno::EINTR));
        }
        // By the monotonic clock, whichever was named: if that one is set meanwhile, the
        // question is asked again at the next wake-up, and a new wake-up made.
        let left = as_nanos(deadline).saturating_sub(as_nanos(time));
        let here = now(MONOTONIC as i32).map_or(0, as_nanos);
        EARLIEST.fetch_min(here.saturating_add(left), Ordering::Relaxed);
        None
    })
}

/// Wakes the sleepers if one is due; the others note their time again.
pub fn wake_due() {
    let earliest = EARLIEST.load(Ordering::Relaxed);
    if earliest != u64::MAX && now(MONOTONIC as i32).is_some_and(|time| as_nanos(time) >= earliest)
    {
        wake_all();
    }
}

/// Wakes all of them: when a clock was set, each has to look again.
pub fn wake_all() {
    EARLIEST.store(u64::MAX, Ordering::Relaxed);
    SLEEPERS.wake_all();
}
