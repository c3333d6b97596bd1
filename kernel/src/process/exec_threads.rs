//! Threads of a process: adding one, and ending all others in execve(2) (de_thread in fs/exec.c).

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::status::ExitStatus;
use super::{Process, Task, current_task, signal, table};
use crate::abi::errno::Errno;
use crate::mm::fallible::Grow as _;
use crate::process::ptrace;

/// Allocates memory for one more task in `process`, so that [`enter`] can't fail.
///
/// # Errors
/// `ENOMEM`.
pub fn make_room(process: &Process) -> Result<(), Errno> {
    process.threads.lock().room_for(1)?;
    ptrace::control::make_room()
}

/// Adds a new task to its process and to the table of IDs. [`make_room`] must have been called.
pub fn enter(task: &Arc<Task>) {
    task.process.threads.lock().push(task.clone());
    table::enter(task);
}

/// Ends all threads but the running one, which becomes the thread group leader (de_thread in
/// fs/exec.c).
///
/// # Errors
/// `EAGAIN` if another thread calls execve(2) or ends the process: then the running one is about to
/// end.
pub fn become_the_only_one() -> Result<(), Errno> {
    let task = current_task();
    let process = &task.process;
    if process.thread_count() > 1 {
        if signal::is_dying() {
            return Err(Errno::EAGAIN);
        }
        for other in process.threads.lock().iter() {
            if !Arc::ptr_eq(other, &task) {
                signal::kill_thread(other, ExitStatus::Exited(0));
            }
        }
        process.thread_ended.wait_for(|| {
            let done = process.thread_count() == 1;
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
