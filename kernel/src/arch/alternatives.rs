//! STAC and CLAC, present only where the CPU has SMAP.
//!
//! On a CPU without SMAP the two instructions are #UD, and testing a flag at every copy would
//! cost more than they do. So each site is a 3-byte NOP, listed in `.smap_sites` with the
//! instruction it stands for, and patched once at boot, before the first program.

use super::cpu;
use crate::mm::paging;

/// One patch site.
#[repr(C)]
struct Site {
    address: u64,
    instruction: u64,
}

unsafe extern "C" {
    static __smap_sites_start: Site;
    static __smap_sites_end: Site;
}

/// Inside `asm!`: CLAC (0F 01 CA) where there is SMAP, else a NOP of the same length. The
/// entry stubs of interrupts need it: an interrupt gate leaves the program's AC flag set.
#[macro_export]
macro_rules! clac {
    () => {
        $crate::smap_site!("0xca010f")
    };
}

/// Inside `asm!`: STAC (0F 01 CB) where there is SMAP, else a NOP.
#[macro_export]
macro_rules! stac {
    () => {
        $crate::smap_site!("0xcb010f")
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! smap_site {
    ($bytes:literal) => {
        concat!(
            "771: .byte 0x0f, 0x1f, 0x00\n",
            ".pushsection .smap_sites, \"a\"\n.balign 8\n.quad 771b\n.quad ",
            $bytes,
            "\n.popsection\n"
        )
    };
}

/// Patches every site. Runs once, before any site can matter.
pub fn init() {
    if !cpu::features().smap {
        return;
    }
    let start = &raw const __smap_sites_start;
    // SAFETY: the linker script makes the two symbols bound an array of `Site`s.
    let sites = unsafe {
        core::slice::from_raw_parts(
            start,
            (&raw const __smap_sites_end).offset_from(start) as usize,
        )
    };
    for site in sites {
        // The text is mapped read-only; the physical map's alias of it is writable. A site
        // never crosses a page in a way that matters: each byte is translated by itself.
        for (i, byte) in site.instruction.to_le_bytes()[..3].iter().enumerate() {
            paging::poke_text(site.address + i as u64, *byte);
        }
    }
}
