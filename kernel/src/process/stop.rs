//! Job control: a process stops with all its threads, and goes on.
//!
//! A stopping signal that is taken starts the stop; every thread joins it on its way out of the
//! kernel, and the last one tells the parent. SIGCONT ends it by being sent, even if it is
//! blocked or ignored; so does SIGKILL (do_signal_stop in kernel/signal.c).

use alloc::sync::Arc;

use super::signal::{self, SIGSTOP, SigInfo};
use super::{Process, Task, TaskState, children};
use crate::process::ptrace;
use crate::sched::run_queue;

/// How far a stop has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopState {
    /// No stop is in progress.
    #[default]
    Running,
    /// So many threads have still to stop for this signal.
    Stopping(u8, usize),
    /// All stand still, because of this signal.
    Stopped(u8),
}

/// A change that wait4(2) can report once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It stopped, by this signal.
    Stopped(u8),
    /// It went on.
    Continued,
}

const CLD_STOPPED: i32 = 5;
const CLD_CONTINUED: i32 = 6;

/// The running task took a stopping signal: its process stops.
pub fn start(process: &Arc<Process>, signo: u8) {
    let threads = process.threads.lock();
    {
        let mut signals = process.signals.lock();
        match signals.stop {
            StopState::Running => signals.stop = StopState::Stopping(signo, threads.len()),
            StopState::Stopping(..) => return,
            // A traced thread went on by itself and stops again.
            StopState::Stopped(_) => signals.stop = StopState::Stopping(signo, 1),
        }
    }
    for task in threads.iter() {
        task.signals.lock().stop_pending = true;
        signal::interrupt(task);
    }
}

/// The running task stops with the others, if they do; returns when it may go on.
pub fn join(task: &Arc<Task>) {
    leave(task);
    let (StopState::Stopping(signo, _) | StopState::Stopped(signo)) =
        task.process.signals.lock().stop
    else {
        return;
    };
    if task.signals.lock().must_exit.is_none() && !ptrace::stop::group_stop(signo) {
        task.set_state(TaskState::Stopped);
        run_queue::schedule();
    }
}

/// One thread fewer to wait for: it stopped, or ends.
pub fn leave(task: &Task) {
    if !core::mem::take(&mut task.signals.lock().stop_pending) {
        return;
    }
    let process = &task.process;
    let mut signals = process.signals.lock();
    let StopState::Stopping(signo, left) = signals.stop else {
        return;
    };
    if left > 1 {
        signals.stop = StopState::Stopping(signo, left - 1);
        return;
    }
    signals.stop = StopState::Stopped(signo);
    signals.news = Some(News::Stopped(signo));
    drop(signals);
    tell_parent(process, CLD_STOPPED, signo);
}

/// Continues the stopped threads of a process after SIGCONT was sent.
pub fn resume(process: &Process) {
    let mut signals = process.signals.lock();
    let before = core::mem::take(&mut signals.stop);
    let (code, signo) = match before {
        StopState::Running => return,
        // Before all stood still; the parent hears of the stop, as on Linux.
        StopState::Stopping(signo, _) => {
            signals.news = Some(News::Stopped(signo));
            (CLD_STOPPED, signo)
        }
        StopState::Stopped(_) => {
            signals.news = Some(News::Continued);
            (CLD_CONTINUED, signal::SIGCONT)
        }
    };
    drop(signals);
    for task in process.threads.lock().iter() {
        task.signals.lock().stop_pending = false;
        run_queue::wake_continued(task);
        ptrace::control::continued(task);
    }
    tell_parent(process, code, signo);
}

/// Notifies the parent of a stop or a continue.
fn tell_parent(process: &Process, code: i32, signo: u8) {
    let parent = process.parent.lock().upgrade();
    if let Some(parent) = parent {
        children::tell_change(&parent, &SigInfo::child(process, code, signo.into()));
    }
}

/// Whether a stopping signal of a terminal stops a process: not in an orphaned group, where no
/// process could continue it; SIGSTOP always does.
pub fn may_stop(process: &Process, signo: u8) -> bool {
    signo == SIGSTOP || !super::jobs::is_orphaned_group(process)
}
