//! ptrace(2): one process holds the threads of another, looks at them and changes them.
//!
//! `stop.rs` is the traced side: where a thread stops and what it says. `control.rs` is the
//! tracer's: taking a thread over, letting it go on; `end.rs` is how it ends. `registers.rs`,
//! `float.rs`, `user.rs`, `regset.rs` and `debug.rs` show a stopped thread's registers, `call.rs`
//! the system call it is in. The requests themselves are in `syscall/ptrace.rs`.
//!
//! Left out: seccomp events, checkpoint requests (PTRACE_GETSIGMASK apart), syscall user dispatch,
//! and that only the attaching *thread* may make requests: any thread of its process may.

use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering;

use bitflags::bitflags;
use linux_raw_sys::ptrace as linux;

use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::process::exit::ExitStatus;
use crate::process::signal::SigInfo;
use crate::process::{Process, Task, current};

pub mod call;
pub mod control;
pub mod debug;
pub mod end;
pub mod float;
pub mod registers;
pub mod regset;
pub mod stop;
pub mod user;

bitflags! {
    /// PTRACE_SETOPTIONS.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Options: u32 {
        /// Bit 7 of the signal marks a stop at a system call.
        const TRACESYSGOOD = linux::PTRACE_O_TRACESYSGOOD;
        /// Stop at fork.
        const TRACEFORK = linux::PTRACE_O_TRACEFORK;
        /// Stop at vfork.
        const TRACEVFORK = linux::PTRACE_O_TRACEVFORK;
        /// Stop at clone.
        const TRACECLONE = linux::PTRACE_O_TRACECLONE;
        /// Stop at execve.
        const TRACEEXEC = linux::PTRACE_O_TRACEEXEC;
        /// Stop when vfork's child has let its parent go on.
        const TRACEVFORKDONE = linux::PTRACE_O_TRACEVFORKDONE;
        /// Stop before the end.
        const TRACEEXIT = linux::PTRACE_O_TRACEEXIT;
        /// Accepted; there is no seccomp to report.
        const TRACESECCOMP = linux::PTRACE_O_TRACESECCOMP;
        /// Kill the traced when the tracer ends.
        const EXITKILL = linux::PTRACE_O_EXITKILL;
    }
}

/// How far a traced thread was let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Until something happens to it (PTRACE_CONT).
    #[default]
    Run,
    /// To the next way in or out of a system call.
    Syscall,
    /// To the next way in, and that call is not to be done.
    Sysemu,
    /// One instruction.
    Step,
    /// One instruction; a system call is not to be done.
    SysemuStep,
}

impl Mode {
    fn is_step(self) -> bool {
        matches!(self, Self::Step | Self::SysemuStep)
    }
}

/// What a thread stopped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A signal is about to be delivered.
    Signal,
    /// The way into a system call.
    Entry,
    /// The way out of one.
    Exit,
    /// A `PTRACE_EVENT_*`.
    Event,
    /// Its process is stopped by job control, or PTRACE_INTERRUPT.
    Group,
}

impl Reason {
    /// Whether the signal counts that the tracer lets the thread go on with (the callers of
    /// ptrace_stop in kernel/signal.c).
    pub fn takes_signal(self) -> bool {
        matches!(self, Self::Signal | Self::Entry | Self::Exit)
    }
}

/// A stop, as the tracer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// What it stopped for.
    pub reason: Reason,
    /// The second byte and what is above it in wait(2)'s status: signal, then event.
    pub code: u32,
    /// PTRACE_GETSIGINFO, and what PTRACE_SETSIGINFO made of it.
    pub info: SigInfo,
    /// Whether wait(2) has reported the stop.
    pub told: bool,
    /// The signal that the tracer lets it go on with; 0: none.
    pub signal: u8,
}

/// That a thread is traced, and how.
#[derive(Debug)]
pub struct Tracing {
    /// By whom.
    pub tracer: Weak<Process>,
    /// Whether the tracer had CAP_SYS_PTRACE when it attached: the tracee may gain rights by
    /// execve(2).
    pub may_watch: bool,
    /// PTRACE_SETOPTIONS.
    pub options: Options,
    /// Whether PTRACE_SEIZE began it.
    pub seized: bool,
    /// How far it was let go.
    pub mode: Mode,
    /// While it is held.
    pub stop: Option<Stop>,
    /// PTRACE_GETEVENTMSG.
    pub message: u64,
    /// It has to stop as soon as it can (PTRACE_INTERRUPT).
    pub stop_wanted: bool,
    /// PTRACE_LISTEN: held, but told when job control lets go.
    pub listening: bool,
    /// TF in its flags is the tracer's, not its own.
    pub forced_tf: bool,
    /// How it ended, while the tracer has not been told.
    pub ended: Option<ExitStatus>,
}

/// Which IDs of the caller's a check goes by (PTRACE_MODE_FSCREDS, PTRACE_MODE_REALCREDS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Those of file access, and the effective capabilities: /proc.
    FileSystem,
    /// The real ones, and the permitted capabilities: system calls.
    Real,
}

/// Whether the running thread may look into `target` and change it.
pub fn may_access(target: &Task, ids: Ids) -> bool {
    may_access_process(&target.process, &target.cred(), ids)
}

/// The same of a process that acts as `its` says (__ptrace_may_access in kernel/ptrace.c and
/// cap_ptrace_access_check): its own threads; who has the same user and group in every respect and
/// no fewer capabilities, unless it keeps to itself (PR_SET_DUMPABLE); CAP_SYS_PTRACE.
pub fn may_access_process(target: &Process, its: &Credentials, ids: Ids) -> bool {
    let me = current();
    if core::ptr::eq(&raw const *me.process, target) {
        return true;
    }
    let mine = me.cred();
    let (caller, capabilities) = match ids {
        Ids::FileSystem => ((mine.fsuid, mine.fsgid), mine.effective),
        Ids::Real => ((mine.uid, mine.gid), mine.permitted),
    };
    mine.has(Caps::SYS_PTRACE)
        || target.is_dumpable.load(Ordering::Relaxed)
            && its.is_all(caller)
            && capabilities.contains(its.permitted)
}

/// The process that traces `task`.
pub fn tracer_of(task: &Task) -> Option<Arc<Process>> {
    task.tracing.lock().as_ref()?.tracer.upgrade()
}
