//! The subject of a /proc directory: a process, or one of its threads.
//!
//! Each use looks it up again, so that an open file of a terminated process fails with `ESRCH`,
//! also after its ID is reused.

use alloc::sync::{Arc, Weak};

use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::process::pid::Pid;
use crate::process::ptrace::{self, Ids};
use crate::process::{Mm, Process, Task};
use crate::sched::thread::ThreadState;

/// Subject of a directory: /proc/ID, or /proc/PID/task/ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub pid: Pid,
    /// Below `task`: the thread alone, not the process.
    pub thread: bool,
}

/// A subject that was looked up.
pub(super) struct Subject {
    pub process: Arc<Process>,
    /// The thread, or the process's first one; `None` once all have terminated.
    pub task: Option<Arc<Task>>,
    pub thread: bool,
}

impl Who {
    /// Looks up a process that is not reaped yet, or a live thread. As on Linux, /proc/TID exists
    /// but is not listed.
    pub fn find(self) -> Result<Subject, Errno> {
        let thread = self.thread;
        if let Some(process) = self.pid.process() {
            let task = process.thread_or_first(self.pid.number());
            return Ok(Subject {
                process,
                task,
                thread,
            });
        }
        let task = self.pid.task().ok_or(Errno::ENOENT)?;
        Ok(Subject {
            process: task.process.clone(),
            task: Some(task),
            thread,
        })
    }
}

impl Subject {
    /// The thread's or the process's ID.
    pub fn id(&self) -> u32 {
        match &self.task {
            Some(task) => task.tid(),
            None => self.process.pid,
        }
    }

    /// The name (comm), up to 15 bytes.
    pub fn comm(&self) -> [u8; 16] {
        match &self.task {
            Some(task) => *task.comm.lock(),
            None => self.process.exit.last_comm(),
        }
    }

    /// State as a letter and a word.
    pub fn state(&self) -> (char, &'static str) {
        match self.task.as_ref().map(|task| task.state()) {
            None => ('Z', "zombie"),
            Some(ThreadState::Runnable) => ('R', "running"),
            Some(ThreadState::Blocked) => ('S', "sleeping"),
            Some(ThreadState::Stopped) => ('T', "stopped"),
            Some(ThreadState::Traced) => ('t', "tracing stop"),
            Some(ThreadState::Dead) => ('X', "dead"),
        }
    }

    /// The parent's process ID; 0 without a parent.
    pub fn parent(&self) -> u32 {
        let parent = self.process.parent.lock().upgrade();
        parent.map_or(0, |parent| parent.pid)
    }

    /// (process group, session) IDs.
    pub fn groups(&self) -> (u32, u32) {
        (self.process.group(), self.process.session())
    }

    /// The credentials.
    pub fn credentials(&self) -> Arc<Credentials> {
        match &self.task {
            Some(task) => task.cred(),
            None => self.process.cred(),
        }
    }

    /// The address space; dangling if there is none any more.
    pub fn memory(&self) -> Weak<Mm> {
        let mm = self.process.mm();
        mm.as_ref().map_or(Weak::new(), Arc::downgrade)
    }

    /// Checks that the caller may inspect the subject (ptrace_may_access with
    /// PTRACE_MODE_READ_FSCREDS).
    ///
    /// # Errors
    /// `EACCES`.
    pub fn check_access(&self) -> Result<(), Errno> {
        if ptrace::may_access_process(&self.process, &self.credentials(), Ids::FileSystem) {
            Ok(())
        } else {
            Err(Errno::EACCES)
        }
    }
}
