//! The call log: each system call in strace's format, prefixed with its door.
//!
//! ```text
//! [syscall] write(1, "Hello, World!", 13) = 13
//! ```
//!
//! [`enter`] prints a call's inputs before the call can change them, [`exit`] its outputs and its
//! result. The format is that of `strace -f -a1` (version 6.1), against which the tests compare it.
//! The call log reads the program's memory through `usercopy.rs`, prints the address of memory that
//! can't be read, and changes nothing.
//!
//! Floor 12, called by `syscall/`, which hands over the call's row (`syscall/table/*.rs`): its name
//! and the kinds of its arguments. It may use every lower floor (tests/floors/floors.txt), and
//! contains no unsafe code. Reading order: `kinds.rs` (the kinds), `args.rs` (an argument by its
//! kind), `scalar.rs`, `output.rs` and `commands.rs` (which it calls), `structs/` and `names/`
//! (structures and names of constants), `result.rs` (the result), `line.rs` (the console). A reader
//! of the kernel can skip the folder: it only formats text.
//!
//! Left out of strace: filters, time stamps, attaching to a running process, and the arguments of
//! calls that the kernel does not implement, which are six hexadecimal numbers. Tracing by a
//! program (ptrace(2)) is in `process/ptrace/`: only its user is called a tracer.

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as
// unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

use alloc::vec::Vec;

use crate::abi::door::Door;
use crate::abi::frame::Frame;
use crate::process::call_log::{self, Events};
use crate::process::current;
use crate::trace::kinds::Arg;

mod args;
mod call;
mod commands;
pub mod kinds;
mod line;
mod names;
mod output;
mod result;
mod scalar;
mod signals;
mod strings;
mod structs;
mod text;

#[cfg(test)]
mod tests;

use crate::mm::fallible::put;
use call::Call;
use text::Text;

/// The events that `process/` reports.
pub static EVENTS: Events = Events {
    started,
    arrived: signals::arrived,
    ended: signals::ended,
};

/// A call's row of the table (`syscall/table/`).
pub struct Row {
    /// Name.
    pub name: &'static str,
    /// Kinds of the arguments.
    pub kinds: &'static [Arg],
    /// Arguments in memory instead of registers (socketcall(2)).
    pub given: Option<[u64; 6]>,
}

/// Argument kinds of a call without a row, which fails with `ENOSYS`: six registers in hexadecimal.
const UNLISTED: &[Arg] = &[Arg::Hex; 6];

/// State of a logged call between [`enter`] and [`exit`].
pub struct Pending {
    door: Door,
    name: Text,
    kinds: &'static [Arg],
    call: Call,
    /// Index of the first argument that is printed after the call.
    first_output: usize,
    /// Text of the inputs that follow the first output, read before the call.
    inputs: [Text; 6],
}

/// Prints the inputs of a call; `row` is `None` for a call without a row. Returns `None` if no
/// [`exit`] follows: the call does not return, or `frame` is not a system call's.
pub fn enter(frame: &Frame, row: Option<Row>) -> Option<Pending> {
    let door = Door::of(frame.entry)?;
    let mut call = Call::new(frame, door.table());
    let mut name = Text::new();
    let kinds = if let Some(row) = row {
        name.add(row.name);
        call.args = row.given.unwrap_or(call.args);
        row.kinds
    } else {
        match door.table().linux_name(call.number) {
            Some(known) => name.add(known),
            None => put!(&mut name, "syscall_{:#x}", call.number),
        }
        UNLISTED
    };
    call.room = room(&call, kinds);
    let tid = current().tid();
    let mut line = Text::new();
    put!(&mut line, "{}(", name.as_str());
    let mut inputs = [const { Text::new() }; 6];
    let shown = |index: &usize| args::is_shown(&call, kinds, *index);
    let is_output = |index: &usize| args::is_output(&call, kinds, *index);
    let first_output = (0..kinds.len()).find(is_output).unwrap_or(kinds.len());
    let mut separator = "";
    for index in (0..first_output).filter(shown) {
        line.add(separator);
        separator = ", ";
        args::print(&mut line, &call, kinds, index);
    }
    if first_output < kinds.len() {
        line.add(separator);
    }
    for index in (first_output..kinds.len())
        .filter(shown)
        .filter(|index| !is_output(index))
    {
        args::print(&mut inputs[index], &call, kinds, index);
    }
    if matches!(name.as_str(), "exit" | "exit_group") {
        line::whole(
            tid,
            Some(door.name()),
            format_args!("{}) = ?", line.as_str()),
        );
        return None;
    }
    line::open(tid, door.name(), line);
    if name.as_str() == "reboot" {
        // reboot(2) may not return: print the line now.
        line::flush();
    }
    Some(Pending {
        door,
        name,
        kinds,
        call,
        first_output,
        inputs,
    })
}

/// Prints the outputs and the result of a call.
pub fn exit(frame: &Frame, pending: Option<Pending>) {
    let Some(Pending {
        door,
        name,
        kinds,
        call,
        first_output,
        inputs,
    }) = pending
    else {
        return;
    };
    if !call_log::is_on() {
        // The call turned the call log off: discard its unfinished line.
        line::discard(current().tid());
        return;
    }
    let call = call.returned(frame.rax);
    let mut line = Text::new();
    let mut separator = "";
    for index in (first_output..kinds.len()).filter(|index| args::is_shown(&call, kinds, *index)) {
        line.add(separator);
        separator = ", ";
        if args::is_output(&call, kinds, index) {
            args::print(&mut line, &call, kinds, index);
        } else {
            line.add(inputs[index].as_str());
        }
    }
    line.add(") = ");
    result::print(&mut line, &call, name.as_str(), kinds);
    line::close(current().tid(), door.name(), name.as_str(), &line);
}

/// Size in bytes of a call's buffer for a socket address or option value, before the call replaces
/// it by the length written.
fn room(call: &Call, kinds: &[Arg]) -> Option<u32> {
    let index = |kind| kinds.iter().position(|other| *other == kind);
    if let Some(index) = index(Arg::OutMsghdr) {
        let name_len = call.args[index].wrapping_add(call.word());
        return structs::net::read_int(name_len);
    }
    structs::net::read_int(call.args[index(Arg::OutSockLen)?])
}

/// Prints an execve line for init, which the kernel starts without a call, so that the trace begins
/// as strace's does. `frame` holds the new program's registers.
fn started(path: &[u8], args: &[Vec<u8>], variables: usize, frame: &Frame) {
    let mut line = Text::new();
    line.add("execve(");
    strings::quoted(&mut line, path);
    line.add(", [");
    for (index, arg) in args.iter().enumerate().take(strings::ARRAY_MAX) {
        line.add(if index > 0 { ", " } else { "" });
        strings::quoted(&mut line, arg);
    }
    if args.len() > strings::ARRAY_MAX {
        line.add(", ...");
    }
    // On the stack: argc, the elements of argv, NULL, envp.
    let word = if frame.is_compat() { 4 } else { 8 };
    let environment = frame.rsp + word * (args.len() as u64 + 2);
    let plural = if variables == 1 { "" } else { "s" };
    line::whole(
        1,
        Some("kernel"),
        format_args!(
            "{}], {environment:#x} /* {variables} var{plural} */) = 0",
            line.as_str()
        ),
    );
}
