//! Orphans: the new parent of processes whose parent has ended (forget_original_parent in
//! kernel/exit.c).

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::children::tell_parent;
use super::signal;
use super::{Process, table};
use crate::abi::signal::{SIGCHLD, SigInfo};
use crate::mm::reserve;
use crate::sched::preempt::{self, Stride};

/// Makes the children of `process`, which ends, children of the nearest subreaper among its
/// ancestors (PR_SET_CHILD_SUBREAPER), else of init. The new parent is notified of zombies among
/// them.
pub fn give_away(process: &Process) {
    /// Weight of an orphan between two points, in bytes copied.
    const GIVING: usize = 1024;
    let orphans = process.children.take();
    if orphans.is_empty() {
        return;
    }
    let Some(reaper) = find_reaper(process) else {
        return;
    };
    let mut stride = Stride::default();
    for (pid, orphan) in orphans {
        // Exit can't fail, and this needs no more memory than there is: as many nodes of the old map
        // come free as it is taken apart as the reaper's map grows by, but for a few, which the
        // reserve of this step has.
        let _ = reserve::top_up();
        if stride.passes(GIVING) {
            preempt::point();
        }
        orphan.parent.set(Arc::downgrade(&reaper));
        orphan.exit_signal.store(SIGCHLD, Ordering::Relaxed);
        send_parent_death_signals(&orphan);
        let status = *orphan.status.lock();
        reaper.children.lock().insert(pid, orphan.clone());
        if let Some(status) = status {
            tell_parent(&orphan, status);
        }
    }
    reaper.child_changed.wake_all();
}

/// The new parent of the orphans of `process` (find_new_reaper).
fn find_reaper(process: &Process) -> Option<Arc<Process>> {
    let mut next = process.parent.lock().upgrade();
    while let Some(ancestor) = next {
        if ancestor.is_subreaper.load(Ordering::Relaxed) && ancestor.status.lock().is_none() {
            return Some(ancestor);
        }
        next = ancestor.parent.lock().upgrade();
    }
    table::find_process(Process::INIT)
}

/// Sends each thread's parent-death signal (PR_SET_PDEATHSIG) to `orphan`. On Linux the end of the
/// thread that created it counts, not of the whole parent.
fn send_parent_death_signals(orphan: &Arc<Process>) {
    let thread = |at| orphan.threads.lock().get(at).cloned();
    for task in (0..).map_while(thread) {
        let signo = task.attributes.lock().parent_death_signal;
        if signo != 0 {
            let _ = signal::send_process(orphan, &SigInfo::user(signo));
        }
    }
}
