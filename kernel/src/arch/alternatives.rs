//! STAC and CLAC, patched in at boot if the CPU has SMAP (as Linux's alternatives).
//!
//! Without SMAP the two instructions raise #UD, and a test at every copy would cost more than
//! they do. So each site is a 3-byte NOP, listed in section `.smap_sites` with the instruction to
//! replace it, and patched once, before the first program runs.

use super::cpu;

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

/// Inside `asm!`: CLAC (0F 01 CA) on a CPU with SMAP, else a NOP of the same length. Stubs entered
/// through an interrupt gate need it: the gate does not clear the program's AC flag.
#[macro_export]
macro_rules! clac {
    () => {
        $crate::smap_site!("0xca010f")
    };
}

/// Inside `asm!`: STAC (0F 01 CB) on a CPU with SMAP, else a NOP of the same length.
#[macro_export]
macro_rules! stac {
    () => {
        $crate::smap_site!("0xcb010f")
    };
}

#[doc(hidden)]
#[macro_export]
// ANCHOR: smap-site
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
// ANCHOR_END: smap-site

/// Patches all sites with `poke`, which writes one byte of the text. Runs once, before the first
/// access to user memory.
pub fn init(poke: impl Fn(u64, u8)) {
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
        // Byte by byte: a site may cross a page boundary.
        for (i, byte) in site.instruction.to_le_bytes()[..3].iter().enumerate() {
            poke(site.address + i as u64, *byte);
        }
    }
}
