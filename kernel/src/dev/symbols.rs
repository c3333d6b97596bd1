//! Kernel symbol table, for backtraces.
//!
//! Section `.kallsyms` is reserved at link time and filled afterwards from the ELF file's symbol
//! table (`xtask/src/build/kallsyms.rs`). All numbers are little-endian `u32`:
//!
//! ```text
//! 0        b"KALLSYMS"
//! 8        N, number of symbols; 0: not filled
//! 12       S, bytes of names
//! 16       N addresses minus 0xffffffff80000000, ascending
//! 16+4N    N+1 offsets into the names: name i is names[offset[i]..offset[i+1]]
//! 20+8N    the names
//! ```

use core::fmt;

/// Bytes reserved for the section (`kernel/build.rs`). Unoptimised code has more functions.
const SIZE: usize = if cfg!(unoptimised) { 1024 } else { 192 } * 1024;
/// Base of the table's addresses: the start of the kernel image's region.
const BASE: u64 = 0xffff_ffff_8000_0000;

// The linker script reserves SIZE bytes of read-only memory at the symbol; any bytes are
// valid.
unsafe extern "C" {
    /// The section. Not a static of this crate: the compiler doesn't know its content, which is
    /// written after linking.
    safe static __kallsyms: [u8; SIZE];
}

fn word(at: usize) -> Option<u32> {
    let bytes = __kallsyms.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// The symbol that contains `address`, and the offset of `address` from its start in bytes.
pub fn lookup(address: u64) -> Option<(&'static str, u64)> {
    let count = word(8)? as usize;
    let offset = u32::try_from(address.checked_sub(BASE)?).ok()?;
    // Binary search for the last symbol at or below the address.
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = (low + high) / 2;
        if word(16 + 4 * middle)? <= offset {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let index = low.checked_sub(1)?;
    let start = word(16 + 4 * index)?;
    let names = 20 + 8 * count;
    let at = |i: usize| Some(names + word(16 + 4 * count + 4 * i)? as usize);
    let name = core::str::from_utf8(__kallsyms.get(at(index)?..at(index + 1)?)?).ok()?;
    Some((name, u64::from(offset - start)))
}

/// An address that prints as `name+0x12`.
pub struct Symbol(pub u64);

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match lookup(self.0) {
            Some((name, offset)) => write!(f, "{name}+{offset:#x}"),
            None => f.write_str("?"),
        }
    }
}
