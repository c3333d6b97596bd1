//! The threads of a process: who is in it, and how one of them becomes the only one.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::exit::ExitStatus;
use super::{Task, sched, signal, table};
use crate::ptrace;
use crate::syscall::errno::Errno;

/// Makes a new task known: to its process, and under its ID.
pub fn enter(task: &Arc<Task>) {
    task.process.threads.lock().push(task.clone());
    table::enter(task);
}

/// Ends all threads but the running one, which becomes the first, as execve(2) wants it
/// (de_thread in fs/exec.c).
///
/// # Errors
/// `EAGAIN` if another thread does the same, or ends the process: then this one is about to end.
pub fn become_the_only_one() -> Result<(), Errno> {
    let task = sched::current_task();
    let process = &task.process;
    if process.threads.lock().len() > 1 {
        if signal::is_dying() {
            return Err(Errno::EAGAIN);
        }
        for other in process.threads.lock().iter() {
            if !Arc::ptr_eq(other, &task) {
                signal::kill_thread(other, ExitStatus::Exited(0));
            }
        }
        process.thread_ended.wait_for(|| {
            let done = process.threads.lock().len() == 1;
            (done || signal::is_dying()).then_some(())
        });
        if signal::is_dying() {
            return Err(Errno::EAGAIN);
        }
    }
    let old = task.tid.swap(process.pid, Ordering::Relaxed);
    if old != process.pid {
        ptrace::end::leader_replaced(process);
        table::forget(old);
        table::enter(&task);
    }
    Ok(())
}
