//! PKRU: what the running program may do with memory of each protection key (Intel SDM vol. 3, 4.6.2).
//!
//! Two bits a key: any access, and writing, are denied by them, to the kernel's own copies as well. XSAVE keeps the
//! register with the FPU's; which areas have which key is in `mm/keys.rs`.

use core::arch::asm;

use super::cpu;

/// What a program starts with: nothing of any key but the first, which all memory has that isn't
/// given another (init_pkru).
pub const DEFAULT: u32 = 0x5555_5554;

/// Keys that there are on this CPU.
pub fn count() -> u8 {
    if cpu::features().pku { 16 } else { 1 }
}

/// The running program's register; 0, which denies nothing, on a CPU without.
pub fn read() -> u32 {
    if !cpu::features().pku {
        return 0;
    }
    let rights;
    // SAFETY: CR4 has the keys on; the instruction wants ecx to be 0 and clears edx.
    unsafe {
        asm!("rdpkru", out("eax") rights, in("ecx") 0, out("edx") _, options(nomem, nostack));
    }
    rights
}

/// Writes it, where there is one.
pub fn write(rights: u32) {
    if cpu::features().pku {
        // SAFETY: as above, with edx 0; the kernel's own memory has no key.
        unsafe {
            asm!("wrpkru", in("eax") rights, in("ecx") 0, in("edx") 0, options(nostack));
        }
    }
}

/// Denies the running program what `rights` says (PKEY_DISABLE_ACCESS is bit 0, PKEY_DISABLE_WRITE bit
/// 1) of the memory of `key`, and nothing else of it.
pub fn set(key: u8, rights: u32) {
    let shift = 2 * u32::from(key);
    write(read() & !(3 << shift) | (rights & 3) << shift);
}

/// Whether the running program may not so access the memory of `key`. Fetching is never denied.
pub fn denies(key: u8, is_write: bool) -> bool {
    let denied = read() >> (2 * key) & 3;
    denied & 1 != 0 || is_write && denied & 2 != 0
}
