//! Orphans of an exit: the new parent of processes whose parent has ended (forget_original_parent
//! in kernel/exit.c), and process groups with no parent left that could continue them.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use super::jobs::{is_linked, is_orphaned, members_in_parts};
use super::notify::tell_parent;
use super::signal;
use super::status::StopState;
use super::{Process, table};
use crate::abi::signal::{SIGCHLD, SIGCONT, SIGHUP, SigInfo};
use crate::mm::reserve;
use crate::sched::preempt::{self, Stride};

/// Gives the children of `process`, which ends, their new parent, which is notified of zombies
/// among them.
pub fn give_away(process: &Process) {
    /// Weight of an orphan between two points, in bytes copied.
    const GIVING: usize = 1024;
    let groups = GroupsOfChildren::of(process);
    let mut stride = Stride::default();
    let mut reaper = None;
    loop {
        if stride.passes(GIVING) {
            preempt::point();
        }
        if process.children.lock().is_empty() {
            break;
        }
        // Exit can't fail, and this needs no more memory than there is: as many nodes of the old
        // map come free as it is taken apart as the reaper's map grows by, but for a few, which the
        // reserve of this step has.
        let _ = reserve::top_up();
        // One by one: while others run, a child creates a sibling (CLONE_PARENT), or the reaper
        // ends.
        let next = process.children.lock().pop_first();
        let Some((pid, orphan)) = next else {
            break;
        };
        reaper = reaper.filter(|reaper: &Arc<Process>| reaper.has_threads());
        reaper = reaper.or_else(|| table::reaper_of(process));
        let Some(reaper) = &reaper else {
            return;
        };
        orphan.parent.set(Arc::downgrade(reaper));
        orphan.exit_signal.store(SIGCHLD, Ordering::Relaxed);
        send_parent_death_signals(&orphan);
        let status = orphan.exit.status();
        reaper.children.lock().insert(pid, orphan.clone());
        if let Some(status) = status {
            tell_parent(&orphan, status);
        }
        groups.given_away(&orphan);
    }
    if let Some(reaper) = reaper {
        reaper.child_changed.wake_all();
    }
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

/// Checks the group of `process`, which ends.
pub fn check_group(process: &Process) {
    let group = process.group();
    if is_linked(process, group) {
        signal_if_orphaned(group);
    }
}

/// The groups of the children of a process that ends: each is checked once, however many children
/// are in it.
struct GroupsOfChildren {
    /// Number of the exit.
    exit: u64,
    parents_group: u32,
    session: u32,
}

impl GroupsOfChildren {
    /// Those of `parent`.
    fn of(parent: &Process) -> Self {
        static EXITS: AtomicU64 = AtomicU64::new(1);
        Self {
            exit: EXITS.fetch_add(1, Ordering::Relaxed),
            parents_group: parent.group(),
            session: parent.session(),
        }
    }

    /// Checks the group of `child`, which has its new parent.
    fn given_away(&self, child: &Process) {
        let group = child.group();
        let concerns = group != self.parents_group && child.session() == self.session;
        if !concerns || child.group_check.load(Ordering::Relaxed) == self.exit {
            return;
        }
        for member in members_in_parts(group) {
            member.group_check.store(self.exit, Ordering::Relaxed);
        }
        signal_if_orphaned(group);
    }
}

/// Sends SIGHUP and SIGCONT to a group that an exit has orphaned, if a member is stopped
/// (kill_orphaned_pgrp).
fn signal_if_orphaned(group: u32) {
    let is_stopped =
        |member: Arc<Process>| matches!(member.signals.lock().stop, StopState::Stopped(_));
    if is_orphaned(group) && members_in_parts(group).any(is_stopped) {
        for signo in [SIGHUP, SIGCONT] {
            let _ = signal::send_group(group, &SigInfo::kernel(signo));
            preempt::point();
        }
    }
}
