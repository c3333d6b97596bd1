//! Names of constants: one table for each kind of argument, in the order in which strace prints
//! flags.
//!
//! `names!` takes the values from Linux's headers (`linux-raw-sys`) by the names printed, so that a
//! name cannot have the wrong value.

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

/// Value and name of a constant.
pub type Name = (u64, &'static str);

/// Builds a table from a module's constants.
macro_rules! names {
    ($module:path: $($name:ident)*) => {{
        use $module as constants;
        &[$((constants::$name as u64, stringify!($name))),*]
    }};
}
use names;

/// Prints a value's name, or an unknown value as `0x4d2 /* CLOCK_??? */`.
pub fn name(out: &mut Text, value: u64, table: &[Name], unknown: &str) {
    match lookup(value, table) {
        Some(name) => out.add(name),
        None => put!(out, "{value:#x} /* {unknown} */"),
    }
}

/// Name of a value in `table`.
pub fn lookup(value: u64, table: &[Name]) -> Option<&'static str> {
    table
        .iter()
        .find(|(known, _)| *known == value)
        .map(|(_, name)| *name)
}

/// Prints flags: names joined by `|`, then the unknown bits in hexadecimal. 0 is printed as its
/// name in `table` or as `0`, a value of unknown bits only as `0x80 /* O_??? */`.
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

/// Prints the known flags, the first one after `separator`; returns the unknown bits.
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

/// Prints an enumerated field, then flags; each is given as its bits and the table of their names.
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
