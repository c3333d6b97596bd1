//! Exception table: kernel instructions that may fault, each with its fixup address.
//!
//! An instruction that accesses user memory faults if the program passed a bad address. Its own
//! address and that of the code that reports the error are a pair in section `.extable`; the
//! exception handler searches the table before it reports a kernel bug (as Linux's __ex_table).

unsafe extern "C" {
    static __extable_start: [u64; 2];
    static __extable_end: [u64; 2];
}

// ANCHOR: extable
/// Inside `asm!`: adds a pair to the table. After a fault at label `$at` execution continues at
/// label `$to`.
#[macro_export]
macro_rules! extable {
    ($at:literal, $to:literal) => {
        concat!(
            ".pushsection .extable, \"a\"\n.balign 8\n.quad ",
            $at,
            "\n.quad ",
            $to,
            "\n.popsection\n"
        )
    };
}
// ANCHOR_END: extable

/// Fixup address for a kernel fault at `rip`; `None` if the table has no entry for it.
pub fn fixup(rip: u64) -> Option<u64> {
    let start = &raw const __extable_start;
    // SAFETY: the linker script makes the two symbols bound an array of pairs in read-only
    // memory.
    let table = unsafe {
        core::slice::from_raw_parts(
            start,
            (&raw const __extable_end).offset_from(start) as usize,
        )
    };
    table.iter().find(|[at, _]| *at == rip).map(|[_, to]| *to)
}
