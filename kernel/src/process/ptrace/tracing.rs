//! State of a traced thread.

use alloc::sync::{Arc, Weak};

use bitflags::bitflags;
use linux_raw_sys::ptrace as linux;

use crate::abi::signal::SigInfo;
use crate::process::process::Process;
use crate::process::signal::interrupt;
use crate::process::status::ExitStatus;
use crate::process::task::Task;
use crate::sched::run_queue;

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
    pub(super) fn is_step(self) -> bool {
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
    /// The exit stop of the call in which the thread stopped for an event is due.
    pub exit_due: bool,
    /// Exit status, until the tracer has waited for it.
    pub ended: Option<ExitStatus>,
}

/// The tracer of `task`.
pub fn tracer_of(task: &Task) -> Option<Arc<Process>> {
    task.tracing.lock().as_ref()?.tracer.upgrade()
}

/// Called when job control continues the process of `task`: a seized thread reports it to its
/// tracer by another stop.
pub fn continued(task: &Arc<Task>) {
    let wake = task.tracing.lock().as_mut().is_some_and(|tracing| {
        tracing.stop_wanted |= tracing.seized;
        tracing.listening
    });
    if task.is_traced() {
        interrupt(task);
    }
    if wake {
        run_queue::wake_stopped(task);
    }
}
