//! Signals and what goes with them.

use super::{Name, lookup, names};
use crate::trace::text::{Text, put};

/// sigprocmask(2).
pub const HOW: &[Name] = names!(linux_raw_sys::general: SIG_BLOCK SIG_UNBLOCK SIG_SETMASK);
/// `SA_*`.
pub const ACTION: &[Name] = &[
    (0x0400_0000, "SA_RESTORER"),
    (0x0800_0000, "SA_ONSTACK"),
    (0x1000_0000, "SA_RESTART"),
    (0x2000_0000, "SA_INTERRUPT"),
    (0x4000_0000, "SA_NODEFER"),
    (0x8000_0000, "SA_RESETHAND"),
    (4, "SA_SIGINFO"),
    (1, "SA_NOCLDSTOP"),
    (2, "SA_NOCLDWAIT"),
];
/// sigaltstack(2).
pub const STACK: &[Name] = names!(linux_raw_sys::general: SS_ONSTACK SS_DISABLE);

const SIGNALS: &[Name] = names!(linux_raw_sys::general:
    SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2
    SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG
    SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS);
/// First real-time signal as the kernel counts.
const RTMIN: u64 = 32;
/// Last signal.
const RTMAX: u64 = 64;

/// A signal's name; a number that is none's as itself.
pub fn name(out: &mut Text, number: u64) {
    match lookup(number, SIGNALS) {
        Some(name) => out.add(name),
        None if number == RTMIN => out.add("SIGRTMIN"),
        None if (RTMIN..=RTMAX).contains(&number) => put!(out, "SIGRT_{}", number - RTMIN),
        None => put!(out, "{number}"),
    }
}

/// A set: `[INT CHLD]`; one that holds at least two thirds by what it lacks: `~[KILL STOP]`.
pub fn set(out: &mut Text, bits: u64) {
    let mut shown = bits;
    if bits.count_ones() >= 64 * 2 / 3 {
        out.add("~");
        shown = !bits;
    }
    out.add("[");
    let mut separator = "";
    for number in (1..=RTMAX).filter(|number| shown >> (number - 1) & 1 != 0) {
        out.add(separator);
        separator = " ";
        match lookup(number, SIGNALS) {
            Some(name) => out.add(&name["SIG".len()..]),
            None if number == RTMIN => out.add("RTMIN"),
            None => put!(out, "RT_{}", number - RTMIN),
        }
    }
    out.add("]");
}
