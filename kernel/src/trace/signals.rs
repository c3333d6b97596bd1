//! The lines between calls: `--- SIGSEGV {...} ---` for an exception of the program's own, and
//! `+++ exited with 0 +++` at its end.

use super::line::whole;
use super::names::signal;
use super::strings::address;
use super::text::{Text, put};
use crate::mm::fault::FaultError;
use crate::process::current;
use crate::process::exit::ExitStatus;

/// Called when a page that the program touched cannot be had.
pub fn page_fault(number: u8, error: FaultError, at: u64) {
    let code = match error {
        FaultError::NotMapped => "SEGV_MAPERR",
        FaultError::NotAllowed => "SEGV_ACCERR",
        FaultError::PastEnd => "BUS_ADRERR",
        FaultError::OutOfMemory => "SI_KERNEL",
    };
    arrived(number, Some(code), Some(at));
}

/// Called when an instruction of the program at `ip` raised the exception `vector`
/// (arch/x86/kernel/traps.c: which code and address Linux reports for each).
pub fn exception(number: u8, vector: u8, ip: u64) {
    let (code, at) = match vector {
        0 => (Some("FPE_INTDIV"), Some(ip)),
        1 => (Some("TRAP_TRACE"), None),
        3 => (Some("SI_KERNEL"), None),
        6 => (Some("ILL_ILLOPN"), Some(ip)),
        // Which of the floating-point errors it was stands in the x87 or SSE status.
        16 | 19 => (None, Some(ip)),
        17 => (Some("BUS_ADRALN"), Some(0)),
        _ => (Some("SI_KERNEL"), Some(0)),
    };
    arrived(number, code, at);
}

fn arrived(number: u8, code: Option<&str>, at: Option<u64>) {
    if !super::is_on() {
        return;
    }
    let mut line = Text::new();
    line.add("--- ");
    signal::name(&mut line, number.into());
    line.add(" {si_signo=");
    signal::name(&mut line, number.into());
    if let Some(code) = code {
        put!(&mut line, ", si_code={code}");
    }
    if let Some(at) = at {
        line.add(", si_addr=");
        address(&mut line, at);
    }
    line.add("} ---");
    whole(current().tid(), None, format_args!("{}", line.as_str()));
}

/// Called when the running process ends.
pub fn ended(status: ExitStatus) {
    if !super::is_on() {
        return;
    }
    let tid = current().tid();
    match status {
        ExitStatus::Exited(code) => whole(tid, None, format_args!("+++ exited with {code} +++")),
        ExitStatus::Killed(number) => {
            let mut name = Text::new();
            signal::name(&mut name, number.into());
            whole(
                tid,
                None,
                format_args!("+++ killed by {} +++", name.as_str()),
            );
        }
    }
}
