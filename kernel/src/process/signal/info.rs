//! The kernel's representation of `siginfo_t`.
//!
//! The fields are stored by meaning. `layout.rs` converts them to the layout of either width for a
//! handler, a waiting call or a tracer.

use linux_raw_sys::general as linux;

use super::SIGCHLD;
use crate::process::{Process, current, rusage};

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

    fn from_caller(signo: u8, code: i32) -> Self {
        let task = current();
        Self {
            signo,
            errno: 0,
            code,
            fields: Fields::Kill {
                pid: task.process.pid,
                uid: task.cred().uid,
            },
        }
    }

    /// A signal of kill(2) by the running process (`SI_USER`).
    pub fn user(signo: u8) -> Self {
        Self::from_caller(signo, linux::SI_USER as i32)
    }

    /// A signal of tkill(2) or tgkill(2) by the running process (`SI_TKILL`).
    pub fn tkill(signo: u8) -> Self {
        Self::from_caller(signo, linux::SI_TKILL)
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

    /// SIGCHLD for a change of `child`: `code` is `CLD_*`, `status` the exit status or signal.
    pub fn child(child: &Process, code: i32, status: i32) -> Self {
        let used = rusage::of_process(child);
        let ticks = |nanos: u64| (nanos / 10_000_000) as i64;
        Self {
            signo: SIGCHLD,
            errno: 0,
            code,
            fields: Fields::Child {
                pid: child.pid,
                uid: child.cred().uid,
                status,
                utime: ticks(used.user),
                stime: ticks(used.system),
            },
        }
    }
}
