//! The exported functions of the vDSO, under the names that the C libraries look up.
//!
//! Each reads the clock page and returns 0, or makes the system call and returns its result: a
//! negative errno on failure, which the C library turns into `errno`. A bad pointer faults here, in
//! user mode, and raises SIGSEGV. `x86_64.rs` and `x86.rs` have what differs between the widths:
//! the functions that are called often, in assembly, the address of the page, and the kernel entry.
//! Here is what those leave over.
//!
//! getcpu: the kernel stores cpu | node << 12 in two places, the limit of GDT entry 15 (selector
//! 0x7b) and the register that RDPID reads (IA32_TSC_AUX). It has one node, 0: the whole value is
//! the CPU's number. On a CPU with RDPID the kernel replaces the eight bytes at `VDSO_GETCPU_SITE`
//! by it at boot.

#[cfg(target_arch = "x86")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "x86")]
use x86::{Long, SYS_CLOCK_GETRES, SYS_CLOCK_GETTIME, SYS_GETTIMEOFDAY, page, syscall};
#[cfg(target_arch = "x86_64")]
use x86_64::{Long, SYS_CLOCK_GETRES, SYS_CLOCK_GETTIME, SYS_GETTIMEOFDAY, page, syscall};

use crate::math::Time;
use crate::page::ClockPage;
use crate::reader::{Counter, REALTIME, entry, now, resolution};
use core::arch::asm;

/// `struct timespec`; for 32-bit programs the old one, with 32-bit seconds.
#[repr(C)]
struct Timespec {
    seconds: Long,
    nanos: Long,
}

/// `struct timeval`, likewise.
#[repr(C)]
struct Timeval {
    seconds: Long,
    micros: Long,
}

impl From<Time> for Timespec {
    #[inline(always)]
    fn from(time: Time) -> Self {
        Self {
            seconds: time.seconds as Long,
            nanos: time.nanos as Long,
        }
    }
}

impl From<Time> for Timeval {
    #[inline(always)]
    fn from(time: Time) -> Self {
        Self {
            seconds: time.seconds as Long,
            micros: (time.nanos / 1000) as Long,
        }
    }
}

/// `struct timezone`.
#[repr(C)]
struct Timezone {
    minutes_west: i32,
    dst_time: i32,
}

/// 2^38 / 1000, rounded up: a number below 10^9 times it, shifted right by 38, is a thousandth.
const PER_MICRO: u32 = ((1u64 << 38) / 1000 + 1) as u32;
const _: () = assert!(PER_MICRO == 0x1062_4dd3);

/// The CPU's own counter.
struct Tsc;

impl Counter for Tsc {
    #[inline(always)]
    fn rdtscp(&self) -> u64 {
        let (low, high): (u32, u32);
        // SAFETY: reads a counter into registers; only called if the page marks RDTSCP as usable.
        // Not `nomem`: the compiler must not move loads of the page across it.
        unsafe {
            asm!("rdtscp", out("eax") low, out("edx") high, out("ecx") _, options(nostack, preserves_flags))
        };
        u64::from(low) | u64::from(high) << 32
    }

    #[inline(always)]
    fn rdtsc(&self) -> u64 {
        let (low, high): (u32, u32);
        // SAFETY: every CPU that runs this kernel has SSE2's LFENCE; the rest as above.
        unsafe {
            asm!("lfence", "rdtsc", out("eax") low, out("edx") high, options(nostack, preserves_flags))
        };
        u64::from(low) | u64::from(high) << 32
    }
}

/// clock_gettime after a failed attempt.
extern "C" fn slow_clock_gettime(id: i32, time: *mut Timespec) -> i32 {
    slow_gettime(SYS_CLOCK_GETTIME, id, time)
}

/// clock_gettime by [`now`], for any layout of the result; `number` is the system call with that
/// layout.
#[inline(always)]
fn slow_gettime<T: From<Time>>(number: usize, id: i32, time: *mut T) -> i32 {
    // ANCHOR: fall-back
    let page = page();
    if let Some(clock) = entry(page, id)
        && let Some(at) = now(page, clock, &Tsc)
    {
        // SAFETY: the program's pointer; a bad one faults in the program. Volatile, so that the
        // compiler can't omit the write.
        unsafe { time.write_volatile(at.into()) };
        return 0;
    }
    syscall(number, id as usize, time as usize)
    // ANCHOR_END: fall-back
}

/// gettimeofday after a failed attempt.
extern "C" fn slow_gettimeofday(time: *mut Timeval, zone: *mut Timezone) -> i32 {
    let page = page();
    let Some(at) = now(page, &page.clocks[REALTIME], &Tsc) else {
        return syscall(SYS_GETTIMEOFDAY, time as usize, zone as usize);
    };
    // SAFETY: as in `slow_gettime`.
    unsafe { time.write_volatile(at.into()) };
    put_zone(page, zone)
}

/// Fills gettimeofday's second argument.
#[inline(always)]
fn put_zone(page: &ClockPage, zone: *mut Timezone) -> i32 {
    if !zone.is_null() {
        let minutes_west = page.minutes_west.get() as i32;
        let dst_time = page.dst_time.get() as i32;
        // SAFETY: as in `slow_gettime`.
        unsafe {
            zone.write_volatile(Timezone {
                minutes_west,
                dst_time,
            })
        };
    }
    0
}

/// clock_getres(2). The pointer may be NULL.
#[unsafe(no_mangle)]
unsafe extern "C" fn __vdso_clock_getres(id: i32, time: *mut Timespec) -> i32 {
    let page = page();
    if let Some(clock) = entry(page, id)
        && let Some(nanos) = resolution(page, clock)
    {
        if !time.is_null() {
            // SAFETY: as in `slow_gettime`.
            unsafe { time.write_volatile(Time { seconds: 0, nanos }.into()) };
        }
        return 0;
    }
    syscall(SYS_CLOCK_GETRES, id as usize, time as usize)
}

/// Required by `no_std`. Nothing here panics: the image's test checks that this function is absent.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
