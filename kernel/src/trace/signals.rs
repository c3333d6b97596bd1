//! Lines that are not calls: `--- SIGSEGV {...} ---` for a delivered signal and
//! `+++ exited with 0 +++` for the end of a thread.

use super::line::whole;
use super::names::signal;
use super::structs;
use super::text::Text;
use crate::abi::signal::SigInfo;
use crate::process::current;
use crate::process::status::ExitStatus;

/// Prints the line of a signal that is delivered to the running thread.
pub fn arrived(info: &SigInfo) {
    let mut line = Text::new();
    line.add("--- ");
    signal::name(&mut line, info.signo.into());
    line.add(" ");
    structs::signal::info_fields(&mut line, info);
    line.add(" ---");
    whole(current().tid(), None, format_args!("{}", line.as_str()));
}

/// Prints the line of the running thread's end.
pub fn ended(status: ExitStatus) {
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
