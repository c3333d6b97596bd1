//! Names of constants: one table per kind of argument, in the order in which strace prints
//! flags that are set together.
//!
//! Values come from the kernel's own headers (`linux-raw-sys`) by the names printed, so a name
//! cannot stand at the wrong value.

use super::text::Text;
use crate::mm::fallible::put;

pub mod event;
pub mod file;
pub mod memory;
pub mod net;
pub mod process;
pub mod signal;
pub mod time;
pub mod tty;

/// A constant and its name.
pub type Name = (u64, &'static str);

/// Builds a table from constants of a module.
macro_rules! names {
    ($module:path: $($name:ident)*) => {{
        use $module as constants;
        &[$((constants::$name as u64, stringify!($name))),*]
    }};
}
use names;

/// Prints the name of a value; one without a name as `0x4d2 /* CLOCK_??? */`.
pub fn name(out: &mut Text, value: u64, table: &[Name], unknown: &str) {
    match lookup(value, table) {
        Some(name) => out.add(name),
        None => put!(out, "{value:#x} /* {unknown} */"),
    }
}

/// The name of a value.
pub fn lookup(value: u64, table: &[Name]) -> Option<&'static str> {
    table
        .iter()
        .find(|(known, _)| *known == value)
        .map(|(_, name)| *name)
}

/// Prints flags: names joined by `|`, then the bits that have none in base 16. No flag is 0;
/// nothing but unknown bits is `0x80 /* O_??? */`.
pub fn flags(out: &mut Text, value: u64, table: &[Name], unknown: &str) {
    if value == 0 {
        return out.add(lookup(0, table).unwrap_or("0"));
    }
    let rest = known_flags(out, value, table, "");
    if rest == value {
        put!(out, "{value:#x} /* {unknown} */");
    } else if rest != 0 {
        put!(out, "|{rest:#x}");
    }
}

/// Prints the flags that have names, the first one behind `separator`; returns the other bits.
pub fn known_flags(out: &mut Text, value: u64, table: &[Name], separator: &str) -> u64 {
    let mut rest = value;
    let mut separator = separator;
    for (bits, name) in table {
        if *bits != 0 && rest & bits == *bits {
            put!(out, "{separator}{name}");
            separator = "|";
            rest &= !bits;
        }
    }
    rest
}

/// Prints a choice in some bits, then flags in the others: `PROT_READ`-like tables for both.
pub fn choice_and_flags(
    out: &mut Text,
    choice: (u64, &[Name]),
    flags: (u64, &[Name]),
    unknown: &str,
) {
    name(out, choice.0, choice.1, unknown);
    if flags.0 != 0 {
        let rest = known_flags(out, flags.0, flags.1, "|");
        if rest != 0 {
            put!(out, "|{rest:#x}");
        }
    }
}
