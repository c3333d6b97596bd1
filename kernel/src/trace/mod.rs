//! The tracer: every call in strace's own format, with the door in front.
//!
//! ```text
//! [syscall] write(1, "Hello, World!", 13) = 13
//! ```
//!
//! [`enter`] prints what a call is given, before it can change it; [`exit`] what it gave back.
//! What each argument is stands in the row of the call (`syscall/table/*.rs`) as a
//! [`kinds::Arg`]; [`args`] prints one, with the constants' names from `names/` and the
//! structures from `structs/`. The format is that of `strace -f -a1` (version 6.1), which the
//! tests compare it with. The tracer only looks: it reads the program's memory through
//! `usercopy.rs`, and prints the address where it can't.

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

use alloc::vec::Vec;

use crate::abi::frame::{Door, Frame};
use crate::arch::percpu::{self, work};
use crate::process::current;
use crate::syscall::socketcall;
use crate::syscall::table;
use crate::trace::kinds::Arg;
use crate::usercopy::UserPtr;

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
mod unlisted;

#[cfg(test)]
mod tests;

use crate::mm::fallible::put;
use call::Call;
pub use signals::{arrived, ended};
use text::Text;

/// What [`exit`] needs from before the call.
pub struct Pending {
    door: Door,
    name: Text,
    kinds: &'static [Arg],
    call: Call,
    /// Index of the first argument that must be printed after the call.
    first_output: usize,
    /// The inputs behind that one, as they were before the call.
    inputs: [Text; 6],
}

/// Called before a traced call. `None` if there is nothing to do after it.
pub fn enter(frame: &Frame) -> Option<Pending> {
    let door = Door::of(frame.entry)?;
    let mut call = Call::new(frame, door);
    let (name, kinds) = describe(door, frame.orig_rax as u32);
    let (name, kinds) = socketcall(&mut call, door, name, kinds);
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
        // It may not come back: what is known must be seen now.
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

/// Called after a traced call.
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
    if !is_on() {
        // The call turned the tracer off: discard its unfinished line.
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

/// Name and kinds of a call: from its row, from the list of those that have none, or from
/// Linux's names with the registers in base 16.
fn describe(door: Door, number: u32) -> (Text, &'static [Arg]) {
    let mut name = Text::new();
    if let Some(entry) = table::lookup(door, number) {
        name.add(entry.name);
        return (name, entry.args);
    }
    match table::linux_name(door, number) {
        Some(known) => name.add(known),
        None => put!(&mut name, "syscall_{number:#x}"),
    }
    let kinds = unlisted::kinds(name.as_str());
    (name, kinds)
}

/// What a socketcall(2) calls is printed in its place, as strace does.
fn socketcall(
    call: &mut Call,
    door: Door,
    name: Text,
    kinds: &'static [Arg],
) -> (Text, &'static [Arg]) {
    if name.as_str() != "socketcall" {
        return (name, kinds);
    }
    let Some((called, row, count)) = socketcall::describe(call.args[0]) else {
        return (name, kinds);
    };
    let row = table::entries(door).iter().find(|entry| entry.name == row);
    let given = UserPtr::<u32>::new(call.args[1]).read_vec(count);
    let (Some(row), Ok(given)) = (row, given) else {
        return (name, kinds);
    };
    call.args = [0; 6];
    for (arg, value) in call.args.iter_mut().zip(given) {
        *arg = value.into();
    }
    let mut name = Text::new();
    name.add(called);
    (name, &row.args[..count])
}

/// The room that a call is given for an address or a value, before it tells how much it took.
fn room(call: &Call, kinds: &[Arg]) -> Option<u32> {
    let index = |kind| kinds.iter().position(|other| *other == kind);
    if let Some(index) = index(Arg::OutMsghdr) {
        let name_len = call.args[index].wrapping_add(call.word());
        return structs::net::read_int(name_len);
    }
    structs::net::read_int(call.args[index(Arg::OutSockLen)?])
}

/// Whether the running task is traced: [`work::TRACE`], which `strace` on the command line sets
/// for init, a program for itself through /proc/self/trace, and children inherit.
pub fn is_on() -> bool {
    percpu::pending_work() & work::TRACE != 0
}

/// Called when the kernel itself has started init: no call was made, but the program's trace
/// begins as strace's does. `frame` has the new program's registers.
pub fn started(path: &[u8], args: &[Vec<u8>], variables: usize, frame: &Frame) {
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
    // On the stack: the number of arguments, them, NULL, the environment.
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
