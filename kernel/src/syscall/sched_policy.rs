//! Scheduling policies: sched_setscheduler(2), sched_setattr(2) and their getters. Policies are
//! stored but do not affect scheduling (`process/attributes.rs`). SCHED_DEADLINE is refused.

use alloc::sync::Arc;

use linux_raw_sys::general as linux;

use super::priority::is_nice_within_limit;
use super::time::Pair;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::process::{Task, current, current_task, table};
use crate::usercopy::UserPtr;

/// sched_setparam(2) keeps the policy (SETPARAM_POLICY).
const SAME: i32 = -1;
/// Flag in a policy: children start with the default policy.
const RESET_ON_FORK: u32 = linux::SCHED_RESET_ON_FORK;
/// Time slice of SCHED_RR in nanoseconds (RR_TIMESLICE).
const RR_TIMESLICE: i64 = 100_000_000;
/// 32-bit words of struct sched_attr's first version: size, policy, flags (64 bits), nice,
/// priority, then times (SCHED_ATTR_SIZE_VER0).
const ATTR_WORDS: usize = 12;
/// SCHED_FLAG_RESET_ON_FORK, the only supported flag.
const FLAG_RESET: u32 = 1;

/// The thread `pid` (0: the caller).
fn find(pid: i32) -> Result<Arc<Task>, Errno> {
    match u32::try_from(pid) {
        Ok(0) => Ok(current_task()),
        Ok(tid) => table::find(tid).ok_or(Errno::ESRCH),
        Err(_) => Err(Errno::EINVAL),
    }
}

fn is_real_time(policy: u32) -> bool {
    matches!(policy, linux::SCHED_FIFO | linux::SCHED_RR)
}

/// sched_getscheduler(2).
pub fn sched_getscheduler(pid: i32) -> SysResult {
    let own = *find(pid)?.attributes.lock();
    let reset = if own.reset_on_fork { RESET_ON_FORK } else { 0 };
    Ok((own.policy | reset) as usize)
}

/// sched_getparam(2).
pub fn sched_getparam(pid: i32, out: UserPtr<u32>) -> SysResult {
    if out.is_null() {
        return Err(Errno::EINVAL);
    }
    let priority = find(pid)?.attributes.lock().priority;
    out.write(priority).map(|()| 0)
}

/// sched_setparam(2).
pub fn sched_setparam(pid: i32, param: UserPtr<u32>) -> SysResult {
    change(pid, SAME, param)
}

/// sched_setscheduler(2).
pub fn sched_setscheduler(pid: i32, policy: i32, param: UserPtr<u32>) -> SysResult {
    if policy < 0 {
        return Err(Errno::EINVAL);
    }
    change(pid, policy, param)
}

fn change(pid: i32, policy: i32, param: UserPtr<u32>) -> SysResult {
    if param.is_null() || pid < 0 {
        return Err(Errno::EINVAL);
    }
    let priority = param.read()?;
    let task = find(pid)?;
    let old = *task.attributes.lock();
    let (policy, reset) = if policy == SAME {
        (old.policy, old.reset_on_fork)
    } else {
        let reset = policy as u32 & RESET_ON_FORK != 0;
        (policy as u32 & !RESET_ON_FORK, reset)
    };
    set(&task, policy, priority, reset, None)
}

/// Sets policy, priority and nice value (__sched_setscheduler in kernel/sched/syscalls.c).
fn set(task: &Task, policy: u32, priority: u32, reset: bool, nice: Option<i32>) -> SysResult {
    let is_known = is_real_time(policy)
        || matches!(
            policy,
            linux::SCHED_NORMAL | linux::SCHED_BATCH | linux::SCHED_IDLE
        );
    if !is_known || priority > 99 || is_real_time(policy) != (priority != 0) {
        return Err(Errno::EINVAL);
    }
    let old = *task.attributes.lock();
    let me = current().cred();
    if !me.has(Caps::SYS_NICE) {
        let limit = task.process.soft_limit(linux::RLIMIT_RTPRIO);
        let raises = is_real_time(policy)
            && (policy != old.policy && limit == 0
                || priority > old.priority && u64::from(priority) > limit);
        let is_owner = me.may_schedule(&task.cred());
        let now = i32::from(old.nice);
        let wants_more = !is_real_time(policy)
            && nice.is_some_and(|nice| nice < now && !is_nice_within_limit(task, nice));
        // SCHED_IDLE is below every nice value.
        let leaves_idle = old.policy == linux::SCHED_IDLE
            && policy != linux::SCHED_IDLE
            && !is_nice_within_limit(task, now);
        let forgets = old.reset_on_fork && !reset;
        if raises || wants_more || leaves_idle || !is_owner || forgets {
            return Err(Errno::EPERM);
        }
    }
    let mut own = task.attributes.lock();
    (own.policy, own.priority, own.reset_on_fork) = (policy, priority, reset);
    if let Some(nice) = nice.filter(|_| !is_real_time(policy)) {
        own.nice = nice.clamp(-20, 19) as i8;
    }
    Ok(0)
}

/// sched_get_priority_max(2).
pub fn sched_get_priority_max(policy: u32) -> SysResult {
    match policy {
        linux::SCHED_FIFO | linux::SCHED_RR => Ok(99),
        linux::SCHED_NORMAL | linux::SCHED_BATCH | linux::SCHED_IDLE => Ok(0),
        linux::SCHED_DEADLINE | linux::SCHED_EXT => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

/// sched_get_priority_min(2).
pub fn sched_get_priority_min(policy: u32) -> SysResult {
    sched_get_priority_max(policy).map(|max| max.min(1))
}

/// sched_rr_get_interval(2).
pub fn sched_rr_get_interval<P: Pair>(pid: i32, out: UserPtr<P>) -> SysResult {
    let policy = find(pid)?.attributes.lock().policy;
    let nanos = match policy {
        linux::SCHED_RR => RR_TIMESLICE,
        linux::SCHED_FIFO => 0,
        // A time slice is one tick.
        _ => i64::from(crate::time::TICK_NANOS),
    };
    out.write(P::new(0, nanos)).map(|()| 0)
}

/// sched_setattr(2): policy, nice value and priority; the times, of SCHED_DEADLINE, are ignored.
pub fn sched_setattr(pid: i32, attr: UserPtr<u32>, flags: u32) -> SysResult {
    if attr.is_null() || pid < 0 || flags != 0 {
        return Err(Errno::EINVAL);
    }
    let size = match attr.read()? {
        0 => ATTR_WORDS * 4,
        size => size as usize,
    };
    if size < ATTR_WORDS * 4 || size > crate::mm::PAGE_SIZE as usize {
        attr.write(ATTR_WORDS as u32 * 4)?;
        return Err(Errno::E2BIG);
    }
    let words = attr.cast::<[u32; ATTR_WORDS]>().read()?;
    let [_, policy, flags, more_flags, nice, priority, ..] = words;
    if flags & !FLAG_RESET != 0 || more_flags != 0 {
        return Err(Errno::EINVAL);
    }
    let task = find(pid)?;
    let reset = flags & FLAG_RESET != 0;
    set(&task, policy, priority, reset, Some(nice as i32))
}

/// sched_getattr(2).
pub fn sched_getattr(pid: i32, attr: UserPtr<u32>, size: u32, flags: u32) -> SysResult {
    let known = (ATTR_WORDS as u32 * 4)..=crate::mm::PAGE_SIZE as u32;
    if attr.is_null() || pid < 0 || flags != 0 || !known.contains(&size) {
        return Err(Errno::EINVAL);
    }
    let own = *find(pid)?.attributes.lock();
    let mut words = [0; ATTR_WORDS];
    words[0] = ATTR_WORDS as u32 * 4;
    words[1] = own.policy;
    words[2] = own.reset_on_fork.into();
    if is_real_time(own.policy) {
        words[5] = own.priority;
    } else {
        words[4] = i32::from(own.nice) as u32;
    }
    attr.cast().write(words)?;
    crate::usercopy::clear(
        attr.address().wrapping_add(ATTR_WORDS as u64 * 4),
        size as usize - ATTR_WORDS * 4,
    )?;
    Ok(0)
}
