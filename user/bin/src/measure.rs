//! Measurement of a cost: the fastest of several batches, less the cost of the loop itself.
//!
//! The unit is one tick of the time-stamp counter. Under QEMU's `-icount shift=0` that is one
//! instruction, so that costs are exactly reproducible; elsewhere it is time. A batch is short
//! enough to fit between two timer interrupts, and the fastest batch is one without an interrupt.

use core::arch::asm;
use core::fmt;

use sys::cpu::rdtsc;

const BATCHES: usize = 15;
const CALLS: usize = 1000;

/// The cost of one call, in tenths of a tick.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cost(pub u64);

impl Cost {
    /// In ticks, rounded to the nearest.
    pub fn ticks(self) -> u64 {
        (self.0 + 5) / 10
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ticks())
    }
}

/// Measures one call of `call`.
#[inline(always)]
pub fn cost(mut call: impl FnMut()) -> Cost {
    let mut with = u64::MAX;
    let mut without = u64::MAX;
    for _ in 0..BATCHES {
        // ANCHOR: least
        without = without.min(batch(|| {}));
        with = with.min(batch(&mut call));
        // ANCHOR_END: least
    }
    Cost(with.saturating_sub(without) * 10 / CALLS as u64)
}

#[inline(always)]
fn batch(mut call: impl FnMut()) -> u64 {
    let start = rdtsc();
    let mut left = CALLS;
    while left != 0 {
        call();
        // SAFETY: no instruction. The compiler doesn't know that, so it can neither unroll nor
        // remove the loop, which costs the same in both batches.
        unsafe { asm!("/* {0} */", inout(reg) left, options(nomem, nostack)) };
        left -= 1;
    }
    rdtsc() - start
}

/// Measures one call of a longer operation: the fastest of `batches` batches of `calls` calls,
/// including the loop, whose cost is negligible.
pub fn long_cost(batches: usize, calls: usize, mut call: impl FnMut()) -> Cost {
    let mut least = u64::MAX;
    for _ in 0..batches {
        let start = rdtsc();
        for _ in 0..calls {
            call();
        }
        least = least.min(rdtsc() - start);
    }
    Cost(least.saturating_mul(10) / calls as u64)
}

/// Measures the first access to each page of new memory: `fresh` maps it and returns the address,
/// `drop` unmaps it.
pub fn first_touch(pages: usize, fresh: impl Fn() -> usize, drop: impl Fn(usize)) -> Cost {
    const PAGE: usize = 4096;
    let mut touched = u64::MAX;
    let mut again = u64::MAX;
    for _ in 0..BATCHES {
        let base = fresh();
        if base == 0 {
            return Cost(0);
        }
        touched = touched.min(touch(base, pages * PAGE));
        again = again.min(touch(base, pages * PAGE)); // the same loop without faults
        drop(base);
    }
    Cost(touched.saturating_sub(again) * 10 / pages as u64)
}

fn touch(base: usize, length: usize) -> u64 {
    let start = rdtsc();
    for address in (base..base + length).step_by(4096) {
        // SAFETY: the address is in the caller's new writable mapping.
        unsafe { (address as *mut u8).write_volatile(1) };
    }
    rdtsc() - start
}
