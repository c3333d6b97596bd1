//! Clocks: clock_gettime(2), clock_settime(2), clock_getres(2), gettimeofday(2), time(2). Sleeping
//! is in `sleep.rs`.
//!
//! The values come from [`crate::time`], which reads the same clock page as the vDSO. A [`Pair`] is
//! the layout of a time: `[i64; 2]` in the x86_64 table, `[i32; 2]` in the i386 table, [`Time64`]
//! in the i386 table's newer calls, with 64-bit seconds. A newer call that only writes a time has
//! `[i64; 2]`: the upper half of its nanoseconds is 0.

use vdso::math::{NANOS_PER_SEC, Time};
use vdso::reader::{MONOTONIC, REALTIME};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::argument::Word;
use super::cpu_clock::cpu_time;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, Rax, SysResult};
use crate::process::capability::require;
use crate::time;
use crate::time::clock_page;
use crate::usercopy::{Pod, UserPtr};

/// KTIME_SEC_MAX: more seconds than this don't fit a signed 64-bit count of nanoseconds.
const MAX_SECONDS: i64 = i64::MAX / 1_000_000_000;

/// struct timespec or struct timeval in user memory, in one of their layouts.
pub trait Pair: Pod {
    /// Encodes the two fields, truncated to the layout's width.
    fn new(first: i64, second: i64) -> Self;
    /// The two fields, widened.
    fn both(self) -> (i64, i64);

    /// Writes the value to user memory.
    ///
    /// # Errors
    /// `EFAULT`.
    #[inline]
    fn put(self, to: UserPtr<Self>) -> Result<(), Errno> {
        to.write(self)
    }
}

impl Pair for [i64; 2] {
    fn new(first: i64, second: i64) -> Self {
        [first, second]
    }

    fn both(self) -> (i64, i64) {
        (self[0], self[1])
    }

    #[inline(always)]
    fn put(self, to: UserPtr<Self>) -> Result<(), Errno> {
        to.write_words(self)
    }
}

impl Pair for [i32; 2] {
    fn new(first: i64, second: i64) -> Self {
        [first as i32, second as i32]
    }

    fn both(self) -> (i64, i64) {
        (self[0].into(), self[1].into())
    }
}

/// struct __kernel_timespec of a 32-bit program: 64-bit seconds, and a 32-bit `tv_nsec` with
/// padding of any value.
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
#[repr(transparent)]
pub struct Time64([i64; 2]);

impl Pair for Time64 {
    fn new(first: i64, second: i64) -> Self {
        Self([first, second])
    }

    fn both(self) -> (i64, i64) {
        (self.0[0], self.0[1] & 0xffff_ffff)
    }
}

/// Reads a valid time: seconds of 0 or more, nanoseconds below a second (timespec64_valid).
///
/// # Errors
/// `EFAULT`, `EINVAL`.
pub fn read<P: Pair>(from: UserPtr<P>) -> Result<Time, Errno> {
    let (seconds, nanos) = from.read()?.both();
    let nanos = u32::try_from(nanos)
        .ok()
        .filter(|nanos| *nanos < NANOS_PER_SEC)
        .ok_or(Errno::EINVAL)?;
    if seconds < 0 {
        Err(Errno::EINVAL)
    } else {
        Ok(Time { seconds, nanos })
    }
}

/// Writes a time in the program's layout.
///
/// # Errors
/// `EFAULT`.
#[inline(always)]
pub fn write<P: Pair>(to: UserPtr<P>, time: Time) -> SysResult {
    P::new(time.seconds, time.nanos.into()).put(to).map(|()| 0)
}

/// Time of a clock, CPU-time clocks included.
///
/// # Errors
/// `EINVAL` for an unknown clock.
fn clock(id: i32) -> Result<Time, Errno> {
    if let Some(time) = time::now(id) {
        return Ok(time);
    }
    cpu_time(id).map(time::from_nanos)
}

/// clock_gettime(2).
#[inline(always)]
pub fn clock_gettime<P: Pair>(id: i32, to: UserPtr<P>) -> Rax {
    // ANCHOR: same-page
    match time::quick(id) {
        Some(time) => match write(to, time) {
            Ok(_) => Rax::ZERO,
            Err(errno) => Err(errno).into(),
        },
        None => other_clock(id, to),
    }
    // ANCHOR_END: same-page
}

/// clock_gettime where one attempt at the clock page fails.
#[cold]
#[inline(never)]
fn other_clock<P: Pair>(id: i32, to: UserPtr<P>) -> Rax {
    clock(id).and_then(|time| write(to, time)).into()
}

/// clock_getres(2).
pub fn clock_getres<P: Pair>(id: i32, to: UserPtr<P>) -> SysResult {
    let nanos = match time::resolution(id) {
        Some(nanos) => nanos,
        None => cpu_time(id).map(|_| 1)?,
    };
    if to.is_null() {
        Ok(0)
    } else {
        write(to, Time { seconds: 0, nanos })
    }
}

/// Whether CLOCK_REALTIME can be set to `time` (timespec64_valid_settod).
fn is_settable(time: Time) -> bool {
    (0..MAX_SECONDS).contains(&time.seconds)
}

/// Sets CLOCK_REALTIME.
///
/// # Errors
/// `EINVAL`, `EPERM`.
fn set(time: Time) -> SysResult {
    if !is_settable(time) {
        return Err(Errno::EINVAL);
    }
    require(Caps::SYS_TIME)?;
    let uptime = time::now(MONOTONIC as i32).unwrap_or_default();
    // As on Linux, CLOCK_REALTIME is never below CLOCK_MONOTONIC.
    if time < uptime {
        return Err(Errno::EINVAL);
    }
    time::set_realtime(time);
    crate::vfs::timerfd::date_was_set();
    Ok(0)
}

/// clock_settime(2).
pub fn clock_settime<P: Pair>(id: i32, from: UserPtr<P>) -> SysResult {
    match id {
        0 => set(read(from)?),
        // The CPU-time clock of a process or thread exists, but can't be set.
        ..0 if cpu_time(id).is_ok() => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

/// gettimeofday(2).
pub fn gettimeofday<P: Pair>(to: UserPtr<P>, zone: UserPtr<[u32; 2]>) -> SysResult {
    if !to.is_null() {
        let now = clock(REALTIME as i32)?;
        to.write(P::new(now.seconds, i64::from(now.nanos / 1000)))?;
    }
    if !zone.is_null() {
        let page = clock_page();
        zone.write([page.minutes_west.get(), page.dst_time.get()])?;
    }
    Ok(0)
}

/// settimeofday(2).
pub fn settimeofday<P: Pair>(from: UserPtr<P>, zone: UserPtr<[u32; 2]>) -> SysResult {
    let mut time = None;
    if !from.is_null() {
        let (seconds, micros) = from.read()?.both();
        let micros = u32::try_from(micros)
            .ok()
            .filter(|micros| *micros < 1_000_000)
            .ok_or(Errno::EINVAL)?;
        time = Some(Time {
            seconds,
            nanos: micros * 1000,
        });
    }
    if !zone.is_null() {
        let zone = zone.read()?;
        if time.is_some_and(|time| !is_settable(time)) {
            return Err(Errno::EINVAL);
        }
        require(Caps::SYS_TIME)?;
        // Linux's limit: 15 hours from UTC.
        if (zone[0] as i32).unsigned_abs() > 15 * 60 {
            return Err(Errno::EINVAL);
        }
        clock_page().minutes_west.set(zone[0]);
        clock_page().dst_time.set(zone[1]);
    }
    time.map_or(Ok(0), set)
}

/// Seconds since 1970 at the last tick, as returned by the vDSO's time() too.
fn seconds() -> i64 {
    clock_page().clocks[REALTIME].seconds.get() as i64
}

/// time(2).
pub fn time<W: Word>(to: UserPtr<W>) -> SysResult {
    let now = W::truncate(seconds() as u64);
    if !to.is_null() {
        to.write(now)?;
    }
    Ok(now.signed() as usize)
}

/// stime(2), i386.
pub fn stime(from: UserPtr<i32>) -> SysResult {
    set(Time {
        seconds: from.read()?.into(),
        nanos: 0,
    })
}

/// getcpu(2): CPU 0 and node 0 are the only ones. The third argument is unused since Linux 2.6.24.
pub fn getcpu(cpu: UserPtr<u32>, node: UserPtr<u32>, _cache: UserPtr<u8>) -> SysResult {
    for to in [cpu, node] {
        if !to.is_null() {
            to.write(0)?;
        }
    }
    Ok(0)
}
