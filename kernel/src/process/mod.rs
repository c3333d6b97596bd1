//! Processes and threads: creation, execve, exit and wait, signals, job control, futexes, timers,
//! ptrace.
//!
//! A [`Process`] (`process.rs`) has what its threads share: address space, open files, signal
//! actions, children. A [`Task`] (`task.rs`) is one thread: kernel stack, registers, signal mask,
//! credentials.
//!
//! Floor 10: it may use the floors below it, abi to vfs (tests/floors/floors.txt). The handlers of
//! `syscall/` call it; `entry` calls it for exceptions (`fault.rs`) and before a return to user
//! mode (`entry/exit_work.rs`).
//!
//! | subject | files |
//! |---|---|
//! | structures, lookup by ID | `process`, `task`, `mm`, `table`, `pid`; parts: `status`, `usage`, `oom_score`, `terminal` |
//! | creation | `clone` (arguments), `fork`, `vfork`, `nproc` (a limit), `init` |
//! | execve | `exec`, `elf`, `arguments`, `stack`, `setid`, `exec_threads` |
//! | exit and wait | `exit`, `children`, `notify`, `orphans`, `robust`, `accounting` |
//! | signals | `signal/`, `fault` (exceptions), `instruction`, `far` |
//! | job control | `jobs`, `stop`, `hangup` |
//! | identity and resources | `cred`, `capability`, `attributes`, `rusage`, `oom`, `uts` |
//! | synchronization and time | `futex/`, `rseq`, `timers/` |
//! | debugging | `ptrace/`, `call_log` (events for `trace/`) |
//! | fault injection, in test builds | `injection` |
//!
//! Read `fork.rs`, `exec.rs`, `exit.rs` and `children.rs` first: the life of a process. Then
//! `signal/mod.rs`.
//!
//! Left out of Linux (docs/SYSCALLS.md has each call): namespaces and control groups; threads with
//! a table of open files or a working directory of their own; core files; seccomp; scheduling
//! policies and nice values, which are stored without effect; POSIX CPU-time timers of other
//! processes; the parent-death signal at the exit of a parent's thread (it follows the exit of the
//! process). `ptrace/mod.rs` has what is left out there.

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as
// unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

pub mod accounting;
pub mod arguments;
pub mod attributes;
pub mod call_log;
pub mod caller;
pub mod capability;
pub mod children;
pub mod clone;
mod cred;
pub mod elf;
pub mod exec;
pub mod exec_threads;
pub mod exit;
mod far;
pub mod fault;
pub mod fork;
pub mod futex;
pub mod hangup;
pub mod init;
#[cfg(debug_assertions)]
pub mod injection;
pub mod instruction;
pub mod jobs;
mod mm;
mod notify;
pub mod nproc;
pub mod oom;
pub mod oom_score;
mod orphans;
pub mod pid;
pub mod pidfd;
#[expect(
    clippy::module_inception,
    reason = "the floor has the name of its main structure"
)]
mod process;
pub mod ptrace;
pub mod robust;
pub mod rseq;
pub mod rusage;
mod setid;
pub mod signal;
mod stack;
pub mod status;
pub mod stop;
pub mod table;
pub mod task;
pub mod terminal;
pub mod timers;
pub mod usage;
pub mod uts;
mod vfork;

pub use mm::{Mm, SharedMm};
pub use process::Process;
pub use task::{Current, Task, current, current_task, try_current};
