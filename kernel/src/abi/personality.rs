//! What kind of system a program is shown: personality(2).
//!
//! A program is told another machine (PER_LINUX32) or an older release (UNAME26) by uname(2), and
//! is placed at the same addresses each time (ADDR_NO_RANDOMIZE, which debuggers ask for), may
//! execute whatever it can read (READ_IMPLIES_EXEC), finds page 0 mapped (MMAP_PAGE_ZERO), gets its
//! mappings from a third of the address space upwards (ADDR_COMPAT_LAYOUT), or has less of it
//! (ADDR_LIMIT_3GB). Left out: that other flags do anything; they are kept and told.

/// Bits of the kind of system; the rest are flags (include/uapi/linux/personality.h).
const PER_MASK: u32 = 0xff;
/// uname(2) says that the machine is a 32-bit one.
const PER_LINUX32: u32 = 0x08;
/// uname(2) says that the release is 2.6.
const UNAME26: u32 = 0x0002_0000;
/// Programs aren't moved at random.
const ADDR_NO_RANDOMIZE: u32 = 0x0004_0000;
const ADDR_LIMIT_3GB: u32 = 0x0800_0000;
const MMAP_PAGE_ZERO: u32 = 0x0010_0000;
const ADDR_COMPAT_LAYOUT: u32 = 0x0020_0000;
const READ_IMPLIES_EXEC: u32 = 0x0040_0000;
/// What a set-user-ID program must not get from its caller (PER_CLEAR_ON_SETID).
const UNSAFE: u32 = READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | MMAP_PAGE_ZERO;

/// Whether programs go where they always do.
pub fn has_fixed_addresses(personality: u32) -> bool {
    personality & ADDR_NO_RANDOMIZE != 0
}

/// Whether what can be read can be executed.
pub fn executes_what_it_reads(personality: u32) -> bool {
    personality & READ_IMPLIES_EXEC != 0
}

/// Whether mappings go upwards from a third of the address space.
pub fn has_old_layout(personality: u32) -> bool {
    personality & ADDR_COMPAT_LAYOUT != 0
}

/// Whether 32-bit programs have 3 GiB of addresses, as under a 32-bit kernel.
pub fn has_three_gigabytes(personality: u32) -> bool {
    personality & ADDR_LIMIT_3GB != 0
}

/// Whether programs find page 0 mapped.
pub fn has_page_zero(personality: u32) -> bool {
    personality & MMAP_PAGE_ZERO != 0
}

/// Whether uname(2) tells of a 32-bit machine.
pub fn is_32bit_machine(personality: u32) -> bool {
    personality & PER_MASK == PER_LINUX32
}

/// Whether uname(2) tells of a release that programs of its time understand.
pub fn is_old_release(personality: u32) -> bool {
    personality & UNAME26 != 0
}

/// What is left of it when a program of that width starts; `is_granted`: its file has the
/// set-user-ID or set-group-ID bit. 64-bit programs say themselves what may be executed
/// (set_personality_64bit in arch/x86/kernel/process_64.c); a 32-bit one that says nothing of its
/// stack (`is_unstated`) may execute all that it reads (elf_read_implies_exec in
/// arch/x86/include/asm/elf.h).
pub fn after_exec(personality: u32, is_32bit: bool, is_unstated: bool, is_granted: bool) -> u32 {
    let unsafe_bits = if is_granted { UNSAFE } else { 0 };
    let kept = personality & !unsafe_bits;
    match (is_32bit, is_unstated) {
        (false, _) => kept & !READ_IMPLIES_EXEC,
        (true, false) => kept,
        (true, true) => kept | READ_IMPLIES_EXEC,
    }
}
