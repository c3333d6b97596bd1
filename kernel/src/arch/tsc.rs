//! The CPU's time stamp counter (TSC): its value, and its frequency as found at boot
//! (`time/frequency.rs`).

use core::arch::asm;
use core::arch::x86_64::__rdtscp;
use core::sync::atomic::{AtomicU64, Ordering};

use vdso::reader::Counter;

/// Cycles per second; 0 while unknown.
static HERTZ: AtomicU64 = AtomicU64::new(0);

/// The counter, as [`vdso::reader`] wants it.
pub struct Tsc;

impl Counter for Tsc {
    #[inline(always)]
    fn rdtscp(&self) -> u64 {
        // SAFETY: the clock page asks for it only where the CPU has it.
        unsafe { __rdtscp(&mut 0) }
    }

    #[inline(always)]
    fn rdtsc(&self) -> u64 {
        cycles()
    }
}

/// The counter now, behind every load before it. CPUs that can run this kernel have both
/// instructions.
#[inline]
pub fn cycles() -> u64 {
    let (low, high): (u64, u64);
    // By assembly, as the compiler makes calls of LFENCE's and RDTSC's intrinsics.
    // SAFETY: no memory is touched; CR4.TSD, which would forbid it, concerns user mode only. Not
    // `nomem`: the compiler must not move loads across it.
    unsafe {
        asm!("lfence", "rdtsc", out("rax") low, out("rdx") high, options(nostack, preserves_flags));
    }
    low | high << 32
}

/// Cycles per second as found at boot; 0 without a usable counter. CPU time is counted by it: a
/// rate that changed would set those clocks back.
pub fn hertz() -> u64 {
    HERTZ.load(Ordering::Relaxed)
}

/// Sets [`hertz`], once at boot.
pub fn set_hertz(hertz: u64) {
    HERTZ.store(hertz, Ordering::Relaxed);
}

/// [`hertz`], or a guess where the frequency is unknown.
pub fn guessed_hertz() -> u64 {
    Some(hertz())
        .filter(|hertz| *hertz != 0)
        .unwrap_or(1_000_000_000)
}

/// Seconds since the counter was 0, at the machine's start or before.
pub fn seconds() -> u64 {
    cycles() / guessed_hertz()
}

/// Waits for so many seconds, with interrupts off as in the panic handler.
pub fn spin(seconds: u64) {
    let end = cycles().saturating_add(guessed_hertz().saturating_mul(seconds));
    while cycles() < end {
        core::hint::spin_loop();
    }
}
