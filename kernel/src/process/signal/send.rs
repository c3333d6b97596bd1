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
    let reception = Reception::of(task, info.signo);
    if !prepare(&task.process, task, &reception, info.signo) {
        return Ok(());
    }
    if info.signo == SIGKILL {
        kill(&task.process);
        return Ok(());
    }
    let is_full = account::has_no_place(&task.process, info);
    task.signals.lock().pending.push(info, is_full)?;
    task.process.signal_arrived.wake_all();
    if reception.can_take {
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
    let Some((task, reception)) = receiver(process, info.signo) else {
        return Ok(());
    };
    if !prepare(process, &task, &reception, info.signo) {
        return Ok(());
    }
    if info.signo == SIGKILL {
        kill(process);
        return Ok(());
    }
    let is_full = account::has_no_place(process, info);
    process.signals.lock().pending.push(info, is_full)?;
    process.signal_arrived.wake_all();
    if reception.can_take {
        interrupt(&task);
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
#[inline]
fn prepare(process: &Process, receiver: &Task, reception: &Reception, signo: u8) -> bool {
    if STOPPING & bit(signo) != 0 {
        forget(process, bit(SIGCONT));
    } else if signo == SIGCONT {
        forget(process, STOPPING);
        stop::resume(process);
    }
    !is_ignored(process, receiver, reception, signo)
}

/// Removes the signals in `mask` from all queues of a process.
pub fn forget(process: &Process, mask: u64) {
    process.signals.lock().pending.remove(mask);
    for task in process.threads.lock().iter() {
        task.signals.lock().pending.remove(mask);
    }
}

#[inline]
fn is_ignored(process: &Process, receiver: &Task, reception: &Reception, signo: u8) -> bool {
    // A tracer sees all signals.
    if reception.is_kept || signo != SIGKILL && receiver.is_traced() {
        return false;
    }
    match process.with_actions(|actions| actions.get(signo).handler) {
        IGNORE => true,
        // init gets only signals that it has a handler for (SIGNAL_UNKILLABLE).
        DEFAULT => process.is_init() || IGNORED_BY_DEFAULT & bit(signo) != 0,
        _ => false,
    }
}

/// How a thread receives a signal.
struct Reception {
    /// The thread can take the signal now (wants_signal).
    can_take: bool,
    /// The thread blocks the signal, which is not discarded then: it may have a handler by the time
    /// it is unblocked.
    is_kept: bool,
}

impl Reception {
    #[inline]
    fn of(task: &Task, signo: u8) -> Self {
        let signals = task.signals.lock();
        Self {
            can_take: signals.blocked & bit(signo) == 0 && signals.must_exit.is_none(),
            is_kept: (signals.blocked | signals.awaited) & bit(signo) != 0,
        }
    }
}

/// The first thread of a process that can take a signal, else the first thread; `None` for a
/// zombie.
#[inline]
fn receiver(process: &Process, signo: u8) -> Option<(Arc<Task>, Reception)> {
    let threads = process.threads.lock();
    let (first, others) = threads.split_first()?;
    let reception = Reception::of(first, signo);
    if !reception.can_take {
        let mut others = others.iter().map(|task| (task, Reception::of(task, signo)));
        if let Some((task, reception)) = others.find(|(_, reception)| reception.can_take) {
            return Some((task.clone(), reception));
        }
    }
    Some((first.clone(), reception))
}
