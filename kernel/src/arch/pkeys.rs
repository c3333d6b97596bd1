//! PKRU: the running program's access rights to memory of each protection key (Intel SDM vol. 3,
//! 4.6.2).
//!
//! Two bits per key: access disable and write disable. They apply to the kernel's accesses to user
//! memory as well. XSAVE saves the register with the FPU state (`fpu.rs`); `vm/keys.rs` assigns
//! keys to areas.

use core::arch::asm;

use super::cpu::{self, Features};

/// Initial PKRU (Linux: init_pkru_value): no access with any key but 0, the default key of memory.
pub const DEFAULT: u32 = 0x5555_5554;

/// Number of keys on this CPU; 1 without protection keys.
pub fn count() -> u8 {
    if cpu::features().pku { 16 } else { 1 }
}

/// The running program's PKRU; 0 (all access allowed) on a CPU without protection keys.
pub fn read() -> u32 {
    read_on(cpu::features())
}

/// [`read`] on a CPU with `features`, for callers that look at others of them too.
pub(super) fn read_on(features: &Features) -> u32 {
    if !features.pku {
        return 0;
    }
    let rights;
    // SAFETY: CR4.PKE is set; RDPKRU requires ecx = 0 and clears edx.
    unsafe {
        asm!("rdpkru", out("eax") rights, in("ecx") 0, out("edx") _, options(nomem, nostack));
    }
    rights
}

/// Sets the running program's PKRU; does nothing on a CPU without protection keys.
pub fn write(rights: u32) {
    write_on(cpu::features(), rights);
}

/// [`write()`] on a CPU with `features`.
pub(super) fn write_on(features: &Features, rights: u32) {
    if features.pku {
        // SAFETY: CR4.PKE is set; WRPKRU requires ecx = edx = 0. Keys don't apply to kernel pages.
        unsafe {
            asm!("wrpkru", in("eax") rights, in("ecx") 0, in("edx") 0, options(nostack));
        }
    }
}

/// Sets the running program's rights for `key` to `rights`: bit 0 is PKEY_DISABLE_ACCESS, bit 1
/// PKEY_DISABLE_WRITE.
pub fn set(key: u8, rights: u32) {
    let shift = 2 * u32::from(key);
    write(read() & !(3 << shift) | (rights & 3) << shift);
}

/// Whether PKRU denies the running program a read or write of memory with `key`. Instruction
/// fetches are never denied.
pub fn denies(key: u8, is_write: bool) -> bool {
    let denied = read() >> (2 * key) & 3;
    denied & 1 != 0 || is_write && denied & 2 != 0
}
