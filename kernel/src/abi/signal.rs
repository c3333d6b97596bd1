//! Signals: their numbers, sets of them, and the kernel's representation of `siginfo_t`.
//!
//! The fields of a [`SigInfo`] are stored by meaning. `process/signal/layout.rs` converts them to
//! the layout of either width for a handler, a waiting call or a tracer.

use linux_raw_sys::general as linux;

use super::errno::Errno;

/// Number of signals, which count from 1 (_NSIG).
pub const NSIG: u8 = 64;

// All signals of signal(7), also those that the kernel doesn't name elsewhere.
#[allow(missing_docs, dead_code)]
mod numbers {
    pub const SIGHUP: u8 = 1;
    pub const SIGINT: u8 = 2;
    pub const SIGQUIT: u8 = 3;
    pub const SIGILL: u8 = 4;
    pub const SIGTRAP: u8 = 5;
    pub const SIGABRT: u8 = 6;
    pub const SIGBUS: u8 = 7;
    pub const SIGFPE: u8 = 8;
    pub const SIGKILL: u8 = 9;
    pub const SIGUSR1: u8 = 10;
    pub const SIGSEGV: u8 = 11;
    pub const SIGUSR2: u8 = 12;
    pub const SIGPIPE: u8 = 13;
    pub const SIGALRM: u8 = 14;
    pub const SIGTERM: u8 = 15;
    pub const SIGSTKFLT: u8 = 16;
    pub const SIGCHLD: u8 = 17;
    pub const SIGCONT: u8 = 18;
    pub const SIGSTOP: u8 = 19;
    pub const SIGTSTP: u8 = 20;
    pub const SIGTTIN: u8 = 21;
    pub const SIGTTOU: u8 = 22;
    pub const SIGURG: u8 = 23;
    pub const SIGXCPU: u8 = 24;
    pub const SIGXFSZ: u8 = 25;
    pub const SIGVTALRM: u8 = 26;
    pub const SIGPROF: u8 = 27;
    pub const SIGWINCH: u8 = 28;
    pub const SIGIO: u8 = 29;
    pub const SIGPWR: u8 = 30;
    pub const SIGSYS: u8 = 31;
}
pub use numbers::*;

/// `SIG_DFL`.
pub const DEFAULT: u64 = 0;
/// `SIG_IGN`.
pub const IGNORE: u64 = 1;

/// The bit of a signal in a mask.
pub const fn bit(signal: u8) -> u64 {
    1 << (signal - 1)
}

/// Signals whose default action is to be ignored.
pub const IGNORED_BY_DEFAULT: u64 = bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH);
/// Signals whose default action is to stop.
pub const STOPPING: u64 = bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);
/// Signals whose default action is to dump core (SIG_KERNEL_COREDUMP_MASK).
pub const DUMPING: u64 = SYNCHRONOUS | bit(SIGQUIT) | bit(SIGABRT) | bit(SIGXCPU) | bit(SIGXFSZ);

/// Signals raised by instructions, delivered before others (SYNCHRONOUS_MASK).
pub const SYNCHRONOUS: u64 =
    bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGFPE) | bit(SIGSYS);
/// Signals that can be neither blocked nor handled.
pub const UNBLOCKABLE: u64 = bit(SIGKILL) | bit(SIGSTOP);

/// Checks a signal number from a program, 0 (a test of the target's existence) to [`NSIG`].
///
/// # Errors
/// `EINVAL` for any other.
pub fn check_number(signal: i32) -> Result<u8, Errno> {
    u8::try_from(signal)
        .ok()
        .filter(|s| *s <= NSIG)
        .ok_or(Errno::EINVAL)
}

/// A signal and its information (struct kernel_siginfo).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigInfo {
    /// Number, from 1.
    pub signo: u8,
    /// `si_errno`: almost always 0.
    pub errno: i32,
    /// `si_code`: origin of the signal (`SI_*`, `SEGV_*`, `CLD_*` ...).
    pub code: i32,
    /// The fields that depend on the kind of signal.
    pub fields: Fields,
}

/// The union of `siginfo_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// Sent by a process (kill(2)) or the kernel.
    Kill {
        /// Sender's process ID; 0 for the kernel.
        pid: u32,
        /// Sender's real user ID.
        uid: u32,
    },
    /// Sent with a value (sigqueue(3)).
    Queue {
        /// Sender's process ID.
        pid: u32,
        /// Sender's real user ID.
        uid: u32,
        /// `si_value`, pointer-sized.
        value: u64,
    },
    /// A POSIX timer expired.
    Timer {
        /// The timer's ID.
        id: i32,
        /// Further expirations before the delivery (`si_overrun`).
        overrun: i32,
        /// `sigev_value`.
        value: u64,
    },
    /// A child ended, stopped or was continued.
    Child {
        /// Process ID of the child (for a tracer, the ID of the thread).
        pid: u32,
        /// Real user ID of the child.
        uid: u32,
        /// Exit status or signal.
        status: i32,
        /// User CPU time in clock ticks (1/100 s).
        utime: i64,
        /// System CPU time in clock ticks.
        stime: i64,
    },
    /// An exception of the program.
    Fault {
        /// `si_addr`.
        addr: u64,
        /// `si_pkey`, for `SEGV_PKUERR`; else 0.
        key: u32,
    },
    /// A file became ready (SIGIO).
    Poll {
        /// `si_band`: `POLLIN` and others.
        band: i64,
        /// The descriptor.
        fd: i32,
    },
}

impl SigInfo {
    /// A signal from the kernel (`SI_KERNEL`).
    pub fn kernel(signo: u8) -> Self {
        Self {
            signo,
            errno: 0,
            code: linux::SI_KERNEL as i32,
            fields: Fields::Kill { pid: 0, uid: 0 },
        }
    }

    /// The signal of an exception at `addr`.
    pub fn fault(signo: u8, code: i32, addr: u64) -> Self {
        Self {
            signo,
            errno: 0,
            code,
            fields: Fields::Fault { addr, key: 0 },
        }
    }

    /// The signal of an expired POSIX timer (`SI_TIMER`).
    pub fn timer(signo: u8, id: i32, value: u64) -> Self {
        Self {
            signo,
            errno: 0,
            code: linux::SI_TIMER,
            fields: Fields::Timer {
                id,
                overrun: 0,
                value,
            },
        }
    }
}
