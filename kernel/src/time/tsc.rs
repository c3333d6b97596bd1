//! The CPU's counter: reading it, and finding out how fast it runs.

use core::arch::x86_64::{__rdtscp, _mm_lfence, _rdtsc};

use vdso::reader::Counter;

use super::pit;
use crate::arch::cpu;

/// The counter, as [`vdso::reader`] wants it.
pub struct Tsc;

impl Counter for Tsc {
    fn rdtscp(&self) -> u64 {
        // SAFETY: the clock page asks for it only where the CPU has it.
        unsafe { __rdtscp(&mut 0) }
    }

    fn rdtsc(&self) -> u64 {
        cycles()
    }
}

/// The counter now, behind every load before it. CPUs that can run this kernel have both
/// instructions.
pub fn cycles() -> u64 {
    // SAFETY: no memory is touched; CR4.TSD, which would forbid it, concerns user mode only.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

/// The counter's frequency, and who said so.
#[derive(Clone, Copy, Debug)]
pub struct Frequency {
    /// Cycles per second.
    pub hertz: u64,
    /// Where it comes from, for the log.
    pub source: &'static str,
}

/// Finds the frequency: stated by the hypervisor or the CPU, else measured, else `None`.
pub fn frequency() -> Option<Frequency> {
    stated()
        .or_else(measured)
        .filter(|found| vdso::math::mult_for(found.hertz).is_some())
}

fn stated() -> Option<Frequency> {
    // The timing leaf that VMware began and KVM took over: TSC in kHz.
    if cpu::features().hypervisor && cpu::cpuid(0x4000_0000, 0)[0] >= 0x4000_0010 {
        let hertz = u64::from(cpu::cpuid(0x4000_0010, 0)[0]) * 1000;
        if hertz != 0 {
            return Some(Frequency {
                hertz,
                source: "hypervisor",
            });
        }
    }
    // Intel SDM vol. 3, 20.7.3: crystal x ebx / eax. Without a stated crystal the base
    // frequency of leaf 0x16, in MHz, is the TSC's.
    let [denominator, numerator, crystal, _] = cpu::cpuid(0x15, 0);
    let base = u64::from(cpu::cpuid(0x16, 0)[0] & 0xffff) * 1_000_000;
    let hertz = match (denominator, numerator, crystal) {
        (0, ..) | (_, 0, _) => 0,
        (.., 0) => base,
        _ => u64::from(crystal) * u64::from(numerator) / u64::from(denominator),
    };
    (hertz != 0).then_some(Frequency {
        hertz,
        source: "cpuid",
    })
}

/// Samples at each end of the measurement, and the half of them that is used.
const SAMPLES: usize = 32;
/// What the countdown runs between the two ends: 10 ms.
const SPAN: u16 = (pit::HERTZ / 100) as u16;
/// Cycles after which a count that does not move is not a counter: under half a second
/// even at 10 GHz, and the whole of it only where there is no PIT.
const GIVE_UP: u64 = 4_000_000_000;

/// Sums over the best samples: the counter in the middle of each reading, and the PIT's count.
struct End {
    cycles: u128,
    counts: u64,
}

fn measured() -> Option<Frequency> {
    pit::start_countdown();
    let give_up = cycles().wrapping_add(GIVE_UP);
    let first = end();
    let start = pit::count();
    // A PIT that is not there reads as all ones.
    while start.wrapping_sub(pit::count()) < SPAN {
        if cycles() > give_up {
            return None;
        }
    }
    let last = end();
    let counts = first
        .counts
        .checked_sub(last.counts)
        .filter(|counts| *counts != 0)?;
    // Both sums have the same number of terms, which the quotient cancels.
    let hertz = (last.cycles - first.cycles) * u128::from(pit::HERTZ) / u128::from(counts);
    Some(Frequency {
        hertz: u64::try_from(hertz).ok()?,
        source: "PIT",
    })
}

/// Reads the PIT many times, each reading between two of the TSC, and keeps the half that took
/// least time: where an interrupt of the host or the bus came between, the reading says little.
/// The mean of many evens out the PIT's steps of 838 ns.
fn end() -> End {
    let mut samples = [(0, 0, 0); SAMPLES];
    for sample in &mut samples {
        let before = cycles();
        let count = pit::count();
        let after = cycles();
        *sample = (after - before, before / 2 + after / 2, count);
    }
    samples.sort_unstable();
    let best = &samples[..SAMPLES / 2];
    End {
        cycles: best.iter().map(|sample| u128::from(sample.1)).sum(),
        counts: best.iter().map(|sample| u64::from(sample.2)).sum(),
    }
}
