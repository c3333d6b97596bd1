//! Printing of a call's result: a number in the call's usual base, or an error, and the details
//! that strace adds in parentheses.

use linux_raw_sys::{general as linux, prctl};

use super::call::Call;
use super::kinds::Arg;
use super::names::{self, file, process, signal};
use super::structs::{self, Printer};
use super::text::Text;
use crate::abi::errno::Errno;
use crate::mm::fallible::put;

/// First of the kernel-internal restart errors (ERESTARTSYS), which programs never see.
const RESTART: usize = 512;

/// Prints a call's outcome.
pub fn print(out: &mut Text, call: &Call, name: &str, kinds: &[Arg]) {
    match call.outcome {
        Some(Ok(value)) => success(out, call, name, kinds, value),
        Some(Err(errno)) => failure(out, errno),
        None => out.add("?"),
    }
}

fn failure(out: &mut Text, errno: Errno) {
    out.add(if errno.number() >= RESTART {
        "? "
    } else {
        "-1 "
    });
    match errno.name() {
        Some(name) => out.add(name),
        None => put!(out, "ERRNO_{}", errno.number()),
    }
    put!(out, " ({})", errno.text());
}

fn success(out: &mut Text, call: &Call, name: &str, kinds: &[Arg], value: u64) {
    match name {
        "brk" | "mmap" | "mmap2" | "mremap" | "shmat" => put!(out, "{value:#x}"),
        // The previous handler.
        "signal" if value > 1 => put!(out, "{value:#x}"),
        "signal" if value == 1 => out.add("0x1 (SIG_IGN)"),
        "sgetmask" | "ssetmask" => {
            put!(out, "{value:#x}");
            out.add(if name == "sgetmask" {
                " (mask "
            } else {
                " (old mask "
            });
            signal::set(out, value);
            out.add(")");
        }
        "umask" => file::permissions(out, value),
        "fcntl" | "fcntl64" => fcntl(out, call.args[1] as u32, value),
        "time" => {
            put!(out, "{value} (");
            structs::time::date(out, value as i64, 0);
            out.add(")");
        }
        _ => {
            put!(out, "{}", call.signed(value));
            details(out, call, name, kinds, value);
        }
    }
}

/// Prints the details in parentheses after a decimal result.
fn details(out: &mut Text, call: &Call, name: &str, kinds: &[Arg], value: u64) {
    match name {
        "poll" | "ppoll" | "ppoll_time64" | "select" | "_newselect" | "pselect6"
        | "pselect6_time64"
            if value == 0 =>
        {
            out.add(" (Timeout)");
        }
        "poll" | "ppoll" | "ppoll_time64" => {
            out.add(" ([");
            structs::file::poll_results(out, call, call.args[0], call.args[1]);
            out.add("]");
            time_left(out, call, kinds, 2, ", ");
            out.add(")");
        }
        "prctl" if call.args[0] as u32 == prctl::PR_GET_DUMPABLE => {
            if let Some(name) = names::lookup(value, process::DUMPABLE) {
                put!(out, " ({name})");
            }
        }
        "sched_getscheduler" => {
            if let Some(name) = names::lookup(value, process::SCHEDULERS) {
                put!(out, " ({name})");
            }
        }
        "rt_sigtimedwait" | "rt_sigtimedwait_time64" => {
            out.add(" (");
            signal::name(out, value);
            out.add(")");
        }
        "set_thread_area" => {
            if let Some(mut fields) = call.fields(call.args[0], 4) {
                put!(out, " (entry_number={})", fields.i32());
            }
        }
        _ if kinds.contains(&Arg::SelectFds) => selected(out, call, kinds),
        _ => {}
    }
}

/// Prints the sets that select(2) returned and the time left.
fn selected(out: &mut Text, call: &Call, kinds: &[Arg]) {
    let mut separator = " (";
    for (name, index) in [("in", 1), ("out", 2), ("except", 3)] {
        let set = structs::file::fd_set(call, call.args[index], call.args[0]);
        if let Some(set) = set.filter(|set| call.args[index] != 0 && set.as_str() != "[]") {
            put!(out, "{separator}{name} {}", set.as_str());
            separator = ", ";
        }
    }
    if time_left(out, call, kinds, 4, separator) || separator == ", " {
        out.add(")");
    }
}

/// Prints `separator` and the time left of a timeout; returns whether the call has a timeout.
fn time_left(out: &mut Text, call: &Call, kinds: &[Arg], index: usize, separator: &str) -> bool {
    let at = call.args[index];
    let (len, print): (_, Printer) = match kinds.get(index) {
        Some(Arg::Timeval) => ((16, 8), structs::time::timeval),
        Some(Arg::Timespec) => ((16, 8), structs::time::timespec),
        Some(Arg::Timespec64) => ((16, 16), structs::time::timespec64),
        _ => return false,
    };
    if at == 0 {
        return false;
    }
    put!(out, "{separator}left ");
    structs::sized(out, call, at, len, print);
    true
}

/// Prints fcntl(2)'s result, with the names of returned flags.
fn fcntl(out: &mut Text, command: u32, value: u64) {
    match command {
        linux::F_GETFD if value != 0 => {
            put!(out, "{value:#x} (flags ");
            names::flags(out, value, &[(1, "FD_CLOEXEC")], "FD_???");
            out.add(")");
        }
        linux::F_GETFL => {
            if value == 0 {
                out.add("0");
            } else {
                put!(out, "{value:#x}");
            }
            out.add(" (flags ");
            file::open_flags(out, value);
            out.add(")");
        }
        _ => put!(out, "{}", value as i64),
    }
}
