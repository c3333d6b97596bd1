//! The end of a process, and waiting for it.

use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering;

use super::wait::is_interrupted;
use super::{Process, TaskState, current, init, sched, signal, table};
use crate::syscall::errno::Errno;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// exit(2) with this status (8 bits).
    Exited(u8),
    /// Killed by this signal.
    Killed(u8),
}

impl ExitStatus {
    /// The status word of wait4(2): `WIFEXITED` and its like take it apart.
    pub fn wait_status(self) -> u32 {
        match self {
            Self::Exited(code) => u32::from(code) << 8,
            Self::Killed(signal) => u32::from(signal),
        }
    }
}

/// Ends the running process with all its threads.
pub fn exit_group(status: ExitStatus) -> ! {
    let task = sched::current_task();
    let process = task.process.clone();
    crate::trace::ended(status);
    if process.pid == init::PID {
        init::ended(status);
    }
    *process.status.lock() = Some(status);
    release_mm(&process);
    *process.files.lock() = Arc::default();
    // Orphans go to init, which may already have an ended one to collect.
    let orphans = core::mem::take(&mut *process.children.lock());
    if !orphans.is_empty()
        && let Some(init) = table::find_process(init::PID)
    {
        for orphan in &orphans {
            *orphan.parent.lock() = Arc::downgrade(&init);
        }
        init.children.lock().extend(orphans);
        init.child_ended.wake_all();
    }
    task.set_state(TaskState::Dead);
    process.live_tasks.fetch_sub(1, Ordering::Relaxed);
    tell_parent(&process);
    // Nothing on this stack is dropped any more: it is never switched to again.
    drop(process);
    drop(task);
    sched::schedule();
    unreachable!("a dead task is not scheduled")
}

/// Wakes a parent that waits; one that ignores SIGCHLD is not bothered with an ended child.
fn tell_parent(process: &Arc<Process>) {
    let Some(parent) = process.parent.lock().upgrade() else {
        return;
    };
    if signal::ignores_children(&parent) {
        parent
            .children
            .lock()
            .retain(|child| !Arc::ptr_eq(child, process));
        table::forget(process.pid);
    }
    parent.child_ended.wake_all();
}

/// Gives the address space up, and lets a parent in vfork(2) go on.
pub fn release_mm(process: &Process) {
    crate::mm::paging::activate_kernel();
    let mm = process.mm.lock().take();
    drop(mm);
    if process.is_vfork.swap(false, Ordering::Relaxed) {
        process.mm_released.wake_all();
    }
}

/// Which children wait4(2) asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Any child.
    Any,
    /// The one with this process ID.
    Pid(u32),
    /// Those of this process group.
    Group(u32),
}

impl Which {
    fn matches(self, process: &Process) -> bool {
        match self {
            Self::Any => true,
            Self::Pid(pid) => process.pid == pid,
            Self::Group(pgid) => process.pgid.load(Ordering::Relaxed) == pgid,
        }
    }
}

/// Waits for a child to end; returns its ID and status. With `no_hang`, `None` if none has.
/// With `keep`, it can be waited for again (WNOWAIT).
///
/// # Errors
/// `ECHILD` if there is no such child, `EINTR` if a signal came first.
pub fn wait(which: Which, no_hang: bool, keep: bool) -> Result<Option<(u32, ExitStatus)>, Errno> {
    let parent = current().process.clone();
    parent.child_ended.wait_for(|| {
        let mut children = parent.children.lock();
        let mut candidates = children
            .iter()
            .enumerate()
            .filter(|(_, c)| which.matches(c))
            .peekable();
        if candidates.peek().is_none() {
            return Some(Err(Errno::ECHILD));
        }
        let ended = candidates.find_map(|(i, c)| c.status.lock().map(|status| (i, c.pid, status)));
        match ended {
            Some((index, pid, status)) => {
                if !keep {
                    let child = children.swap_remove(index);
                    *child.parent.lock() = Weak::new();
                    table::forget(pid);
                }
                Some(Ok(Some((pid, status))))
            }
            None if no_hang => Some(Ok(None)),
            None => is_interrupted().then_some(Err(Errno::EINTR)),
        }
    })
}
