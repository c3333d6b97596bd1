//! The information of signals that concern a process: sent by the running one, or about a child.

use linux_raw_sys::general as linux;

use crate::abi::signal::{Fields, SIGCHLD, SigInfo};
use crate::process::{Process, current, rusage};

impl SigInfo {
    fn from_caller(signo: u8, code: i32) -> Self {
        let task = current();
        Self {
            signo,
            errno: 0,
            code,
            fields: Fields::Kill {
                pid: task.process.pid,
                uid: task.cred.lock().uid,
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
