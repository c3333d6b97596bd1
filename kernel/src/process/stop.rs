//! Job control: group stop of all threads of a process, and its end by SIGCONT (do_signal_stop in
//! kernel/signal.c).
//!
//! The delivery of a stopping signal starts a group stop. Every thread joins before its return to
//! user mode, and the last one notifies the parent. Sending SIGCONT or SIGKILL ends the stop, even
//! if SIGCONT is blocked or ignored.

use alloc::sync::Arc;

use super::notify;
use super::signal;
use super::status::{News, StopState};
use super::{Process, Task};
use crate::abi::signal::{SIGCONT, SIGSTOP, SigInfo};
use crate::arch::percpu::work;
use crate::process::ptrace;
use crate::sched::run_queue;
use crate::sched::thread::ThreadState;

const CLD_STOPPED: i32 = 5;
const CLD_CONTINUED: i32 = 6;

/// Starts a group stop of `process`: the running task, one of its threads, took a stopping signal.
pub fn start(process: &Arc<Process>, signo: u8) {
    let threads = process.threads.lock();
    {
        let mut signals = process.signals.lock();
        match signals.stop {
            StopState::Running => signals.stop = StopState::Stopping(signo, threads.len()),
            StopState::Stopping(..) => return,
            // A traced thread was resumed by its tracer alone and stops again.
            StopState::Stopped(_) => signals.stop = StopState::Stopping(signo, 1),
        }
    }
    for task in threads.iter() {
        task.signals.lock().stop_pending = true;
        signal::interrupt(task);
    }
}

/// Stops the running task if its process is in a group stop; returns when it is continued.
pub fn join(task: &Arc<Task>) {
    leave(task);
    let (StopState::Stopping(signo, _) | StopState::Stopped(signo)) =
        task.process.signals.lock().stop
    else {
        return;
    };
    if task.signals.lock().must_exit.is_none() && !ptrace::stop::group_stop(signo) {
        task.set_state(ThreadState::Stopped);
        run_queue::schedule();
    }
}

/// Makes a new thread of the running process join a group stop that is in progress or done
/// (task_join_group_stop in kernel/signal.c).
pub fn include(new: &Task) {
    match &mut new.process.signals.lock().stop {
        StopState::Running => return,
        StopState::Stopping(_, left) => *left += 1,
        StopState::Stopped(_) => {}
    }
    new.signals.lock().stop_pending = true;
    new.set_work(work::SIGNAL);
}

/// Counts a thread that stopped or ends as one the group stop no longer waits for.
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
    notify_parent(process, CLD_STOPPED, signo);
}

/// Continues the stopped threads of a process after SIGCONT was sent.
pub fn resume(process: &Process) {
    let mut signals = process.signals.lock();
    let before = core::mem::take(&mut signals.stop);
    let (code, signo) = match before {
        StopState::Running => return,
        // Not all threads had stopped. The parent is notified of the stop, as on Linux.
        StopState::Stopping(signo, _) => {
            signals.news = Some(News::Stopped(signo));
            (CLD_STOPPED, signo)
        }
        StopState::Stopped(_) => {
            signals.news = Some(News::Continued);
            (CLD_CONTINUED, SIGCONT)
        }
    };
    drop(signals);
    for task in process.threads.lock().iter() {
        task.signals.lock().stop_pending = false;
        run_queue::wake_continued(task);
        ptrace::continued(task);
    }
    notify_parent(process, code, signo);
}

/// Notifies the parent of a stop or a continue.
fn notify_parent(process: &Process, code: i32, signo: u8) {
    let parent = process.parent.lock().upgrade();
    if let Some(parent) = parent {
        notify::tell_change(&parent, &SigInfo::child(process, code, signo.into()));
    }
}

/// Whether a stopping signal stops a process. A terminal's signal doesn't in an orphaned group, as
/// no process could continue it; SIGSTOP always does.
pub fn may_stop(process: &Process, signo: u8) -> bool {
    signo == SIGSTOP || !super::jobs::is_orphaned_group(process)
}
