//! Wait queues: tasks that sleep until something happens.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use spin::Mutex;

use super::{Task, TaskState, sched};
use crate::arch::percpu::{self, work};

/// Tasks that wait for one thing.
#[derive(Default)]
pub struct WaitQueue(Mutex<VecDeque<Arc<Task>>>);

impl WaitQueue {
    /// A queue without waiters.
    pub const fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    /// Sleeps until `condition` gives a value. It is asked again after every wake-up; nothing
    /// can happen between asking and sleeping, since the kernel is not preemptible. A signal
    /// wakes the task too: a condition that should end the wait then asks
    /// [`is_interrupted`].
    pub fn wait_for<T>(&self, mut condition: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(value) = condition() {
                return value;
            }
            let task = sched::current_task();
            task.set_state(TaskState::Blocked);
            self.0.lock().push_back(task.clone());
            sched::schedule();
            // A signal's wake-up leaves the entry behind, and with it the whole task.
            self.0.lock().retain(|waiter| !Arc::ptr_eq(waiter, &task));
        }
    }

    /// Wakes every waiter.
    pub fn wake_all(&self) {
        for task in core::mem::take(&mut *self.0.lock()) {
            sched::wake(&task);
        }
    }
}

/// Whether a signal waits for the running task.
pub fn is_interrupted() -> bool {
    percpu::is_pending::<{ work::SIGNAL }>()
}
