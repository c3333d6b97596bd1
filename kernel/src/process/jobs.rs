//! Sessions and process groups (setsid(2), setpgid(2), credentials(7)); orphaned process groups.
//!
//! `terminal.rs` has the controlling terminal of a session, `stop.rs` stopping and continuing.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::Process;
use super::table::{self, group_members};
use super::terminal::Controlling;
use crate::abi::errno::Errno;
use crate::sched::preempt::{self, Stride};

/// The session of a group, or of a process with that ID; `None` if there is neither.
pub fn session_of_group(group: u32) -> Option<u32> {
    let found = group_members(group).next();
    let found = found.or_else(|| table::find_process(group));
    found.map(|process| process.session())
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
        if process.session() != caller.session() {
            return Err(Errno::EPERM);
        }
        if process.has_execed.load(Ordering::Relaxed) {
            return Err(Errno::EACCES);
        }
    }
    if process.leads_session() {
        return Err(Errno::EPERM);
    }
    let is_member = |member: &Arc<Process>| member.session() == caller.session();
    if group != process.pid && !group_members(group).any(|member| is_member(&member)) {
        return Err(Errno::EPERM);
    }
    table::move_to(process, group, process.session());
    Ok(())
}

/// Makes `process` the leader of a new session and group, without a controlling terminal
/// (setsid(2)).
///
/// # Errors
/// `EPERM` if a group with the process's ID exists.
pub fn make_session(process: &Process) -> Result<(), Errno> {
    if process.leads_session() || group_members(process.pid).next().is_some() {
        return Err(Errno::EPERM);
    }
    table::move_to(process, process.pid, process.pid);
    process.terminal.set(Controlling::default());
    Ok(())
}

/// Whether the group of `process` is orphaned: no member has a parent in another group of the same
/// session, which could continue it (POSIX, "orphaned process group").
pub fn is_orphaned_group(process: &Process) -> bool {
    is_orphaned(process.group())
}

/// Whether a group is orphaned. A process that ends doesn't count (will_become_orphaned_pgrp).
pub(super) fn is_orphaned(group: u32) -> bool {
    !members_in_parts(group).any(|member| member.has_threads() && is_linked(&member, group))
}

/// Whether the parent of `member` is in another group of the same session. Init doesn't count. A
/// parent that ends is as good as the next one, although its children may still have it.
pub(super) fn is_linked(member: &Process, group: u32) -> bool {
    let parent = member.parent.lock().upgrade();
    let parent = parent.and_then(|parent| {
        if parent.has_threads() {
            Some(parent)
        } else {
            table::reaper_of(&parent)
        }
    });
    parent.is_some_and(|parent| {
        !parent.is_init() && parent.group() != group && parent.session() == member.session()
    })
}

/// The members of a group, with a preemption point between two parts of a large one.
pub(super) fn members_in_parts(group: u32) -> impl Iterator<Item = Arc<Process>> {
    /// Weight of a member between two points, in bytes copied.
    const LOOK: usize = 256;
    let mut stride = Stride::default();
    group_members(group).inspect(move |_| {
        if stride.passes(LOOK) {
            preempt::point();
        }
    })
}
