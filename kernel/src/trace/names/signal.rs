//! Names of signals and their codes, and constants of signal calls.

use super::{Name, lookup, names};
use crate::mm::fallible::put;
use crate::trace::text::Text;

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

/// `si_code` of any signal.
pub const CODES: &[Name] = names!(linux_raw_sys::general:
    SI_USER SI_KERNEL SI_QUEUE SI_TIMER SI_MESGQ SI_ASYNCIO SI_SIGIO SI_TKILL SI_DETHREAD
    SI_ASYNCNL);
const ILL: &[Name] = names!(linux_raw_sys::general:
    ILL_ILLOPC ILL_ILLOPN ILL_ILLADR ILL_ILLTRP ILL_PRVOPC ILL_PRVREG ILL_COPROC ILL_BADSTK);
const FPE: &[Name] = names!(linux_raw_sys::general:
    FPE_INTDIV FPE_INTOVF FPE_FLTDIV FPE_FLTOVF FPE_FLTUND FPE_FLTRES FPE_FLTINV FPE_FLTSUB);
const SEGV: &[Name] = names!(linux_raw_sys::general: SEGV_MAPERR SEGV_ACCERR SEGV_BNDERR);
const BUS: &[Name] = names!(linux_raw_sys::general: BUS_ADRALN BUS_ADRERR BUS_OBJERR);
const TRAP: &[Name] = names!(linux_raw_sys::general:
    TRAP_BRKPT TRAP_TRACE TRAP_BRANCH TRAP_HWBKPT);
const CLD: &[Name] = names!(linux_raw_sys::general:
    CLD_EXITED CLD_KILLED CLD_DUMPED CLD_TRAPPED CLD_STOPPED CLD_CONTINUED);

/// `si_code` values specific to signal `number`.
fn specific_codes(number: u8) -> &'static [Name] {
    match number {
        4 => ILL,
        5 => TRAP,
        7 => BUS,
        8 => FPE,
        11 => SEGV,
        17 => CLD,
        _ => &[],
    }
}

/// Prints `si_code`: its name, or its number.
pub fn code(out: &mut Text, number: u8, code: i32) {
    let value = i64::from(code) as u64;
    match lookup(value, CODES).or_else(|| lookup(value, specific_codes(number))) {
        Some(name) => out.add(name),
        None => put!(out, "{code}"),
    }
}

const SIGNALS: &[Name] = names!(linux_raw_sys::general:
    SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2
    SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG
    SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS);
/// First real-time signal in the kernel's numbering; C libraries keep the first two for themselves.
const RTMIN: u64 = 32;
/// Last signal.
const RTMAX: u64 = 64;

/// Prints a signal's name; a number that is not a signal's as decimal.
pub fn name(out: &mut Text, number: u64) {
    match lookup(number, SIGNALS) {
        Some(name) => out.add(name),
        None if number == RTMIN => out.add("SIGRTMIN"),
        None if (RTMIN..=RTMAX).contains(&number) => put!(out, "SIGRT_{}", number - RTMIN),
        None => put!(out, "{number}"),
    }
}

/// Prints a handler: `SIG_DFL`, `SIG_IGN`, or its address.
pub fn handler(out: &mut Text, address: u64) {
    match address {
        0 => out.add("SIG_DFL"),
        1 => out.add("SIG_IGN"),
        _ => put!(out, "{address:#x}"),
    }
}

/// Prints a signal set: `[INT CHLD]`, or the complement of a set of two thirds or more:
/// `~[KILL STOP]`.
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
