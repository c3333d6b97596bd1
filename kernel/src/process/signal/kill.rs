//! Interrupting a thread for a signal, and ending threads and processes.

use alloc::sync::Arc;

use crate::abi::signal::SIGKILL;
use crate::arch::percpu::work;
use crate::process::process::Process;
use crate::process::status::ExitStatus;
use crate::process::task::Task;
use crate::sched::run_queue;

/// Sets a thread's work bit for signals, and wakes it if it is blocked (signal_wake_up).
pub fn interrupt(task: &Arc<Task>) {
    task.set_work(work::SIGNAL);
    run_queue::wake(task);
}

/// Kills a process, even init.
pub fn kill(process: &Process) {
    end(process, ExitStatus::Killed(SIGKILL));
}

/// Ends a process with `status`, even init, whatever its mask and actions.
pub fn end(process: &Process, status: ExitStatus) {
    process.exit.decide(status);
    for task in process.threads.lock().iter() {
        kill_thread(task, status);
    }
}

/// Makes a thread end with `status` before its return to user mode, and wakes it from any wait or
/// stop.
pub fn kill_thread(task: &Arc<Task>, status: ExitStatus) {
    task.signals.lock().must_exit.get_or_insert(status);
    task.set_work(work::SIGNAL);
    run_queue::wake(task);
    run_queue::wake_stopped(task);
}
