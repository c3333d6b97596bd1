//! States of a process that its parent or tracer learns of: how it ended, a group stop, and their
//! encodings for wait4(2) and waitid(2).

use core::sync::atomic::{AtomicBool, Ordering};

use linux_raw_sys::general as linux;

use crate::abi::signal::SIGCONT;
use crate::sync::{Mutex, rank};

/// Exit status of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Ended by exit(2) with this status (8 bits).
    Exited(u8),
    /// Killed by this signal.
    Killed(u8),
}

impl ExitStatus {
    /// The status word of wait4(2), decoded by `WIFEXITED` and the like.
    pub fn wait_status(self) -> u32 {
        match self {
            Self::Exited(code) => u32::from(code) << 8,
            Self::Killed(signal) => u32::from(signal),
        }
    }
}

/// Exit status of a process, as far as decided while threads still run.
#[derive(Clone, Copy, Default)]
struct Decided {
    /// Status by exit_group(2) or a fatal signal, which end all threads.
    group: Option<ExitStatus>,
    /// Status by exit(2) of the thread group leader, used if there is no `group` status.
    leader: Option<ExitStatus>,
}

/// Exit of a process, from the decision to the report to its parent.
#[derive(Default)]
pub struct ExitState {
    decided: Mutex<Decided, rank::Ending>,
    status: Mutex<Option<ExitStatus>, rank::ExitStatus>,
    last_comm: Mutex<[u8; 16], rank::LastName>,
    is_held_back: AtomicBool,
}

impl ExitState {
    /// Decides that all threads end with `status`. The first caller decides; returns its status.
    pub fn decide(&self, status: ExitStatus) -> ExitStatus {
        *self.decided.lock().group.get_or_insert(status)
    }

    /// Whether it is decided that all threads end.
    pub fn is_decided(&self) -> bool {
        self.decided.lock().group.is_some()
    }

    /// Records the exit of the thread group leader: its status is the process's unless
    /// [`Self::decide`] set another.
    pub fn note_leader(&self, status: ExitStatus) {
        self.decided.lock().leader = Some(status);
    }

    /// Records the name of the last thread, which exits with `status`; returns the status of the
    /// process.
    pub fn note_last(&self, comm: [u8; 16], status: ExitStatus) -> ExitStatus {
        self.last_comm.set(comm);
        let decided = *self.decided.lock();
        decided.group.or(decided.leader).unwrap_or(status)
    }

    /// Name of the last thread, once it has ended.
    pub fn last_comm(&self) -> [u8; 16] {
        *self.last_comm.lock()
    }

    /// Makes the process a zombie, with this exit status.
    pub fn finish(&self, status: ExitStatus) {
        self.status.set(Some(status));
    }

    /// Exit status of a zombie.
    pub fn status(&self) -> Option<ExitStatus> {
        *self.status.lock()
    }

    /// Whether the process is a zombie.
    pub fn is_finished(&self) -> bool {
        self.status().is_some()
    }

    /// Sets whether the notification of the parent has to wait until the tracer has waited for the
    /// process.
    pub fn hold_back(&self, is_held_back: bool) {
        self.is_held_back.store(is_held_back, Ordering::Relaxed);
    }

    /// Whether the notification of the parent has to wait until the tracer has waited for the
    /// process.
    pub fn is_held_back(&self) -> bool {
        self.is_held_back.load(Ordering::Relaxed)
    }
}

/// Progress of a group stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopState {
    /// No stop is in progress.
    #[default]
    Running,
    /// Signal of the stop, and number of threads that have not stopped yet.
    Stopping(u8, usize),
    /// All threads have stopped, by this signal.
    Stopped(u8),
}

/// Change of state by job control, which wait4(2) reports once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Stopped by this signal.
    Stopped(u8),
    /// Continued by SIGCONT.
    Continued,
}

/// Change of state of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The child ended.
    Ended(ExitStatus),
    /// The child stopped or was continued.
    Changed(News),
    /// A traced thread stopped: the signal in bits 0 to 7, the ptrace event above.
    Trapped(u32),
}

impl Event {
    /// The status word of wait4(2).
    pub fn wait_status(self) -> u32 {
        match self {
            Self::Ended(status) => status.wait_status(),
            Self::Changed(News::Stopped(signo)) => u32::from(signo) << 8 | 0x7f,
            Self::Changed(News::Continued) => 0xffff,
            Self::Trapped(code) => code << 8 | 0x7f,
        }
    }

    /// `si_code` and `si_status` of waitid(2) and SIGCHLD.
    pub fn code_and_status(self) -> (i32, i32) {
        match self {
            Self::Ended(ExitStatus::Exited(code)) => (linux::CLD_EXITED as i32, code.into()),
            Self::Ended(ExitStatus::Killed(signo)) => (linux::CLD_KILLED as i32, signo.into()),
            Self::Changed(News::Stopped(signo)) => (linux::CLD_STOPPED as i32, signo.into()),
            Self::Changed(News::Continued) => (linux::CLD_CONTINUED as i32, SIGCONT.into()),
            Self::Trapped(code) => (linux::CLD_TRAPPED as i32, code as i32),
        }
    }
}
