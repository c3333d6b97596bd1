//! The TSC's frequency: stated by the hypervisor or the CPU, or measured (`measure.rs`).

use super::measure;
use super::reference::Hardware;
use crate::arch::cpu;

/// The TSC's frequency and its source.
#[derive(Clone, Copy, Debug)]
pub struct Frequency {
    /// Cycles per second.
    pub hertz: u64,
    /// Source of the frequency, for the log.
    pub source: &'static str,
}

/// Finds the frequency: stated by the hypervisor or the CPU, else measured against `reference`.
/// `None` if neither gives a plausible one.
pub fn find(reference: Option<Hardware>) -> Option<Frequency> {
    // A rate out of the multiplier's range is implausible for a TSC.
    let is_usable = |found: &Frequency| {
        found.hertz <= measure::MAX_HERTZ && vdso::math::mult_for(found.hertz).is_some()
    };
    let measured = || {
        let reference = reference?;
        Some(Frequency {
            hertz: measure::hertz(&reference)?,
            source: reference.name(),
        })
    };
    stated()
        .filter(is_usable)
        .or_else(measured)
        .filter(is_usable)
}

fn stated() -> Option<Frequency> {
    // VMware's timing leaf, also KVM's: TSC in kHz.
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
