//! Priorities: getpriority(2), setpriority(2), nice(2), ioprio_get(2), ioprio_set(2).
//!
//! Nice values and I/O priorities are stored (`process/attributes.rs`) without effect on
//! scheduling.

use alloc::sync::Arc;

use linux_raw_sys::general::RLIMIT_NICE;

use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::process::capability::capable;
use crate::process::{Task, current, current_task, table};

// `which` of getpriority(2): PRIO_PROCESS (a thread), PRIO_PGRP, PRIO_USER. ioprio_get(2)'s values
// start at 1.
const PROCESS: i32 = 0;
const GROUP: i32 = 1;
const USER: i32 = 2;

/// Position of the class in ioprio_set(2)'s value, above 13 bits of level.
const CLASS_SHIFT: u32 = 13;
const CLASS_NONE: u32 = 0;
const CLASS_REAL_TIME: u32 = 1;
const CLASS_BEST_EFFORT: u32 = 2;
const CLASS_IDLE: u32 = 3;
/// Levels of a class.
const LEVELS: u32 = 8;

/// The threads that `which` and `who` select; a `who` of 0 is the caller's.
///
/// # Errors
/// `EINVAL` for an unknown `which`.
fn targets(which: i32, who: i32) -> Result<impl Iterator<Item = Arc<Task>>, Errno> {
    let me = current_task();
    let own = match which {
        PROCESS => me.tid(),
        GROUP => me.process.group(),
        USER => me.cred().uid,
        _ => return Err(Errno::EINVAL),
    };
    let wanted = if who == 0 { own } else { who as u32 };
    let only = match which {
        PROCESS if wanted == own => Some(me),
        PROCESS => table::find(wanted),
        _ => None,
    };
    let all = (which != PROCESS).then(table::all).into_iter().flatten();
    let matches = move |task: &Arc<Task>| match which {
        GROUP => task.process.group() == wanted,
        _ => task.cred().uid == wanted,
    };
    Ok(only.into_iter().chain(all.filter(matches)))
}

/// Whether `task`'s RLIMIT_NICE allows the nice value (is_nice_reduction in kernel/sched/core.c).
pub(super) fn is_nice_within_limit(task: &Task, nice: i32) -> bool {
    let limit = task.process.soft_limit(RLIMIT_NICE);
    (20 - nice) as u64 <= limit
}

/// Whether the caller may set `task`'s nice value (can_nice in kernel/sched/core.c).
fn may_set_nice(task: &Task, nice: i32) -> bool {
    is_nice_within_limit(task, nice) || capable(Caps::SYS_NICE)
}

/// getpriority(2): the highest priority of the threads, from 40 (nice -20) to 1 (nice 19).
pub fn getpriority(which: i32, who: i32) -> SysResult {
    let targets = targets(which, who)?;
    let value = |task: &Arc<Task>| (20 - i32::from(task.attributes.lock().nice)) as usize;
    targets.map(|task| value(&task)).max().ok_or(Errno::ESRCH)
}

/// setpriority(2).
pub fn setpriority(which: i32, who: i32, nice: i32) -> SysResult {
    let nice = nice.clamp(-20, 19);
    let me = current().cred();
    let mut result = Err(Errno::ESRCH);
    for task in targets(which, who)? {
        let old = i32::from(task.attributes.lock().nice);
        let owner = task.cred();
        let is_owner = me.euid == owner.uid || me.euid == owner.euid;
        if !is_owner && !me.has(Caps::SYS_NICE) {
            result = Err(Errno::EPERM);
        } else if nice < old && !may_set_nice(&task, nice) {
            result = Err(Errno::EACCES);
        } else if !me.may_schedule(&owner) {
            result = Err(Errno::EPERM);
        } else {
            task.attributes.lock().nice = nice as i8;
            // A refusal stays the result, even if a later thread's change succeeds.
            if result == Err(Errno::ESRCH) {
                result = Ok(0);
            }
        }
    }
    result
}

/// nice(2), i386.
pub fn nice(increment: i32) -> SysResult {
    let task = current_task();
    let old = i32::from(task.attributes.lock().nice);
    let nice = (old + increment.clamp(-40, 40)).clamp(-20, 19);
    if increment < 0 && !may_set_nice(&task, nice) {
        return Err(Errno::EPERM);
    }
    task.attributes.lock().nice = nice as i8;
    Ok(0)
}

/// ioprio_get(2): the highest I/O priority of the threads.
pub fn ioprio_get(which: i32, who: i32) -> SysResult {
    let targets = targets(which.wrapping_sub(1), who)?;
    let rank = |value: u32| {
        let class = value >> CLASS_SHIFT;
        let class = if class == CLASS_NONE {
            CLASS_BEST_EFFORT
        } else {
            class
        };
        (class, value % LEVELS)
    };
    let values = targets.map(|task| u32::from(task.attributes.lock().io_priority));
    let best = values.min_by_key(|value| rank(*value));
    best.map(|value| value as usize).ok_or(Errno::ESRCH)
}

/// ioprio_set(2).
pub fn ioprio_set(which: i32, who: i32, value: u32) -> SysResult {
    let level = value & ((1 << CLASS_SHIFT) - 1);
    match value >> CLASS_SHIFT {
        CLASS_REAL_TIME if !capable(Caps::SYS_ADMIN) && !capable(Caps::SYS_NICE) => {
            return Err(Errno::EPERM);
        }
        CLASS_REAL_TIME | CLASS_BEST_EFFORT if level % LEVELS == level => {}
        CLASS_IDLE => {}
        CLASS_NONE if level == 0 => {}
        _ => return Err(Errno::EINVAL),
    }
    let mut result = Err(Errno::ESRCH);
    let me = current().cred();
    for task in targets(which.wrapping_sub(1), who)? {
        // The IDs compared differ from setpriority(2)'s (set_task_ioprio in block/blk-ioc.c).
        let owner = task.cred();
        let is_owner = owner.uid == me.euid || owner.uid == me.uid;
        if !(is_owner && me.has_all_of(&owner) || me.has(Caps::SYS_NICE)) {
            return Err(Errno::EPERM);
        }
        task.attributes.lock().io_priority = value as u16;
        result = Ok(0);
    }
    result
}
