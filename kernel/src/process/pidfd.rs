//! pidfd_open(2): a descriptor of a process, readable once the process has terminated.
//!
//! It refers to the process's [`Pid`] and keeps no process alive: after the process is reaped, a
//! later one with the same number is another. Pollers wait in the process's queue.

use alloc::sync::Arc;
use core::any::Any;

use super::pid::Pid;
use crate::abi::errno::Errno;
use crate::abi::ready::Ready;
use crate::mm::fallible::{Text, put};
use crate::sched::wait::WaitQueue;
use crate::vfs::anon;
use crate::vfs::file::{File, flags};
use crate::vfs::inode::FileOps;

/// File operations of a pidfd.
struct PidFd(Pid);

/// Creates a pidfd for `pid`; of `flags`, only `O_NONBLOCK` counts.
///
/// # Errors
/// `ENOMEM`.
pub fn new(pid: Pid, flags: u32) -> Result<Arc<File>, Errno> {
    let status = flags & flags::O_NONBLOCK;
    anon::file("pidfd", Arc::new(PidFd(pid)), flags::O_RDWR | status)
}

/// The process that a pidfd refers to; `None` for another file.
pub fn of(file: &File) -> Option<Pid> {
    let ops: &dyn Any = &**file.ops();
    ops.downcast_ref().map(|PidFd(pid)| *pid)
}

impl FileOps for PidFd {
    fn is_stream(&self) -> bool {
        true
    }

    /// Readable when all threads have terminated, reaped or not (pidfd_poll in kernel/fork.c).
    fn ready(&self) -> Ready {
        let has_ended = match self.0.process() {
            Some(process) => process.exit.is_finished(),
            // While clone(2) creates a child, only its ID exists.
            None => !self.0.is_there(),
        };
        let mut ready = Ready::empty();
        ready.set(Ready::READ, has_ended);
        ready
    }

    /// None once the process is reaped: nothing changes any more.
    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        if let Some(process) = self.0.process() {
            each(&process.thread_ended);
        }
        true
    }

    fn describe(&self, text: &mut Text) {
        let process = self.0.process();
        let number = process.map_or(-1, |_| i64::from(self.0.number()));
        put!(text, "Pid:\t{number}\nNSpid:\t{number}\n");
    }
}
