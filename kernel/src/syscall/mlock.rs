//! Memory locking: mlock(2), mlock2(2), mlockall(2). Pages are never swapped out, so locking only
//! prefaults them, protects them from madvise(2) that drops pages, and counts against the limit.

use linux_raw_sys::general as linux;

use super::memory::{in_turn, part, populate, with_mm};
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::mm::{page_down, page_up};
use crate::process::capability::capable;
use crate::sched::preempt;
use crate::vm::vma::VmaFlags;

/// Checks that the caller may lock memory at all (can_do_mlock), and records in its address space
/// whether it may exceed the limit (CAP_IPC_LOCK).
///
/// # Errors
/// `EPERM`.
pub fn may_lock() -> Result<(), Errno> {
    let privileged = capable(Caps::IPC_LOCK);
    with_mm(|mm| {
        mm.lock_unlimited = privileged;
        if privileged || mm.limits.locked > 0 {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    })
}

/// Start and length of the pages that [addr, addr + len) touches; a length that rounds up to 2^64
/// wraps to 0 (do_mlock in mm/mlock.c).
fn pages(addr: u64, len: u64) -> (u64, u64) {
    let start = page_down(addr);
    let touched = len.checked_add(addr - start).and_then(page_up);
    (start, touched.unwrap_or(0))
}

/// mlock(2).
pub fn mlock(addr: u64, len: u64) -> SysResult {
    mlock2(addr, len, 0)
}

/// mlock2(2): with MLOCK_ONFAULT pages are locked at their first access.
pub fn mlock2(addr: u64, len: u64, flags: u32) -> SysResult {
    if flags & !linux::MLOCK_ONFAULT != 0 {
        return Err(Errno::EINVAL);
    }
    may_lock()?;
    let (start, len) = pages(addr, len);
    with_mm(|mm| mm.check_lock_range(start, len))?;
    let end = lock_in_parts(start, len, true)?;
    if flags == 0 {
        populate(start, end, None).map_err(|_| Errno::ENOMEM)?;
    }
    Ok(0)
}

/// munlock(2).
pub fn munlock(addr: u64, len: u64) -> SysResult {
    let (start, len) = pages(addr, len);
    lock_in_parts(start, len, false).map(|_| 0)
}

/// Locks or unlocks a part of the areas at a time, up to the first hole; returns the end.
///
/// # Errors
/// `ENOMEM` at a hole, `EINVAL` for an end past 2^64.
fn lock_in_parts(start: u64, len: u64, lock: bool) -> Result<u64, Errno> {
    let end = start.checked_add(len).ok_or(Errno::EINVAL)?;
    in_turn(|space| {
        let mut at = start;
        while at < end {
            at = part(space, |mm| {
                let stop = mm.end_of_areas(at, end);
                mm.lock_range(at, stop, lock).map(|()| stop)
            })?;
            preempt::point();
        }
        Ok(end)
    })
}

/// mlockall(2): MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT (which needs one of the others).
pub fn mlockall(flags: u32) -> SysResult {
    let all = linux::MCL_CURRENT | linux::MCL_FUTURE | linux::MCL_ONFAULT;
    if flags & !all != 0 || matches!(flags, 0 | linux::MCL_ONFAULT) {
        return Err(Errno::EINVAL);
    }
    may_lock()?;
    let current = flags & linux::MCL_CURRENT != 0;
    let end = with_mm(|mm| {
        let bytes = mm.page_counts().0 * crate::mm::PAGE_SIZE;
        if current && !mm.lock_unlimited && bytes > mm.limits.locked {
            return Err(Errno::ENOMEM);
        }
        mm.lock_future = flags & linux::MCL_FUTURE != 0;
        Ok(mm.task_size)
    })?;
    if current {
        lock_all(end, true)?;
    }
    if current && flags & linux::MCL_ONFAULT == 0 {
        // Inaccessible pages can't be prefaulted, which is not an error.
        let _ = populate(0, end, None);
    }
    Ok(0)
}

/// munlockall(2).
pub fn munlockall() -> SysResult {
    let end = with_mm(|mm| {
        mm.lock_future = false;
        Ok(mm.task_size)
    })?;
    lock_all(end, false).map(|()| 0)
}

/// Locks or unlocks all areas, a part at a time.
fn lock_all(end: u64, lock: bool) -> Result<(), Errno> {
    in_turn(|space| {
        let mut at = 0;
        while at < end {
            at = part(space, |mm| {
                let stop = mm.end_of_areas(at, end);
                // The range always has holes, which are not an error here.
                let _ = mm.change_flags(at, stop, VmaFlags::LOCKED, lock);
                Ok(stop)
            })?;
            preempt::point();
        }
        Ok(())
    })
}
