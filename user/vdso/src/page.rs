//! The clock page: layout of the page that the kernel writes and all programs read.
//!
//! 64- and 32-bit readers use the same layout, so every offset is asserted below. In programs the
//! page is mapped as `[vvar]`, just below `[vdso]`. How to read it: [`crate::reader`].

use crate::sequence::{Sequence, Written};
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Size of the page in bytes.
pub const PAGE_SIZE: usize = 4096;
/// Clock ids 0..CLOCKS have an entry: CLOCK_REALTIME (0) to CLOCK_TAI (11), uapi `linux/time.h`.
pub const CLOCKS: usize = 12;

/// [`Clock::mode`]: not readable in user mode, make the system call. Zero, so that an uninitialized
/// clock has this mode. The readers in the images compare the mode once, with [`MODE_RDTSCP`], the
/// likeliest: the order of the numbers counts.
pub const MODE_SYSCALL: u32 = 0;
/// [`Clock::mode`]: the time of the last timer tick; no counter is read.
pub const MODE_COARSE: u32 = 1;
/// [`Clock::mode`]: read the counter by RDTSCP, which waits for earlier loads.
pub const MODE_RDTSCP: u32 = 2;
/// [`Clock::mode`]: read the counter by LFENCE; RDTSC, for CPUs without RDTSCP.
pub const MODE_RDTSC: u32 = 3;

/// The page. In a page of zeros [`crate::reader`] finds no clock. The readers in assembly use a
/// page only after its first write: they would take its zeros for a time.
#[repr(C, align(4096))]
#[derive(Debug)]
pub struct ClockPage {
    /// Writes that the kernel has begun.
    pub sequence: Sequence,
    /// Resolution of the two coarse clocks: nanoseconds between ticks.
    pub coarse_resolution: Cell,
    /// The counter's value at which all bases below are valid.
    pub cycle: Wide,
    /// Maximum number of cycles after `cycle` for [`crate::math::near`]: 32 bits.
    pub near_limit: Wide,
    /// `tz_minuteswest` of gettimeofday's second argument.
    pub minutes_west: Cell,
    /// `tz_dsttime` of gettimeofday's second argument.
    pub dst_time: Cell,
    /// One entry per clock id.
    pub clocks: [Clock; CLOCKS],
}

/// A clock's value at [`ClockPage::cycle`], and its rate.
#[repr(C, align(32))]
#[derive(Debug)]
pub struct Clock {
    /// Whole seconds.
    pub seconds: Wide,
    /// Below one second. In 2^-28 ns ([`crate::math::SHIFT`]); for `MODE_COARSE` in whole ns.
    pub nanos: Wide,
    /// 2^-28 ns per cycle: 32 bits, but 64-bit code multiplies by 64 in memory.
    pub mult: Wide,
    /// One of the `MODE_*` values.
    pub mode: Cell,
    /// The last complete write; 0 for `MODE_SYSCALL`.
    pub written: Written,
}

/// 32 bits of the page.
#[repr(transparent)]
#[derive(Debug)]
pub struct Cell(AtomicU32);

impl Cell {
    /// Loads the value; the sequence lock orders it.
    #[inline(always)]
    pub fn get(&self) -> u32 {
        self.0.load(Relaxed)
    }

    /// Stores the value; the sequence lock orders it.
    pub fn set(&self, value: u32) {
        self.0.store(value, Relaxed);
    }
}

/// 64 bits of the page. A 32-bit reader loads two halves, which the sequence lock makes
/// consistent; a 64-bit load in 32-bit code needs the FPU or a locked instruction.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct Wide(
    #[cfg(target_pointer_width = "64")] core::sync::atomic::AtomicU64,
    #[cfg(target_pointer_width = "32")] [AtomicU32; 2],
);

impl Wide {
    /// Loads the value; the sequence lock orders it.
    #[inline(always)]
    pub fn get(&self) -> u64 {
        #[cfg(target_pointer_width = "64")]
        return self.0.load(Relaxed);
        #[cfg(target_pointer_width = "32")]
        return u64::from(self.0[0].load(Relaxed)) | u64::from(self.0[1].load(Relaxed)) << 32;
    }

    /// Loads only the low 32 bits.
    #[inline(always)]
    pub fn low(&self) -> u32 {
        #[cfg(target_pointer_width = "64")]
        return self.0.load(Relaxed) as u32;
        #[cfg(target_pointer_width = "32")]
        return self.0[0].load(Relaxed);
    }

    /// Stores the value; the sequence lock orders it. Only the kernel writes.
    #[cfg(target_pointer_width = "64")]
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }
}

/// Offsets of a clock's fields in the page, for assembly.
#[derive(Clone, Copy, Debug)]
pub struct Offsets {
    /// [`Clock::seconds`].
    pub seconds: usize,
    /// [`Clock::nanos`].
    pub nanos: usize,
    /// [`Clock::mult`].
    pub mult: usize,
    /// [`Clock::mode`].
    pub mode: usize,
    /// [`Clock::written`].
    pub written: usize,
}

/// The offsets of clock `id`.
pub const fn offsets(id: usize) -> Offsets {
    let at = offset_of!(ClockPage, clocks) + id * size_of::<Clock>();
    Offsets {
        seconds: at + offset_of!(Clock, seconds),
        nanos: at + offset_of!(Clock, nanos),
        mult: at + offset_of!(Clock, mult),
        mode: at + offset_of!(Clock, mode),
        written: at + offset_of!(Clock, written),
    }
}

/// log2 of the size of a clock's entry.
pub const ENTRY_SHIFT: u32 = size_of::<Clock>().trailing_zeros();
/// Offset of [`ClockPage::cycle`].
pub const CYCLE: usize = offset_of!(ClockPage, cycle);
/// Offset of [`ClockPage::near_limit`].
pub const LIMIT: usize = offset_of!(ClockPage, near_limit);

const _: () = {
    assert!(size_of::<ClockPage>() == PAGE_SIZE);
    assert!(offset_of!(ClockPage, sequence) == 0);
    assert!(offset_of!(ClockPage, coarse_resolution) == 4);
    assert!(offset_of!(ClockPage, cycle) == 8);
    assert!(offset_of!(ClockPage, near_limit) == 16);
    assert!(offset_of!(ClockPage, minutes_west) == 24);
    assert!(offset_of!(ClockPage, dst_time) == 28);
    assert!(offset_of!(ClockPage, clocks) == 32);
    assert!(size_of::<Clock>() == 32);
    assert!(offset_of!(Clock, seconds) == 0);
    assert!(offset_of!(Clock, nanos) == 8);
    assert!(offset_of!(Clock, mult) == 16);
    assert!(offset_of!(Clock, mode) == 24);
    assert!(offset_of!(Clock, written) == 28);
};
