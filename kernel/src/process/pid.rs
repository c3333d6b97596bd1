//! References to a process or thread by an ID that may be reused (Linux's struct pid).

use alloc::sync::Arc;

use super::table::with_entry;
use super::{Process, Task};

/// An ID with the serial number of its allocation: a later process or thread of the same ID doesn't
/// match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pid {
    pub(super) number: u32,
    pub(super) serial: u64,
}

impl Pid {
    /// The ID.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Whether the ID still belongs to the process or thread; to a process until it is reaped.
    pub fn is_there(self) -> bool {
        with_entry(self, |_| ()).is_some()
    }

    /// The process; a zombie is found until it is reaped.
    pub fn process(self) -> Option<Arc<Process>> {
        with_entry(self, |entry| entry.process.upgrade())?
    }

    /// The thread, if it lives.
    pub fn task(self) -> Option<Arc<Task>> {
        with_entry(self, |entry| entry.task.upgrade())?
    }

    /// The process, or the process of the thread.
    pub fn thread_group(self) -> Option<Arc<Process>> {
        let of_thread = || self.task().map(|task| task.process.clone());
        self.process().or_else(of_thread)
    }
}
