//! Orphans: who becomes the parent of a process whose parent ended.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::children::tell_parent;
use super::signal::{self, SIGCHLD, SigInfo};
use super::{Process, init, table};
use crate::mm::reserve;

/// Children that outlive `process` become those of an ancestor who asked for them, or init's
/// (PR_SET_CHILD_SUBREAPER). It may already have an ended one to collect.
pub fn give_away(process: &Process) {
    let orphans = process.children.take();
    if orphans.is_empty() {
        return;
    }
    let Some(reaper) = reaper(process) else {
        return;
    };
    for (pid, orphan) in orphans {
        // The nodes of the old map come free as it is taken apart; what there is for the new one's
        // is filled up as far as can be. An end cannot fail.
        let _ = reserve::top_up();
        orphan.parent.set(Arc::downgrade(&reaper));
        orphan.exit_signal.store(SIGCHLD, Ordering::Relaxed);
        tell_of_death(&orphan);
        let status = *orphan.status.lock();
        reaper.children.lock().insert(pid, orphan.clone());
        if let Some(status) = status {
            tell_parent(&orphan, status);
        }
    }
    reaper.child_changed.wake_all();
}

/// Who takes the orphans of `process`.
fn reaper(process: &Process) -> Option<Arc<Process>> {
    let mut next = process.parent.lock().upgrade();
    while let Some(ancestor) = next {
        if ancestor.is_subreaper.load(Ordering::Relaxed) && ancestor.status.lock().is_none() {
            return Some(ancestor);
        }
        next = ancestor.parent.lock().upgrade();
    }
    table::find_process(init::PID)
}

/// The parent of `orphan` ended: its threads get the signal that they asked for
/// (PR_SET_PDEATHSIG). On Linux it is the end of the thread that made it.
fn tell_of_death(orphan: &Arc<Process>) {
    let thread = |at| orphan.threads.lock().get(at).cloned();
    for task in (0..).map_while(thread) {
        let signo = task.attributes.lock().parent_death_signal;
        if signo != 0 {
            let _ = signal::send_process(orphan, &SigInfo::user(signo));
        }
    }
}
