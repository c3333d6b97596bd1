//! How tracing ends: the tracer lets go or ends itself, or the traced ends; and what wait(2) tells
//! the tracer on the way.

use alloc::sync::Arc;

use super::control::set_mode;
use super::{Mode, Options, Stop, stop};
use crate::process::exit::ExitStatus;
use crate::process::signal::{self, SigInfo};
use crate::process::stop::StopState;
use crate::process::{Process, Task, TaskState, children};
use crate::sched::run_queue;

/// `task` is traced no more; a held one goes on with `signo`.
pub(super) fn unlink(task: &Arc<Task>, signo: u8) {
    let was_held = task.state() == TaskState::Traced;
    let Some(tracing) = task.tracing.take() else {
        return;
    };
    if tracing.ended.is_some() {
        // A first thread whose real parent waited for the tracer to know.
        let process = &task.process;
        let status = *process.status.lock();
        if let Some(status) = status.filter(|_| task.tid() == process.pid) {
            children::tell_parent(process, status);
        }
        return;
    }
    if !was_held {
        return;
    }
    // A signal counts where one was to be delivered, and at a call; not out of other stops.
    let takes_signal = tracing.stop.is_some_and(|stop| stop.reason.takes_signal());
    if signo != 0 && takes_signal {
        let same = tracing.stop.filter(|stop| stop.info.signo == signo);
        let info = same.map_or(SigInfo::kernel(signo), |stop| stop.info);
        let _ = signal::send_task(task, &info);
    }
    // Where job control holds the process, the thread joins the others again.
    if !matches!(task.process.signals.lock().stop, StopState::Running) {
        task.signals.lock().stop_pending = true;
        signal::interrupt(task);
    }
    run_queue::wake_stopped(task);
}

/// Called when the tracer has waited for the end of `task`.
pub fn reaped(tracer: &Process, task: &Arc<Task>) {
    tracer.forget_tracee(task);
    unlink(task, 0);
}

/// The tracer ends: what it traces goes on by itself, or dies with it (PTRACE_O_EXITKILL).
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

/// The running thread ends. A tracer that isn't its parent hears of it by itself; for a first
/// thread that is when the whole process has ended, and the parent hears of it later.
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
        tell_end(&tracer, task, status);
    }
}

fn tell_end(tracer: &Arc<Process>, task: &Task, status: ExitStatus) {
    let (code, status) = children::Event::Ended(status).code_and_status();
    stop::tell(tracer, task, code, status);
}

/// Another thread of `process` has become the first one, by execve(2): the tracer of the one that
/// ended hears no more of that (de_thread in fs/exec.c).
pub fn leader_replaced(process: &Process) {
    let Some(leader) = process.traced_leader.take() else {
        return;
    };
    if let Some(tracer) = super::tracer_of(&leader) {
        tracer.forget_tracee(&leader);
    }
    leader.tracing.set(None);
}

/// A process ended. Returns whether its parent has to wait until the tracer of its first thread
/// has been told, which is done here.
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
    tell_end(&tracer, &leader, status);
    true
}

/// A stop or the end of a tracee of the running process, for wait(2) to report.
pub fn news(task: &Task, take: bool) -> Option<children::Event> {
    let mut tracing = task.tracing.lock();
    let tracing = tracing.as_mut()?;
    if let Some(status) = tracing.ended {
        let is_over = task.tid() != task.process.pid || task.process.status.lock().is_some();
        return is_over.then_some(children::Event::Ended(status));
    }
    // Let go before the tracer asked, or killed: there is no stop any more.
    if tracing.listening || task.state() != TaskState::Traced {
        return None;
    }
    let stop: &mut Stop = tracing.stop.as_mut().filter(|stop| !stop.told)?;
    stop.told = take;
    Some(children::Event::Trapped(stop.code))
}
