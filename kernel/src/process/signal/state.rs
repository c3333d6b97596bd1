//! Signal state of threads and processes.

use super::alternate::AlternateStack;
use super::queue::Pending;
use crate::abi::errno::SysResult;
use crate::process::status::{ExitStatus, News, StopState};

/// Signal state of a thread; bit `n - 1` of a mask is signal `n`.
#[derive(Debug, Default)]
pub struct TaskSignals {
    /// Blocked signals (the mask).
    pub blocked: u64,
    /// The mask to restore after the present call (sigsuspend(2), ppoll(2)).
    pub saved: Option<u64>,
    /// Signals that rt_sigtimedwait(2) unblocks while it waits, which must not be discarded as
    /// ignored (real_blocked).
    pub awaited: u64,
    /// Signals pending for this thread.
    pub pending: Pending,
    /// Signals forced by an exception of this thread, which also kill init.
    pub forced: u64,
    /// The thread must join the group stop of its process (JOBCTL_STOP_PENDING).
    pub stop_pending: bool,
    /// The thread must end with this status: it was killed, or its process ends or calls execve(2)
    /// in another thread.
    pub must_exit: Option<ExitStatus>,
    /// Alternate stack.
    pub alternate: AlternateStack,
    /// The thread's last exception, for signal frames.
    pub trap: Trap,
    /// While the thread creates a task: the signals sent to its process as one of several
    /// ([`super::send_member`]), which a child gets too.
    pub sent_during_clone: Option<u64>,
    /// Continuation of an interrupted call, for restart_syscall(2).
    pub restart: Option<Restart>,
}

/// Signal state shared by the threads of a process.
#[derive(Debug, Default)]
pub struct SharedSignals {
    /// Signals pending for the process.
    pub pending: Pending,
    /// Progress of a group stop.
    pub stop: StopState,
    /// Change of state not yet reported to the parent by wait4(2).
    pub news: Option<News>,
}

/// The thread's last exception, in struct sigcontext of this and later signals.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trap {
    /// Vector.
    pub number: u64,
    /// Error code.
    pub error: u64,
    /// Address of the last page fault.
    pub cr2: u64,
}

/// Continuation of an interrupted call (struct restart_block).
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    /// The rest of the call.
    pub go_on: fn([u64; 4]) -> SysResult,
    /// Arguments of `go_on`, such as a deadline and an address for the time left.
    pub with: [u64; 4],
}
