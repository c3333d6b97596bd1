//! The system call tables: number, name, kinds of the arguments, handler.
//!
//! A row `1 write(Fd, InBuf, Size) = io::write;` is the only declaration of a call: the entry stub
//! calls its handler, the call log its name and kinds, and docs/SYSCALLS.md lists it, with its
//! state in `table/states.txt`. `x86_64.rs` is the table of SYSCALL in 64-bit code, `i386.rs` that
//! of every other door. `calls!` makes the table from the rows; its functions, made by `adapt!`,
//! convert each register to the type of the handler's argument (`FromRegister`,
//! `syscall/argument.rs`) and the result to the value for rax (`IntoRax`, `abi/errno.rs`). The
//! entry stub has bounded the number and counted the call (`entry/call.rs`).
//!
//! The next file on a call's path: `syscall/io.rs`, where write(2)'s handler is.

use crate::dev::log::log;
use crate::sync::{Mutex, rank};

use super::argument::FromRegister;
use super::{Handler, counters, no_call, not_implemented, socketcall};
use crate::abi::door::{Door, Table};
use crate::abi::frame::Frame;
use crate::arch::nospec::Index;
use crate::trace;

mod i386;
mod x86_64;

use crate::trace::kinds::Arg;

/// Row of a table.
pub struct Entry {
    /// System call number.
    pub number: u32,
    /// Linux's name of the call.
    pub name: &'static str,
    /// Kinds of the arguments, for the call log.
    pub args: &'static [Arg],
    /// Handler of the call.
    pub handler: Handler,
}

/// Length of each table: a slot for each number below 470, and the last one for all numbers beyond.
pub const LEN: usize = 471;

// ANCHOR: tables
/// Handlers of the x86_64 table by number. The entry stubs call through it.
pub static X86_64: [Handler; LEN] = handlers(x86_64::ENTRIES, Table::X86_64);
/// Handlers of the i386 table.
pub static I386: [Handler; LEN] = handlers(i386::ENTRIES, Table::I386);
// ANCHOR_END: tables

/// Handlers by number from rows sorted by number. Numbers without a row have [`not_implemented`] if
/// Linux has the call, else [`no_call`], as has the last slot.
const fn handlers(entries: &[Entry], of: Table) -> [Handler; LEN] {
    let mut table: [Handler; LEN] = [no_call; LEN];
    let mut i = 0;
    while i < LEN {
        if of.is_linux_call(i) {
            assert!(i < LEN - 1, "LEN is too small");
            table[i] = not_implemented;
        }
        i += 1;
    }
    i = 0;
    while i < entries.len() {
        assert!(
            i == 0 || entries[i - 1].number < entries[i].number,
            "rows are sorted by number"
        );
        assert!((entries[i].number as usize) < LEN - 1, "LEN is too small");
        table[entries[i].number as usize] = entries[i].handler;
        i += 1;
    }
    table
}

/// The handler of a number, for a call that the entry stub left to `call_with_work`; counts the
/// call.
pub fn handler(door: Door, number: u32) -> Handler {
    let index = Index::clamp(number as usize);
    counters::count(door, index);
    *index.of(match door.table() {
        Table::X86_64 => &X86_64,
        Table::I386 => &I386,
    })
}

/// Row of `number` in `table`.
pub fn lookup(table: Table, number: u32) -> Option<&'static Entry> {
    let entries = entries(table);
    entries
        .binary_search_by_key(&number, |entry| entry.number)
        .ok()
        .map(|i| &entries[i])
}

/// Rows of `table`, sorted by number.
pub fn entries(table: Table) -> &'static [Entry] {
    match table {
        Table::X86_64 => x86_64::ENTRIES,
        Table::I386 => i386::ENTRIES,
    }
}

/// The row that the call log prints for the call in `frame`; of socketcall(2), the call that it
/// makes, as strace does.
pub fn traced(frame: &Frame) -> Option<trace::Row> {
    let entry = lookup(frame.table()?, frame.orig_rax as u32)?;
    let made = match entry.name {
        "socketcall" => socketcall::traced(frame.rbx as u32, frame.rcx as u32),
        _ => None,
    };
    Some(made.unwrap_or(trace::Row {
        name: entry.name,
        kinds: entry.args,
        given: None,
    }))
}

/// Logs the first use of each call without a handler. A number that Linux doesn't define is not
/// logged.
pub fn log_unknown(table: Table, number: u32) {
    static SEEN: Mutex<[[u64; 8]; 2], rank::SeenCalls> = Mutex::new([[0; 8]; 2]);
    let Some(name) = table.linux_name(number) else {
        return;
    };
    let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
    let mut seen = SEEN.lock();
    if let Some(word) = seen[table as usize].get_mut(word)
        && *word & bit == 0
    {
        *word |= bit;
        drop(seen);
        log!("{}: {name} ({number}) is not implemented", table.name());
    }
}

/// Adapts a typed handler to a function of six registers that returns the value for rax: one that
/// the assembly of the entry stubs can call.
macro_rules! adapt {
    (@u64 $unused:ident) => { u64 };
    // ANCHOR: adapter
    (@ $h:path; $($used:ident)*; $($unused:ident)*) => {{
        extern "C" fn handler($($used: u64,)* $(_: adapt!(@u64 $unused),)*) -> u64 {
            $h($(arg($used)),*).into_rax()
        }
        handler
    }};
    // ANCHOR_END: adapter
    ($h:path;) => { adapt!(@ $h;; a b c d e f) };
    ($h:path; $a:ident) => { adapt!(@ $h; a; b c d e f) };
    ($h:path; $a:ident $b:ident) => { adapt!(@ $h; a b; c d e f) };
    ($h:path; $a:ident $b:ident $c:ident) => { adapt!(@ $h; a b c; d e f) };
    ($h:path; $a:ident $b:ident $c:ident $d:ident) => { adapt!(@ $h; a b c d; e f) };
    ($h:path; $a:ident $b:ident $c:ident $d:ident $e:ident) => { adapt!(@ $h; a b c d e; f) };
    ($h:path; $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident) => {
        adapt!(@ $h; a b c d e f;)
    };
}

/// Defines `ENTRIES` from rows.
macro_rules! calls {
    ($($number:literal $name:ident($($kind:ident),*) = $handler:path;)*) => {
        /// The rows, sorted by number.
        pub static ENTRIES: &[Entry] = &[$(
            Entry {
                number: $number,
                name: stringify!($name),
                args: &[$(Arg::$kind),*],
                handler: adapt!($handler; $($kind)*),
            },
        )*];
    };
}
use {adapt, calls};

/// Converts an argument register to the type of the handler's argument.
fn arg<T: FromRegister>(register: u64) -> T {
    T::from_register(register)
}
