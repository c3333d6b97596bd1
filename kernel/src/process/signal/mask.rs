//! What a thread blocks, and masks that hold for one call (sigsuspend(2), ppoll(2), pselect(2),
//! epoll_pwait(2)).
//!
//! Such a call sets its mask and waits. If a handler runs, it does so under that mask, and its
//! frame has the one before; else that is put back when the call has ended.

use alloc::sync::Arc;

use super::{UNBLOCKABLE, interrupt};
use crate::abi::errno::{Errno, SysResult};
use crate::arch::percpu::work;
use crate::process::{Task, current};
use crate::usercopy::UserPtr;

/// Bytes of a signal set in both ABIs.
const SIZE: usize = 8;

/// Sets what the running task blocks, and has it look at what that lets through.
pub fn set(mask: u64) {
    let task = current();
    let mut own = task.signals.lock();
    let newly = mask & !own.blocked;
    own.blocked = mask & !UNBLOCKABLE;
    let shared = task.process.signals.lock().pending.set();
    if (own.pending.set() | shared) & !own.blocked != 0 {
        task.set_work(work::SIGNAL);
    }
    drop(own);
    if shared & newly != 0 {
        hand_over(&task, shared & newly);
    }
}

/// Sets what a thread blocks that its tracer holds (PTRACE_SETSIGMASK).
pub fn set_of_held(task: &Arc<Task>, mask: u64) {
    task.signals.lock().blocked = mask & !UNBLOCKABLE;
    interrupt(task);
}

/// The thread was to take these signals of the process, and blocks them now: another may take
/// them (retarget_shared_pending).
fn hand_over(task: &Task, signals: u64) {
    for other in task.process.threads.lock().iter() {
        if !core::ptr::eq(&**other, task) && signals & !other.signals.lock().blocked != 0 {
            interrupt(other);
        }
    }
}

/// Blocks `mask` until the call ends.
pub fn set_for_call(mask: u64) {
    {
        let task = current();
        let mut own = task.signals.lock();
        own.saved = Some(own.blocked);
    }
    set(mask);
}

/// Puts back what was blocked before, unless a frame has it.
pub fn restore() {
    let saved = current().signals.lock().saved.take();
    if let Some(mask) = saved {
        set(mask);
    }
}

/// A call under the mask that `set` points to, if it does. A call that a signal interrupted
/// leaves the mask in place for the handler; what follows puts the old one back.
///
/// # Errors
/// `EINVAL` for a set of another size, `EFAULT`, and those of the call.
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
