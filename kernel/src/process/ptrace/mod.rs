//! ptrace(2): a tracer stops the threads of another process, and reads and changes their state.
//!
//! Reading order: `stop.rs` (the tracee's side: where a thread stops and what it reports),
//! `control.rs` (the tracer's side: attaching and resuming), `end.rs` (detaching and exit);
//! `registers.rs`, `float.rs`, `user.rs`, `regset.rs` and `debug.rs` (a stopped thread's
//! registers), `call.rs` (its system call). The requests themselves are in `syscall/ptrace.rs`.
//!
//! Left out of Linux: seccomp events, checkpoint requests other than PTRACE_GETSIGMASK and
//! PTRACE_SETSIGMASK, syscall user dispatch, PTRACE_SINGLEBLOCK by branches (it steps by
//! instruction, as on a CPU without BTF), and the restriction of requests to the attaching
//! *thread*: any thread of its process may make them.

use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering;

use bitflags::bitflags;
use linux_raw_sys::ptrace as linux;

use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::abi::signal::SigInfo;
use crate::process::status::ExitStatus;
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
        /// Report stops at system calls with bit 7 set in the signal.
        const TRACESYSGOOD = linux::PTRACE_O_TRACESYSGOOD;
        /// Stop at fork.
        const TRACEFORK = linux::PTRACE_O_TRACEFORK;
        /// Stop at vfork.
        const TRACEVFORK = linux::PTRACE_O_TRACEVFORK;
        /// Stop at clone.
        const TRACECLONE = linux::PTRACE_O_TRACECLONE;
        /// Stop at execve.
        const TRACEEXEC = linux::PTRACE_O_TRACEEXEC;
        /// Stop after vfork(2), when the child has released its parent.
        const TRACEVFORKDONE = linux::PTRACE_O_TRACEVFORKDONE;
        /// Stop before exit.
        const TRACEEXIT = linux::PTRACE_O_TRACEEXIT;
        /// Accepted; there is no seccomp to report.
        const TRACESECCOMP = linux::PTRACE_O_TRACESECCOMP;
        /// Kill the tracees when the tracer ends.
        const EXITKILL = linux::PTRACE_O_EXITKILL;
    }
}

/// Up to which stop a tracee was resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// To the next signal or event (PTRACE_CONT).
    #[default]
    Run,
    /// To the next entry to or exit from a system call (PTRACE_SYSCALL).
    Syscall,
    /// To the next entry to a system call, which is not executed (PTRACE_SYSEMU).
    Sysemu,
    /// One instruction (PTRACE_SINGLESTEP).
    Step,
    /// One instruction; a system call is not executed (PTRACE_SYSEMU_SINGLESTEP).
    SysemuStep,
}

impl Mode {
    fn is_step(self) -> bool {
        matches!(self, Self::Step | Self::SysemuStep)
    }
}

/// Reason of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A signal is about to be delivered.
    Signal,
    /// Entry to a system call.
    Entry,
    /// Exit from a system call.
    Exit,
    /// A `PTRACE_EVENT_*`.
    Event,
    /// A group stop by job control, or PTRACE_INTERRUPT.
    Group,
}

impl Reason {
    /// Whether the signal with which the tracer resumes the thread is delivered (the callers of
    /// ptrace_stop in kernel/signal.c).
    pub fn takes_signal(self) -> bool {
        matches!(self, Self::Signal | Self::Entry | Self::Exit)
    }
}

/// A stop of a tracee.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// Reason of the stop.
    pub reason: Reason,
    /// Bits 8 and up of wait(2)'s status: signal, then event.
    pub code: u32,
    /// The signal's information (PTRACE_GETSIGINFO, PTRACE_SETSIGINFO).
    pub info: SigInfo,
    /// Whether wait(2) has reported the stop.
    pub told: bool,
    /// The signal with which the tracer resumes the thread; 0: none.
    pub signal: u8,
}

/// State of a traced thread.
#[derive(Debug)]
pub struct Tracing {
    /// The tracer.
    pub tracer: Weak<Process>,
    /// Whether the tracer had CAP_SYS_PTRACE when it attached: execve(2) may then grant privileges
    /// to the tracee.
    pub may_watch: bool,
    /// PTRACE_SETOPTIONS.
    pub options: Options,
    /// Whether the tracer attached by PTRACE_SEIZE.
    pub seized: bool,
    /// Up to which stop the thread was resumed.
    pub mode: Mode,
    /// The present stop.
    pub stop: Option<Stop>,
    /// Message of the last event (PTRACE_GETEVENTMSG).
    pub message: u64,
    /// The thread must stop before its return to user mode (PTRACE_INTERRUPT, JOBCTL_TRAP_STOP).
    pub stop_wanted: bool,
    /// PTRACE_LISTEN: the thread stays stopped, and reports the end of the group stop.
    pub listening: bool,
    /// TF in the saved flags was set by the tracer, not by the program (TIF_FORCED_TF).
    pub forced_tf: bool,
    /// Exit status, until the tracer has waited for it.
    pub ended: Option<ExitStatus>,
}

/// The caller's IDs in an access check (PTRACE_MODE_FSCREDS, PTRACE_MODE_REALCREDS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// File-system IDs and effective capabilities, for /proc.
    FileSystem,
    /// Real IDs and permitted capabilities, for system calls.
    Real,
}

/// Whether the running thread may read and change the state of `target`.
pub fn may_access(target: &Task, ids: Ids) -> bool {
    may_access_process(&target.process, &target.cred(), ids)
}

/// Whether the running thread may read and change the state of a process with the credentials `its`
/// (__ptrace_may_access in kernel/ptrace.c, cap_ptrace_access_check). Allowed are: threads of the
/// process itself; a thread whose IDs equal all of the target's user and group IDs and that has all
/// of its permitted capabilities, if the target is dumpable (PR_SET_DUMPABLE); CAP_SYS_PTRACE.
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

/// The tracer of `task`.
pub fn tracer_of(task: &Task) -> Option<Arc<Process>> {
    task.tracing.lock().as_ref()?.tracer.upgrade()
}
