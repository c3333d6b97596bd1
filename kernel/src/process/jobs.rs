//! Sessions and process groups (setsid(2), setpgid(2), credentials(7)); orphaned process groups.
//!
//! `terminal.rs` has the controlling terminal of a session, `stop.rs` stopping and continuing.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::Process;
use super::signal;
use super::status::StopState;
use super::table::{self, group_members};
use super::terminal::Controlling;
use crate::abi::errno::Errno;
use crate::abi::signal::{SIGCONT, SIGHUP, SigInfo};

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
    is_orphaned(group_of(process), None)
}

/// Whether a group is orphaned when one of its members doesn't count. Init as a parent doesn't
/// count (will_become_orphaned_pgrp).
fn is_orphaned(group: u32, without: Option<&Process>) -> bool {
    !group_members(group).any(|member| {
        let counts = member.status.lock().is_none()
            && without.is_none_or(|without| without.pid != member.pid);
        counts && has_parent_outside(&member, group)
    })
}

/// Whether the parent of `member` is in another group of the same session.
fn has_parent_outside(member: &Process, group: u32) -> bool {
    let parent = member.parent.lock().upgrade();
    parent.is_some_and(|parent| {
        !parent.is_init() && group_of(&parent) != group && session_of(&parent) == session_of(member)
    })
}

/// Handles the groups that the exit of `process` orphans: its own and those of its children. A
/// stopped group that becomes orphaned gets SIGHUP and SIGCONT (kill_orphaned_pgrp).
pub fn orphaned_by(process: &Arc<Process>) {
    let own = group_of(process);
    for child in children_of(process) {
        child.group_was_asked.store(false, Ordering::Relaxed);
    }
    for child in children_of(process) {
        let group = group_of(&child);
        let concerns = group != own && session_of(&child) == session_of(process);
        // Each group once, however many children are in it.
        if concerns && !child.group_was_asked.load(Ordering::Relaxed) {
            signal_if_orphaned(process, group);
        }
    }
    if has_parent_outside(process, own) {
        signal_if_orphaned(process, own);
    }
}

/// The children of a process, by ID. Without a list: an exit must not need memory.
fn children_of(process: &Process) -> impl Iterator<Item = Arc<Process>> {
    let mut from = 0;
    core::iter::from_fn(move || {
        let children = process.children.lock();
        let (&pid, child) = children.range(from..).next()?;
        from = pid + 1;
        Some(child.clone())
    })
}

/// Sends SIGHUP and SIGCONT to a stopped group that the exit of `process` orphans.
fn signal_if_orphaned(process: &Arc<Process>, group: u32) {
    let is_stopped =
        |member: &Arc<Process>| matches!(member.signals.lock().stop, StopState::Stopped(_));
    // The children of `process` get another parent.
    let is_linked = |member: &Arc<Process>| {
        let is_child = member
            .parent
            .lock()
            .upgrade()
            .is_some_and(|parent| Arc::ptr_eq(&parent, process));
        let counts = member.status.lock().is_none() && member.pid != process.pid && !is_child;
        counts && has_parent_outside(member, group)
    };
    let (mut any_stopped, mut any_linked) = (false, false);
    for member in group_members(group) {
        member.group_was_asked.store(true, Ordering::Relaxed);
        any_stopped |= is_stopped(&member);
        any_linked |= is_linked(&member);
    }
    if any_stopped && !any_linked {
        for signo in [SIGHUP, SIGCONT] {
            let _ = signal::send_group(group, &SigInfo::kernel(signo));
        }
    }
}
