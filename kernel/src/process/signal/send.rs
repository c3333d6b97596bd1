//! Sending a signal to a thread, a process or a process group, and forcing one on the running
//! thread.
//!
//! `syscall/signal.rs` checks permissions.

use alloc::sync::Arc;

use super::account;
use super::kill::{interrupt, kill};
use crate::abi::errno::Errno;
use crate::abi::signal::{
    DEFAULT, IGNORE, IGNORED_BY_DEFAULT, SIGCONT, SIGKILL, STOPPING, SigInfo, bit,
};
use crate::arch::percpu::work;
use crate::process::{Process, Task, current_task, stop, table};

/// Sends a signal to a thread.
///
/// # Errors
/// `EAGAIN` if RLIMIT_SIGPENDING denies a real-time signal a queue entry.
pub fn send_task(task: &Arc<Task>, info: &SigInfo) -> Result<(), Errno> {
    if !prepare(&task.process, task, info.signo) {
        return Ok(());
    }
    if info.signo == SIGKILL {
        kill(&task.process);
        return Ok(());
    }
    let is_full = account::has_no_place(&task.process, info);
    task.signals.lock().pending.push(info, is_full)?;
    task.process.signal_arrived.wake_all();
    if wants_signal(task, info.signo) {
        interrupt(task);
    }
    Ok(())
}

/// Sends a signal to a process and wakes the first thread that doesn't block it. Without effect on
/// a zombie.
///
/// # Errors
/// `EAGAIN` if RLIMIT_SIGPENDING denies a real-time signal a queue entry.
pub fn send_process(process: &Arc<Process>, info: &SigInfo) -> Result<(), Errno> {
    let threads = process.threads.lock();
    let Some(first) = threads.first().cloned() else {
        return Ok(());
    };
    let taker = threads
        .iter()
        .find(|task| wants_signal(task, info.signo))
        .cloned();
    drop(threads);
    if !prepare(process, taker.as_ref().unwrap_or(&first), info.signo) {
        return Ok(());
    }
    if info.signo == SIGKILL {
        kill(process);
        return Ok(());
    }
    let is_full = account::has_no_place(process, info);
    process.signals.lock().pending.push(info, is_full)?;
    process.signal_arrived.wake_all();
    if let Some(taker) = taker {
        interrupt(&taker);
    }
    Ok(())
}

/// Sends a signal to the running thread.
///
/// # Errors
/// As [`send_task`].
pub fn send_self(info: &SigInfo) -> Result<(), Errno> {
    send_task(&current_task(), info)
}

/// Sends a signal to every process of a group.
///
/// # Errors
/// `ESRCH` if the group is empty.
pub fn send_group(pgid: u32, info: &SigInfo) -> Result<(), Errno> {
    let mut result = Err(Errno::ESRCH);
    for process in table::group_members(pgid) {
        result = send_member(&process, info);
    }
    result
}

/// Sends a signal to one of the processes of a group, or of all: a child that one of its threads is
/// creating gets the signal too ([`inherit_sent`]).
///
/// # Errors
/// As [`send_process`].
pub fn send_member(process: &Arc<Process>, info: &SigInfo) -> Result<(), Errno> {
    for task in process.threads.lock().iter() {
        if let Some(sent) = &mut task.signals.lock().sent_during_clone {
            // Stopping signals and SIGCONT remove each other.
            if info.signo == SIGCONT {
                *sent &= !STOPPING;
            } else if STOPPING & bit(info.signo) != 0 {
                *sent &= !bit(SIGCONT);
            }
            *sent |= bit(info.signo);
        }
    }
    send_process(process, info)
}

/// Makes the signals in `sent` pending for a new process, as sent by process 0
/// (multiprocess_signals in kernel/fork.c).
pub fn inherit_sent(new: &Task, sent: u64) {
    if sent != 0 {
        new.process.signals.lock().pending.add_unqueued(sent);
        new.set_work(work::SIGNAL);
    }
}

/// Forces a signal of an exception on the running task: if the signal is blocked or ignored, it
/// gets the default action (force_sig_info_to_task in kernel/signal.c).
pub fn force(info: &SigInfo) {
    let task = current_task();
    {
        let actions = task.process.actions();
        let mut actions = actions.lock();
        let mut signals = task.signals.lock();
        let mut action = actions.get(info.signo);
        if action.handler == IGNORE || signals.blocked & bit(info.signo) != 0 {
            action.handler = DEFAULT;
            actions.set(info.signo, action);
            signals.blocked &= !bit(info.signo);
        }
        signals.forced |= bit(info.signo);
        // A standard signal never fails for lack of memory.
        let _ = signals.pending.push(info, false);
    }
    task.set_work(work::SIGNAL);
}

/// Applies the effects that a signal has when sent: stopping signals and SIGCONT remove each other,
/// and SIGCONT continues the process. Returns whether the signal is to be queued (prepare_signal in
/// kernel/signal.c).
fn prepare(process: &Process, taker: &Task, signo: u8) -> bool {
    if STOPPING & bit(signo) != 0 {
        forget(process, bit(SIGCONT));
    } else if signo == SIGCONT {
        forget(process, STOPPING);
        stop::resume(process);
    }
    !is_ignored(process, taker, signo)
}

/// Removes the signals in `mask` from all queues of a process.
pub fn forget(process: &Process, mask: u64) {
    process.signals.lock().pending.remove(mask);
    for task in process.threads.lock().iter() {
        task.signals.lock().pending.remove(mask);
    }
}

fn is_ignored(process: &Process, taker: &Task, signo: u8) -> bool {
    // A blocked signal may have a handler by the time it is unblocked; a tracer sees all signals.
    let not_discarded = {
        let signals = taker.signals.lock();
        signals.blocked | signals.awaited
    };
    if not_discarded & bit(signo) != 0 || taker.is_traced() && signo != SIGKILL {
        return false;
    }
    match process.actions().lock().get(signo).handler {
        IGNORE => true,
        // init gets only signals that it has a handler for (SIGNAL_UNKILLABLE).
        DEFAULT => process.is_init() || IGNORED_BY_DEFAULT & bit(signo) != 0,
        _ => false,
    }
}

/// Whether a thread can take the signal now (wants_signal).
fn wants_signal(task: &Task, signo: u8) -> bool {
    let signals = task.signals.lock();
    signals.blocked & bit(signo) == 0 && signals.must_exit.is_none()
}
