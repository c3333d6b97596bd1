//! The wait of a parent in vfork(2), until its child has called execve(2) or ended.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::sched::wait::WaitQueue;

/// A child's side of the wait.
pub struct Vfork {
    is_waiting: AtomicBool,
    parent: WaitQueue,
}

impl Vfork {
    /// A child whose parent doesn't wait.
    pub fn new() -> Self {
        Self {
            is_waiting: AtomicBool::new(false),
            parent: WaitQueue::new(),
        }
    }

    /// Makes the parent wait, before the child runs.
    pub fn begin(&self) {
        self.is_waiting.store(true, Ordering::Relaxed);
    }

    /// Releases the parent, if it waits: the child no longer uses its address space.
    pub fn end(&self) {
        if self.is_waiting.swap(false, Ordering::Relaxed) {
            self.parent.wake_all();
        }
    }

    /// Blocks the parent until its release, or until `gives_up`.
    pub fn wait(&self, gives_up: impl Fn() -> bool) {
        let is_over = || !self.is_waiting.load(Ordering::Relaxed) || gives_up();
        self.parent.wait_for(|| is_over().then_some(()));
    }
}
