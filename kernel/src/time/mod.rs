//! Timekeeping: the clocks, the clock page, the timer interrupt and the timer queues.
//!
//! All clocks count the TSC. At each tick the [`Timekeeper`] moves its base to the current count
//! and writes the clock page. Programs read the page through the vDSO, and the kernel's [`now`]
//! reads it by the same code (`user/vdso/src/count.rs` and `reader.rs`): a system call and the vDSO
//! can't disagree.
//!
//! Floor 5: it may use abi, arch, sync, mm and dev (tests/floors/floors.txt). A timer's owner is
//! known here only as [`timer::Expire`]. `entry/interrupt.rs` has the order of work of a timer
//! interrupt.
//!
//! Reading order: this file, `clock_page.rs`, `timer.rs` (timer queues) and `schedule.rs` (first
//! expiry and interval), `oneshot.rs`, `idle.rs` and `pit.rs` (when the timer interrupts),
//! `frequency.rs`, `measure.rs` and `reference.rs` (calibration at boot), `watch.rs` (the TSC's
//! rate afterwards), `rtc.rs` (the date at boot). Then `sched/sleep.rs`, which sleeps by a timer,
//! and `process/timers/`, the timers of programs.
//!
//! Left out of Linux: adjusting the clocks by adjtimex(2); suspend, so that CLOCK_BOOTTIME is
//! CLOCK_MONOTONIC, and the ALARM clocks, whose wake-up would need it; clock sources beside the TSC
//! and the tick; the HPET as timer, the local APIC except while idle; writing the CMOS clock.

mod clock_page;
mod frequency;
pub mod idle;
mod measure;
mod oneshot;
mod pit;
mod reference;
mod rtc;
pub mod schedule;
pub mod timer;
mod watch;

use core::sync::atomic::{AtomicU64, Ordering};

use crate::dev::log::log;
use crate::sync::{Mutex, rank};
use spin::Lazy;
use vdso::count;
use vdso::math::{Time, mult_for};
use vdso::page::{MODE_RDTSC, MODE_RDTSCP, MODE_SYSCALL};
use vdso::reader::{self, MONOTONIC, REALTIME_COARSE};
use vdso::writer::Timekeeper;

use crate::abi::metadata;
use crate::arch::cpu;
use crate::arch::tsc::{self, Tsc};
use crate::dev::pic;
pub use clock_page::{clock_frame, clock_page};
use frequency::Frequency;
pub use oneshot::{is_tick, plan};
use watch::Watchdog;

/// Ticks since boot.
static TICKS: AtomicU64 = AtomicU64::new(0);

/// State of all clocks. Counts ticks until [`init`] finds a usable TSC.
static KEEPER: Lazy<Mutex<Timekeeper, rank::Timekeeper>> = Lazy::new(|| {
    let nanosecond = mult_for(1_000_000_000).expect("within the multiplier's range");
    Mutex::new(Timekeeper::new(0, nanosecond, MODE_SYSCALL))
});

/// Check of the clocks' rate; `None` without a reference counter.
static WATCH: Mutex<Option<Watchdog<reference::Hardware>>, rank::TscWatch> = Mutex::new(None);

/// Nanoseconds between ticks: the resolution of the coarse clocks.
pub const TICK_NANOS: u32 = pit::TICK_NANOS;

/// Starts the clocks and the tick: calibrates the TSC and reads the date from the CMOS clock.
pub fn init() {
    let reference = reference::Hardware::find();
    let found = frequency::find(reference);
    let mut keeper = KEEPER.lock();
    if let Some(Frequency { hertz, source }) = found
        && let Some(mult) = mult_for(hertz)
    {
        tsc::set_hertz(hertz);
        let mode = if cpu::features().rdtscp {
            MODE_RDTSCP
        } else {
            MODE_RDTSC
        };
        *keeper = Timekeeper::new(tsc::cycles(), mult, mode);
        log!(
            "time: TSC {}.{:06} MHz by {source}",
            hertz / 1_000_000,
            hertz % 1_000_000
        );
        WATCH.set(reference.map(|reference| Watchdog::new(reference, hertz)));
    } else {
        log!("time: no usable TSC; clocks advance by the tick");
    }
    match rtc::read() {
        Some(seconds) => {
            // The CMOS clock counts whole seconds: half of one has passed on average.
            let now = counter(&keeper);
            keeper.set_realtime(
                now,
                Time {
                    seconds,
                    nanos: 500_000_000,
                },
            );
            log!("time: {seconds} s since 1970 by the CMOS clock");
        }
        None => log!("time: no CMOS clock; the date is 1970"),
    }
    clock_page::publish(&keeper);
    drop(keeper);
    idle::measure();
    oneshot::start();
    pic::unmask(pic::TIMER);
}

/// The timekeeper's counter: TSC cycles, or nanoseconds counted in ticks without a usable TSC.
fn counter(keeper: &Timekeeper) -> u64 {
    if keeper.user_readable() {
        tsc::cycles()
    } else {
        TICKS.load(Ordering::Relaxed) * u64::from(TICK_NANOS)
    }
}

/// A tick: [`TICK_NANOS`] have passed. Called 100 times a second while a task runs.
pub fn tick() {
    pass(1);
}

/// Moves the clocks' base to the present, `ticks` after the last time, and rewrites the clock page.
fn pass(ticks: u64) {
    TICKS.fetch_add(ticks, Ordering::Relaxed);
    let mut keeper = KEEPER.lock();
    // ANCHOR: pass
    let rate = WATCH.lock().as_mut().and_then(Watchdog::tick);
    let now = counter(&keeper);
    keeper.advance(now);
    if let Some((hertz, mult)) = rate.and_then(|hertz| Some((hertz, mult_for(hertz)?))) {
        keeper.set_mult(now, mult);
        log!("time: the clocks take the TSC's rate as {hertz} Hz from here on");
    }
    clock_page::publish(&keeper);
    // ANCHOR_END: pass
}

/// The wall clock at the last tick (CLOCK_REALTIME_COARSE), for time stamps of files.
pub fn wall_clock() -> metadata::Time {
    let time = now(REALTIME_COARSE as i32).unwrap_or_default();
    metadata::Time {
        sec: time.seconds,
        nsec: time.nanos,
    }
}

/// The time of clock `id` (`vdso::reader`'s constants); `None` for ids that the clock page
/// does not have.
pub fn now(id: i32) -> Option<Time> {
    quick(id).or_else(|| {
        let page = clock_page();
        let clock = reader::entry(page, id)?;
        reader::now(page, clock, &Tsc).or_else(|| {
            // Without a usable TSC the clocks stay at the last tick's value.
            let ticked = KEEPER.lock().at_base(id as usize)?;
            Some(ticked)
        })
    })
}

/// [`now`], if one attempt is enough, as it usually is. Inlined: a `Time` that a function returns
/// goes through memory.
#[inline(always)]
pub fn quick(id: i32) -> Option<Time> {
    count::attempt(clock_page(), id)
}

/// Resolution of clock `id` in nanoseconds (clock_getres(2)); `None` as for [`now`].
pub fn resolution(id: i32) -> Option<u32> {
    let page = clock_page();
    let clock = reader::entry(page, id)?;
    reader::resolution(page, clock)
        .or_else(|| KEEPER.lock().at_base(id as usize).map(|_| TICK_NANOS))
}

/// Sets CLOCK_REALTIME, and has the timer interrupt as early as its timers now require.
pub fn set_realtime(time: Time) {
    let mut keeper = KEEPER.lock();
    let now = counter(&keeper);
    keeper.set_realtime(now, time);
    clock_page::publish(&keeper);
    drop(keeper);
    // Timers of CLOCK_REALTIME may be due now.
    oneshot::plan();
}

/// Nanoseconds since boot.
pub fn uptime_ns() -> u64 {
    now(MONOTONIC as i32).map_or(0, as_nanos)
}

/// `time` in nanoseconds: 0 before the epoch, saturating after 584 years.
pub fn as_nanos(time: Time) -> u64 {
    let seconds = u64::try_from(time.seconds).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(time.nanos.into())
}

/// A number of nanoseconds as a [`Time`].
pub fn from_nanos(nanos: u64) -> Time {
    Time {
        seconds: (nanos / 1_000_000_000) as i64,
        nanos: (nanos % 1_000_000_000) as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::frequency;
    use super::reference::Hardware;
    use super::{TICK_NANOS, Time, as_nanos, now, resolution, set_realtime, tick};
    use crate::kernel_test;
    use vdso::reader::{
        BOOTTIME, MONOTONIC, MONOTONIC_COARSE, MONOTONIC_RAW, REALTIME, REALTIME_COARSE, TAI,
    };

    const COUNTING: [usize; 5] = [REALTIME, MONOTONIC, MONOTONIC_RAW, BOOTTIME, TAI];

    kernel_test!(
        fn clocks_never_go_back_over_a_tick() {
            for id in COUNTING {
                let mut last = now(id as i32);
                for step in 0..2000 {
                    if step % 100 == 0 {
                        tick();
                    }
                    let time = now(id as i32);
                    assert!(
                        time.is_some() && time >= last,
                        "clock {id}: {last:?} then {time:?}"
                    );
                    last = time;
                }
            }
        }
    );

    kernel_test!(
        fn the_tick_updates_the_coarse_clocks() {
            for (coarse, fine) in [(REALTIME_COARSE, REALTIME), (MONOTONIC_COARSE, MONOTONIC)] {
                let before = now(fine as i32);
                tick();
                let ticked = now(coarse as i32);
                let after = now(fine as i32);
                assert!(
                    before <= ticked && ticked <= after,
                    "{before:?} {ticked:?} {after:?}"
                );
                assert_eq!(now(coarse as i32), ticked);
                assert_eq!(resolution(coarse as i32), Some(TICK_NANOS));
                assert_eq!(resolution(fine as i32), Some(1));
            }
        }
    );

    kernel_test!(
        fn setting_the_date_keeps_the_other_clocks() {
            let (uptime, date) = (now(MONOTONIC as i32), now(REALTIME as i32).unwrap());
            set_realtime(Time {
                seconds: 1_900_000_000,
                nanos: 0,
            });
            let set = now(REALTIME as i32).unwrap();
            assert!((1_900_000_000..1_900_000_002).contains(&set.seconds));
            let passed = as_nanos(now(MONOTONIC as i32).unwrap()) - as_nanos(uptime.unwrap());
            assert!(passed < 1_000_000_000);
            set_realtime(date);
        }
    );

    kernel_test!(
        fn unknown_clock_ids_are_rejected() {
            for id in [2, 3, 8, 10, 12, 100, -1, i32::MIN, i32::MAX] {
                assert_eq!(now(id), None);
                assert_eq!(resolution(id), None);
            }
        }
    );

    kernel_test!(
        fn the_tsc_is_measured_alike_twice() {
            let (first, second) = (
                frequency::find(Some(Hardware::Pit)),
                frequency::find(Hardware::find()),
            );
            let (Some(first), Some(second)) = (first, second) else {
                panic!("{first:?} {second:?}");
            };
            assert!(
                first.hertz.abs_diff(second.hertz) < first.hertz / 500,
                "{first:?} {second:?}"
            );
        }
    );
}
