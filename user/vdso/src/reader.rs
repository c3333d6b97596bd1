//! The program's side: reads the time from the clock page, without a system call.
//!
//! A function returns `None` if only the kernel can read the clock; the caller then makes the
//! system call. The kernel's system calls use the same functions, so that the results always agree.
//! The functions with C names are in `src/image/`: [`quick`] in assembly, as Rust's compiler makes
//! each atomic load an instruction of its own, and [`now`] where that fails.

use crate::math::{NANOS_PER_SEC, Time, far, near};
use crate::page::{CLOCKS, Clock, ClockPage, MODE_COARSE, MODE_RDTSC, MODE_RDTSCP, MODE_SYSCALL};

/// CLOCK_REALTIME, uapi `linux/time.h`.
pub const REALTIME: usize = 0;
/// CLOCK_MONOTONIC.
pub const MONOTONIC: usize = 1;
/// CLOCK_MONOTONIC_RAW: the counter at its calibrated rate, whatever the rate of the others.
pub const MONOTONIC_RAW: usize = 4;
/// CLOCK_REALTIME_COARSE.
pub const REALTIME_COARSE: usize = 5;
/// CLOCK_MONOTONIC_COARSE.
pub const MONOTONIC_COARSE: usize = 6;
/// CLOCK_BOOTTIME.
pub const BOOTTIME: usize = 7;
/// CLOCK_TAI.
pub const TAI: usize = 11;

/// The time-stamp counter, read by either of two instructions that order it after earlier loads.
pub trait Counter {
    /// RDTSCP.
    fn rdtscp(&self) -> u64;
    /// LFENCE; RDTSC.
    fn rdtsc(&self) -> u64;
}

/// The entry of a program's clock id: negative ids (CPU-time clocks of other processes, dynamic
/// clocks) and ids past the table have none.
#[inline(always)]
pub fn entry(page: &ClockPage, id: i32) -> Option<&Clock> {
    let index = id as u32 as usize;
    if index < CLOCKS {
        Some(&page.clocks[index])
    } else {
        None
    }
}

/// The time of `clock`, an entry of `page`, in one attempt: `None` if the kernel was writing, if
/// the last tick was seconds ago, or if only the kernel can read the clock. [`now`] distinguishes
/// these cases.
#[inline(always)]
pub fn quick(page: &ClockPage, clock: &Clock, counter: &impl Counter) -> Option<Time> {
    // ANCHOR: read-counter
    let ticket = clock.written.enter();
    // The counter is read between the loads of the two counts: with a counter from one side of an
    // update and a base from the other, time would jump.
    let cycle = match clock.mode.get() {
        MODE_RDTSCP => counter.rdtscp(),
        // ANCHOR_END: read-counter
        // ANCHOR: read-coarse
        MODE_COARSE => {
            let time = Time {
                seconds: clock.seconds.get() as i64,
                nanos: clock.nanos.low(),
            };
            return if page.sequence.holds(ticket) {
                Some(time)
            } else {
                None
            };
        }
        // ANCHOR_END: read-coarse
        MODE_RDTSC => counter.rdtsc(),
        _ => return None,
    };
    // ANCHOR: read-data
    let delta = cycle.wrapping_sub(page.cycle.get());
    // Also true for a counter before the base: the difference wraps to a huge number.
    if delta > page.near_limit.get() {
        return None;
    }
    let nanos = near(delta as u32, clock.mult.low(), clock.nanos.get());
    let seconds = clock.seconds.get() as i64;
    if page.sequence.holds(ticket) {
        Some(normalise(Time { seconds, nanos }))
    } else {
        None
    }
    // ANCHOR_END: read-data
}

/// The time of `clock`, with as many attempts as necessary; `None` if only the kernel can read it.
pub fn now(page: &ClockPage, clock: &Clock, counter: &impl Counter) -> Option<Time> {
    loop {
        if let Some(time) = quick(page, clock, counter) {
            return Some(time);
        }
        let ticket = clock.written.enter();
        let cycle = match clock.mode.get() {
            MODE_SYSCALL => return None,
            MODE_COARSE => continue,
            MODE_RDTSCP => counter.rdtscp(),
            _ => counter.rdtsc(),
        };
        let span = far(
            cycle.wrapping_sub(page.cycle.get()),
            clock.mult.low(),
            clock.nanos.get(),
        );
        let seconds = (clock.seconds.get() as i64).wrapping_add(span.seconds);
        if page.sequence.holds(ticket) {
            return Some(Time {
                seconds,
                nanos: span.nanos,
            });
        }
    }
}

/// Carries whole seconds over: at most three steps, see [`crate::math::near`].
#[inline(always)]
fn normalise(mut time: Time) -> Time {
    // ANCHOR: carry
    while time.nanos >= NANOS_PER_SEC {
        time.nanos -= NANOS_PER_SEC;
        time.seconds = time.seconds.wrapping_add(1);
    }
    // ANCHOR_END: carry
    time
}

/// clock_getres in nanoseconds: 1 for the clocks that read the counter, a tick for the coarse ones.
#[inline(always)]
pub fn resolution(page: &ClockPage, clock: &Clock) -> Option<u32> {
    match clock.mode.get() {
        MODE_SYSCALL => None,
        MODE_COARSE => Some(page.coarse_resolution.get()),
        _ => Some(1),
    }
}
