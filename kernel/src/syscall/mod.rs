//! System calls: both tables, and the handlers by subject.
//!
//! `entry/call.rs` takes a call's handler from [`table`] by its number. A row of the table makes a
//! [`Handler`] of six registers from a function with typed arguments: `FromRegister`
//! (`argument.rs`) converts each argument, `to_rax` (`abi/errno.rs`) the result.
//!
//! A handler copies its arguments from user memory, checks them in Linux's order, calls the folder
//! that does the work, and copies the results to user memory. State is kept by those folders.
//!
//! | subject | files | work |
//! |---|---|---|
//! | table | `table`, `counters`, `low_memory`, `argument` | |
//! | descriptors and I/O | `open`, `io`, `rwf`, `fcntl`, `lock`, `splice`, `sendfile`, `memfd`, `poll`, `select`, `epoll`, `eventfd`, `timerfd`, `inotify` | `vfs/` |
//! | paths and attributes | `user_path`, `dir`, `dirent`, `special`, `getdents`, `stat`, `statfs`, `attr`, `utime`, `xattr`, `truncate`, `mount` | `vfs/` |
//! | memory | `memory`, `advice`, `mlock`, `process_vm` | `vm/` |
//! | processes and threads | `clone`, `proc`, `wait`, `pidfd`, `thread`, `tls`, `ldt`, `ports`, `futex`, `futex2`, `rseq`, `membarrier`, `prctl`, `ptrace`, `kcmp` | `process/` |
//! | signals | `signal` | `process/signal/` |
//! | identity and resources | `ids`, `ids16`, `capability`, `limits`, `usage`, `priority`, `sched`, `sched_policy` | `process/` |
//! | time | `time`, `timex`, `cpu_clock`, `sleep`, `timer`, `itimer` | `time/`, `process/timers/` |
//! | sockets | `socket`, `message`, `mmsg`, `cmsg`, `sockopt`, `socketcall` | `net/` |
//! | system | `system` | `dev/` |
//!
//! Floor 12: it may use every lower floor (tests/floors/floors.txt), and `trace/` beside it.
//! CONTRIBUTING.md has the steps to add a call.
//!
//! Left out of Linux (docs/SYSCALLS.md has each call): System V IPC and POSIX message queues;
//! asynchronous I/O and io_uring; seccomp, BPF, Landlock and other security modules; keys;
//! performance events; kernel modules and kexec; swap, quotas and NUMA policies; fanotify; file
//! handles; mount descriptors; userfaultfd; vm86. These calls return `ENOSYS`, and the log names
//! each at its first use. clone(2), unshare(2) and setns(2) refuse namespaces. Nice values,
//! scheduling policies and I/O priorities are stored without effect.

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as
// unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

use crate::process;

mod advice;
mod argument;
mod attr;
mod capability;
mod clone;
mod cmsg;
pub mod counters;
mod cpu_clock;
mod dir;
pub mod dirent;
mod epoll;
mod eventfd;
mod fcntl;
mod futex;
mod futex2;
mod getdents;
mod ids;
mod ids16;
mod inotify;
mod io;
mod itimer;
mod kcmp;
mod ldt;
mod limits;
mod lock;
pub mod low_memory;
mod membarrier;
mod memfd;
mod memory;
mod message;
mod mlock;
pub mod mmsg;
mod mount;
mod open;
mod pidfd;
mod poll;
mod ports;
mod prctl;
mod priority;
mod proc;
mod process_vm;
mod ptrace;
mod rseq;
mod rwf;
mod sched;
pub mod sched_policy;
mod select;
pub mod sendfile;
mod signal;
mod sleep;
mod socket;
pub mod socketcall;
mod sockopt;
pub mod special;
mod splice;
mod stat;
mod statfs;
pub mod system;
pub mod table;
mod thread;
mod time;
mod timer;
mod timerfd;
mod timex;
mod tls;
pub mod truncate;
mod usage;
pub mod user_path;
mod utime;
mod wait;
mod xattr;

use crate::abi::errno::{Errno, to_rax};

/// Handler with the six argument registers, which the entry stubs call; returns rax's value.
pub type Handler = extern "C" fn(u64, u64, u64, u64, u64, u64) -> u64;

/// Handler of the numbers for which Linux has no call either: returns `ENOSYS`.
pub extern "C" fn no_call(_: u64, _: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    to_rax(Err(Errno::ENOSYS))
}

/// Handler of Linux's calls that have none here: logs the first use and returns `ENOSYS`.
pub extern "C" fn not_implemented(_: u64, _: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    let task = process::current();
    let frame = task.frame();
    if let Some(table) = frame.table() {
        table::log_unknown(table, frame.orig_rax as u32);
    }
    to_rax(Err(Errno::ENOSYS))
}
