//! Signal masks of threads, and temporary masks of calls (sigsuspend(2), ppoll(2), pselect(2),
//! epoll_pwait(2)).
//!
//! Such a call sets its mask and waits. A handler that interrupts it runs with that mask, and its
//! frame has the previous one; without a handler, the previous mask is restored after the call.

use alloc::sync::Arc;

use super::{TaskSignals, interrupt};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::UNBLOCKABLE;
use crate::arch::percpu::work;
use crate::process::{Task, current};
use crate::sync::{MutexGuard, rank};
use crate::usercopy::UserPtr;

/// Bytes of a signal set in both ABIs.
const SIZE: usize = 8;

/// Sets the running task's mask, and sets the work bit if a pending signal is no longer blocked.
pub fn set(mask: u64) {
    let task = current();
    set_in(&task, task.signals.lock(), mask);
}

/// Sets the mask of the running task, whose signals are locked; see [`set`].
#[inline]
pub(super) fn set_in(
    task: &Task,
    mut own: MutexGuard<'_, TaskSignals, rank::TaskSignals>,
    mask: u64,
) {
    let newly = mask & !own.blocked;
    own.blocked = mask & !UNBLOCKABLE;
    let shared = task.process.pending_signals();
    if (own.pending.set() | shared) & !own.blocked != 0 {
        task.set_work(work::SIGNAL);
    }
    drop(own);
    if shared & newly != 0 {
        retarget_shared_pending(task, shared & newly);
    }
}

/// Sets the mask of a thread that its tracer has stopped (PTRACE_SETSIGMASK).
pub fn set_of_held(task: &Arc<Task>, mask: u64) {
    task.signals.lock().blocked = mask & !UNBLOCKABLE;
    interrupt(task);
}

/// Wakes other threads for pending signals of the process that `task` now blocks
/// (retarget_shared_pending).
#[cold]
fn retarget_shared_pending(task: &Task, signals: u64) {
    for other in task.process.threads.lock().iter() {
        if !core::ptr::eq(&**other, task) && signals & !other.signals.lock().blocked != 0 {
            interrupt(other);
        }
    }
}

/// Sets the mask for the present call and saves the previous one.
pub fn set_for_call(mask: u64) {
    {
        let task = current();
        let mut own = task.signals.lock();
        own.saved = Some(own.blocked);
    }
    set(mask);
}

/// Restores the mask saved by [`set_for_call`], unless a signal frame has taken it.
pub fn restore() {
    let saved = current().signals.lock().saved.take();
    if let Some(mask) = saved {
        set(mask);
    }
}

/// Runs `call` with the mask at `set`, if that is not NULL. If a signal interrupts the call, the
/// mask stays for the handler; the delivery of signals restores the previous one.
///
/// # Errors
/// `EINVAL` for a `size` other than that of a signal set, `EFAULT`, and those of `call`.
pub fn with(set: UserPtr<u64>, size: usize, call: impl FnOnce() -> SysResult) -> SysResult {
    if set.is_null() {
        return call();
    }
    if size != SIZE {
        return Err(Errno::EINVAL);
    }
    set_for_call(set.read()?);
    let result = call();
    let interrupted = matches!(
        result,
        Err(Errno::EINTR
            | Errno::ERESTARTSYS
            | Errno::ERESTARTNOHAND
            | Errno::ERESTARTNOINTR
            | Errno::ERESTART_RESTARTBLOCK)
    );
    if !interrupted {
        restore();
    }
    result
}
