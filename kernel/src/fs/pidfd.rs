//! pidfd_open(2): a descriptor of a process, readable once that has ended.
//!
//! It holds the process's [`Pid`] and nothing of the process: after the wait for that, a later process
//! with the same ID is not meant. Pollers stand in the process's own queue.

use alloc::sync::Arc;
use core::any::Any;

use crate::abi::errno::Errno;
use crate::mm::fallible::{Text, put};
use crate::process::pid::Pid;
use crate::sched::wait::WaitQueue;
use crate::vfs::anon;
use crate::vfs::file::{File, flags};
use crate::vfs::inode::{FileOps, Ready};

/// What stands behind the descriptor.
struct PidFd(Pid);

/// Makes one, with `O_NONBLOCK` of `flags`.
///
/// # Errors
/// `ENOMEM`.
pub fn new(pid: Pid, flags: u32) -> Result<Arc<File>, Errno> {
    let status = flags & flags::O_NONBLOCK;
    anon::file("pidfd", Arc::new(PidFd(pid)), flags::O_RDWR | status)
}

/// The process that an open file stands for, if it is a pidfd.
pub fn of(file: &File) -> Option<Pid> {
    let ops: &dyn Any = &**file.ops();
    ops.downcast_ref().map(|PidFd(pid)| *pid)
}

impl FileOps for PidFd {
    fn is_stream(&self) -> bool {
        true
    }

    /// Readable when all threads have ended, waited for or not (pidfd_poll in kernel/fork.c).
    fn ready(&self) -> Ready {
        let has_ended = match self.0.process() {
            Some(process) => process.status.lock().is_some(),
            // Of a child that clone(2) is still making only the ID is there.
            None => !self.0.is_there(),
        };
        let mut ready = Ready::empty();
        ready.set(Ready::READ, has_ended);
        ready
    }

    /// None once the process was waited for: the queue went with the process, and nothing changes any more.
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
