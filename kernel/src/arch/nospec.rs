//! Indices into tables that a program chooses, bounded without a branch (Spectre variant 1).
//!
//! A bounds check by a branch can be mispredicted: the CPU then loads from past the table's end,
//! and the cache shows afterwards which address that was. A conditional move has no prediction
//! (Intel, "Bounds Check Bypass"; Linux's `array_index_nospec`).

use core::arch::asm;

/// An index below `LEN`.
#[derive(Clone, Copy, Debug)]
pub struct Index<const LEN: usize>(usize);

impl<const LEN: usize> Index<LEN> {
    /// `index`, or the last one for any beyond it.
    #[inline(always)]
    pub fn clamp(index: usize) -> Self {
        const { assert!(LEN > 0, "an empty table has no last index") };
        // ANCHOR: clamp
        let mut clamped = index;
        // SAFETY: two register instructions.
        unsafe {
            asm!("cmp {0}, {1}", "cmova {0}, {1}", inout(reg) clamped, in(reg) LEN - 1,
                 options(pure, nomem, nostack));
        }
        Self(clamped)
        // ANCHOR_END: clamp
    }

    /// The element of `table` at the index.
    #[inline(always)]
    pub fn of<T>(self, table: &[T; LEN]) -> &T {
        // SAFETY: `clamp`, the only constructor, leaves an index below LEN.
        unsafe { table.get_unchecked(self.0) }
    }
}
