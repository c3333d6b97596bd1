//! CPUID and the time-stamp counter.

use core::arch::asm;

/// The four result registers of `CPUID`.
#[derive(Clone, Copy, Debug)]
pub struct Cpuid {
    /// Result register eax.
    pub eax: u32,
    /// Result register ebx.
    pub ebx: u32,
    /// Result register ecx.
    pub ecx: u32,
    /// Result register edx.
    pub edx: u32,
}

/// Executes `CPUID` for `leaf`, sub-leaf 0.
pub fn cpuid(leaf: u32) -> Cpuid {
    let (eax, ecx, edx);
    let ebx: usize;
    // SAFETY: CPUID accesses no memory; ebx, which the compiler reserves, is restored.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("mov {b:r}, rbx", "cpuid", "xchg {b:r}, rbx", b = out(reg) ebx,
            inlateout("eax") leaf => eax, inlateout("ecx") 0 => ecx, lateout("edx") edx,
            options(nomem, nostack, preserves_flags));
        #[cfg(target_arch = "x86")]
        asm!("mov {b}, ebx", "cpuid", "xchg {b}, ebx", b = out(reg) ebx,
            inlateout("eax") leaf => eax, inlateout("ecx") 0 => ecx, lateout("edx") edx,
            options(nomem, nostack, preserves_flags));
    }
    Cpuid {
        eax,
        ebx: ebx as u32,
        ecx,
        edx,
    }
}

/// The CPU's vendor: 12 letters, such as `GenuineIntel`.
pub fn vendor() -> [u8; 12] {
    let leaf = cpuid(0);
    let mut name = [0; 12];
    name[..4].copy_from_slice(&leaf.ebx.to_le_bytes());
    name[4..8].copy_from_slice(&leaf.edx.to_le_bytes());
    name[8..].copy_from_slice(&leaf.ecx.to_le_bytes());
    name
}

/// Whether the CPU is AMD's (or Hygon's, of the same design): under a 64-bit kernel these have
/// `SYSCALL` in 32-bit code and no `SYSENTER`; on others it is the other way round.
pub fn is_amd() -> bool {
    matches!(&vendor(), b"AuthenticAMD" | b"HygonGenuine")
}

/// The CPU's full name, padded with NULs or spaces; all NUL if the CPU has none.
pub fn brand() -> [u8; 48] {
    let mut name = [0; 48];
    if cpuid(0x8000_0000).eax >= 0x8000_0004 {
        let registers = (0x8000_0002..=0x8000_0004).flat_map(|leaf| {
            let Cpuid { eax, ebx, ecx, edx } = cpuid(leaf);
            [eax, ebx, ecx, edx]
        });
        for (bytes, register) in name.as_chunks_mut().0.iter_mut().zip(registers) {
            *bytes = register.to_le_bytes();
        }
    }
    name
}

/// Reads the time-stamp counter, in ticks, after all earlier instructions have completed.
#[inline(always)]
pub fn rdtsc() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reads a counter; if the kernel sets CR4.TSD, it kills the program.
    unsafe {
        asm!("lfence", "rdtsc", out("eax") low, out("edx") high, options(nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}
