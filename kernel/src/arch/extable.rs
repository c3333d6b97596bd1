//! Where the kernel expects to fault, and where it goes on: the exception table.
//!
//! An instruction that touches user memory may fault on an address that a program made up.
//! Its address and that of the code which reports the failure stand in `.extable`; the page
//! fault handler looks there before it calls the fault a kernel bug.

unsafe extern "C" {
    static __extable_start: [u64; 2];
    static __extable_end: [u64; 2];
}

/// Adds a pair: a fault at label `$at` goes on at label `$to`. For use inside `asm!`.
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

/// Where a kernel fault at `rip` goes on, if it was expected.
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
