//! Printing of structures, field by field: `{st_mode=S_IFREG|0644, st_size=13, ...}`.
//!
//! As in strace, `...` replaces rarely needed fields. Each function prints one structure from its
//! [`Fields`], which know the width of a `long`.

use super::call::{Call, Fields};
use super::strings::address;
use super::text::Text;

pub mod event;
pub mod file;
pub mod net;
pub mod process;
pub mod signal;
pub mod time;
pub mod tty;

/// Function that prints one structure.
pub type Printer = fn(&mut Text, &mut Fields);

/// Prints the structure of `len` bytes at `at`, or the address if it cannot be read.
pub fn whole(out: &mut Text, call: &Call, at: u64, len: usize, print: Printer) {
    match call.fields(at, len) {
        Some(mut fields) if at != 0 => print(out, &mut fields),
        _ => address(out, at),
    }
}

/// Prints a structure whose size depends on the width: `len` is its size in bytes for 64-bit and
/// for 32-bit programs.
pub fn sized(out: &mut Text, call: &Call, at: u64, len: (usize, usize), print: Printer) {
    whole(out, call, at, if call.wide { len.0 } else { len.1 }, print);
}
