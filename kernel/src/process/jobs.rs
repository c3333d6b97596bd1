//! Sessions and process groups (setsid(2), setpgid(2), credentials(7)); orphaned process groups.
//!
//! `terminal.rs` has the controlling terminal of a session, `stop.rs` stopping and continuing.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use super::Process;
use super::signal;
use super::status::StopState;
use super::table::{self, group_members};
use super::terminal::Controlling;
use crate::abi::errno::Errno;
use crate::abi::signal::{SIGCONT, SIGHUP, SigInfo};
use crate::sched::preempt::{self, Stride};

fn group_of(process: &Process) -> u32 {
    process.pgid.load(Ordering::Relaxed)
}

fn session_of(process: &Process) -> u32 {
    process.sid.load(Ordering::Relaxed)
}

/// Whether the process is a session leader.
pub fn leads_session(process: &Process) -> bool {
    session_of(process) == process.pid
}

/// The session of a group, or of a process with that ID; `None` if there is neither.
pub fn session_of_group(group: u32) -> Option<u32> {
    let found = group_members(group).next();
    let found = found.or_else(|| table::find_process(group));
    found.map(|process| session_of(&process))
}

/// Moves `process`, which is `caller` or a child of it, to a group of its session: a new one with
/// the process's ID, or an existing one (setpgid(2)).
///
/// # Errors
/// `ESRCH` for any other process, `EACCES` for a child that has called execve(2); `EPERM` for a
/// session leader, and for a process or a group of another session.
pub fn set_group(caller: &Arc<Process>, process: &Arc<Process>, group: u32) -> Result<(), Errno> {
    if !Arc::ptr_eq(process, caller) {
        let parent = process.parent.lock().upgrade();
        if !parent.is_some_and(|parent| Arc::ptr_eq(&parent, caller)) {
            return Err(Errno::ESRCH);
        }
        if session_of(process) != session_of(caller) {
            return Err(Errno::EPERM);
        }
        if process.has_execed.load(Ordering::Relaxed) {
            return Err(Errno::EACCES);
        }
    }
    if leads_session(process) {
        return Err(Errno::EPERM);
    }
    let is_member = |member: &Arc<Process>| session_of(member) == session_of(caller);
    if group != process.pid && !group_members(group).any(|member| is_member(&member)) {
        return Err(Errno::EPERM);
    }
    table::move_to(process, group, session_of(process));
    Ok(())
}

/// Makes `process` the leader of a new session and group, without a controlling terminal
/// (setsid(2)).
///
/// # Errors
/// `EPERM` if a group with the process's ID exists.
pub fn make_session(process: &Process) -> Result<(), Errno> {
    if leads_session(process) || group_members(process.pid).next().is_some() {
        return Err(Errno::EPERM);
    }
    table::move_to(process, process.pid, process.pid);
    process.terminal.set(Controlling::default());
    Ok(())
}

/// Whether the group of `process` is orphaned: no member has a parent in another group of the same
/// session, which could continue it (POSIX, "orphaned process group").
pub fn is_orphaned_group(process: &Process) -> bool {
    is_orphaned(group_of(process))
}

/// Whether a group is orphaned. A process that ends doesn't count (will_become_orphaned_pgrp).
fn is_orphaned(group: u32) -> bool {
    !members_in_parts(group).any(|member| member.has_threads() && is_linked(&member, group))
}

/// Whether the parent of `member` is in another group of the same session. Init doesn't count. A
/// parent that ends is as good as the next one, although its children may still have it.
fn is_linked(member: &Process, group: u32) -> bool {
    let parent = member.parent.lock().upgrade();
    let parent = parent.and_then(|parent| {
        if parent.has_threads() {
            Some(parent)
        } else {
            table::reaper_of(&parent)
        }
    });
    parent.is_some_and(|parent| {
        !parent.is_init() && group_of(&parent) != group && session_of(&parent) == session_of(member)
    })
}

/// The members of a group, with a preemption point between two parts of a large one.
fn members_in_parts(group: u32) -> impl Iterator<Item = Arc<Process>> {
    /// Weight of a member between two points, in bytes copied.
    const LOOK: usize = 256;
    let mut stride = Stride::default();
    group_members(group).inspect(move |_| {
        if stride.passes(LOOK) {
            preempt::point();
        }
    })
}

/// Checks the group of `process`, which ends.
pub fn member_ended(process: &Process) {
    let group = group_of(process);
    if is_linked(process, group) {
        signal_if_orphaned(group);
    }
}

/// The groups of the children of a process that ends: each is checked once, however many children
/// are in it.
pub struct GroupsOfChildren {
    /// Number of the exit.
    exit: u64,
    parents_group: u32,
    session: u32,
}

impl GroupsOfChildren {
    /// Those of `parent`.
    pub fn of(parent: &Process) -> Self {
        static EXITS: AtomicU64 = AtomicU64::new(1);
        Self {
            exit: EXITS.fetch_add(1, Ordering::Relaxed),
            parents_group: group_of(parent),
            session: session_of(parent),
        }
    }

    /// Checks the group of `child`, which has its new parent.
    pub fn given_away(&self, child: &Process) {
        let group = group_of(child);
        let concerns = group != self.parents_group && session_of(child) == self.session;
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
