//! End of tracing, by detaching or by the exit of tracer or tracee; reports of tracees to wait(2).

use alloc::sync::Arc;

use super::control::set_mode;
use super::{Mode, Options, Stop, stop};
use crate::abi::signal::SigInfo;
use crate::process::notify;
use crate::process::signal;
use crate::process::status::{Event, ExitStatus, StopState};
use crate::process::{Process, Task};
use crate::sched::run_queue;
use crate::sched::thread::ThreadState;

/// Ends the tracing of `task` (__ptrace_unlink); a stopped thread continues with `signo` (0: none).
fn unlink(task: &Arc<Task>, signo: u8) {
    let was_held = task.state() == ThreadState::Traced;
    let Some(tracing) = task.tracing.take() else {
        return;
    };
    if tracing.ended.is_some() {
        // A thread group leader's parent is notified only now, after the tracer.
        let process = &task.process;
        let status = process.exit.status();
        if let Some(status) = status.filter(|_| task.tid() == process.pid) {
            notify::tell_parent(process, status);
        }
        return;
    }
    if !was_held {
        return;
    }
    // The signal is delivered after a signal stop or a system call stop only.
    let takes_signal = tracing.stop.is_some_and(|stop| stop.reason.takes_signal());
    if signo != 0 && takes_signal {
        let same = tracing.stop.filter(|stop| stop.info.signo == signo);
        let info = same.map_or(SigInfo::kernel(signo), |stop| stop.info);
        let _ = signal::send_task(task, &info);
    }
    // In a group stop the thread stops again with the others.
    if !matches!(task.process.signals.lock().stop, StopState::Running) {
        task.signals.lock().stop_pending = true;
        signal::interrupt(task);
    }
    run_queue::wake_stopped(task);
}

/// PTRACE_DETACH: the thread is no longer traced, and continues with `signo`.
pub fn detach(tracer: &Process, task: &Arc<Task>, signo: u8) {
    set_mode(task, Mode::Run);
    tracer.forget_tracee(task);
    unlink(task, signo);
}

/// Ends the tracing of `task`, for whose exit the tracer has waited.
pub fn reaped(tracer: &Process, task: &Arc<Task>) {
    tracer.forget_tracee(task);
    unlink(task, 0);
}

/// Handles the exit of a tracer: its tracees are detached, or killed with PTRACE_O_EXITKILL
/// (exit_ptrace).
pub fn tracer_ended(tracer: &Process) {
    let tracees = tracer.tracees.take();
    for task in tracees {
        let kill = task
            .tracing
            .lock()
            .as_ref()
            .is_some_and(|tracing| tracing.options.contains(Options::EXITKILL));
        if kill {
            signal::kill(&task.process);
        }
        set_mode(&task, Mode::Run);
        unlink(&task, 0);
    }
}

/// Handles the exit of the running thread. A tracer that isn't its parent is notified of the
/// thread; for a thread group leader when the whole process has ended, before the parent.
pub fn thread_ended(task: &Arc<Task>, status: ExitStatus) {
    let process = &task.process;
    let tracer = super::tracer_of(task);
    let is_first = task.tid() == process.pid;
    let parent = process.parent.lock().upgrade();
    let tracer = match (tracer, parent) {
        (Some(tracer), Some(parent)) if is_first && Arc::ptr_eq(&tracer, &parent) => {
            tracer.forget_tracee(task);
            None
        }
        (tracer, _) => tracer,
    };
    let Some(tracer) = tracer else {
        task.tracing.set(None);
        return;
    };
    if let Some(tracing) = task.tracing.lock().as_mut() {
        tracing.ended = Some(status);
    }
    if is_first {
        process.traced_leader.set(Some(task.clone()));
    } else {
        notify_exit(&tracer, task, status);
    }
}

/// Notifies the tracer of the exit of a thread.
fn notify_exit(tracer: &Arc<Process>, task: &Task, status: ExitStatus) {
    let (code, status) = Event::Ended(status).code_and_status();
    stop::notify_tracer(tracer, task, code, status);
}

/// Called when another thread of `process` has become the thread group leader by execve(2): the
/// exit of the old leader is not reported to its tracer (de_thread in fs/exec.c).
pub fn leader_replaced(process: &Process) {
    let Some(leader) = process.traced_leader.take() else {
        return;
    };
    if let Some(tracer) = super::tracer_of(&leader) {
        tracer.forget_tracee(&leader);
    }
    leader.tracing.set(None);
}

/// Handles the exit of a process: notifies the tracer of its thread group leader. Returns whether
/// there is one, for which the notification of the parent has to wait.
pub fn process_ended(process: &Process, status: ExitStatus) -> bool {
    let Some(leader) = process.traced_leader.take() else {
        return false;
    };
    let Some(tracer) = super::tracer_of(&leader) else {
        return false;
    };
    if let Some(tracing) = leader.tracing.lock().as_mut() {
        tracing.ended = Some(status);
    }
    notify_exit(&tracer, &leader, status);
    true
}

/// The unreported stop or exit of a tracee of the running process, for wait(2). With `take`, a stop
/// counts as reported.
pub fn news(task: &Task, take: bool) -> Option<Event> {
    let mut tracing = task.tracing.lock();
    let tracing = tracing.as_mut()?;
    if let Some(status) = tracing.ended {
        let is_over = task.tid() != task.process.pid || task.process.exit.is_finished();
        return is_over.then_some(Event::Ended(status));
    }
    // Resumed before the tracer waited, or killed: the stop is over.
    if tracing.listening || task.state() != ThreadState::Traced {
        return None;
    }
    let stop: &mut Stop = tracing.stop.as_mut().filter(|stop| !stop.told)?;
    stop.told = take;
    Some(Event::Trapped(stop.code))
}
