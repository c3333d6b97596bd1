//! Advice and queries about memory: madvise(2), msync(2), mincore(2).
//!
//! Advice about read-ahead, huge pages, core dumps and reclaim is accepted without effect. Left
//! out, with `EINVAL` as from a Linux built without it: page merging (KSM), memory failures
//! (MADV_HWPOISON), MADV_COLLAPSE, guard regions.

use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::general as linux;

use super::memory::{self, with_mm};
use crate::abi::errno::{Errno, SysResult};
use crate::mm::fallible::{self, TryPush as _};
use crate::mm::{PAGE_SIZE, page_up};
use crate::process::{SharedMm, caller, current};
use crate::sched::preempt;
use crate::usercopy::{self, UserPtr};
use crate::vm::address_space::AddressSpace;
use crate::vm::fault::{Access, FaultError};
use crate::vm::vma::{Backing, PageSource, Prot, Role, Vma, VmaFlags};

/// Holes to punch in files (MADV_REMOVE): the page source of an area, and the range of its bytes.
pub(super) type Holes = Vec<(Arc<dyn PageSource>, core::ops::Range<u64>)>;

/// madvise(2).
pub fn madvise(addr: u64, len: u64, advice: u32) -> SysResult {
    let end = end_of_advice(addr, len, advice)?;
    let mut holes = Holes::new();
    let result = match advice {
        linux::MADV_POPULATE_READ => populate(addr, end, Access::Read),
        linux::MADV_POPULATE_WRITE => populate(addr, end, Access::Write),
        _ => {
            let mm = current().mm().ok_or(Errno::ESRCH)?;
            in_parts(&mm, addr, end, advice, &mut holes)
        }
    };
    // With the address space unlocked: the pages leave all mappings of the file, this one's too.
    for (source, mut range) in holes {
        while !range.is_empty() {
            range = source.remove(range, &caller::credentials())?;
            preempt::point();
        }
    }
    result.map(|()| 0)
}

/// End of the pages that `advice` is given for.
///
/// # Errors
/// `EINVAL`, also for unknown advice.
pub(super) fn end_of_advice(addr: u64, len: u64, advice: u32) -> Result<u64, Errno> {
    let known = matches!(advice, 0..=4 | 8..=11 | 14..=24);
    if !known || !addr.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    let len = page_up(len).ok_or(Errno::EINVAL)?;
    addr.checked_add(len).ok_or(Errno::EINVAL)
}

fn populate(start: u64, end: u64, access: Access) -> Result<(), Errno> {
    // The clock page can't be prefaulted (VM_IO), nor the vDSO for writing.
    let is_refused = |area: &Vma| {
        let is_writable = area.prot.contains(Prot::WRITE);
        area.role == Role::Vvar || area.is_kernels() && access == Access::Write && !is_writable
    };
    // Only up to the first hole, which has an error of its own.
    let is_refused = with_mm(|mm| {
        let mut covered = start;
        let up_to_hole = |area: &&Vma| {
            let is_joined = area.start <= covered;
            covered = area.end;
            is_joined
        };
        Ok(mm
            .overlapping(start, end)
            .take_while(up_to_hole)
            .any(is_refused))
    })?;
    if is_refused {
        return Err(Errno::EINVAL);
    }
    memory::populate(start, end, Some(access)).map_err(|why| match why {
        FaultError::NotMapped | FaultError::OutOfMemory => Errno::ENOMEM,
        FaultError::NotAllowed | FaultError::Denied(_) => Errno::EINVAL,
        FaultError::PastEnd => Errno::EFAULT,
    })
}

/// Applies the advice, to a part of the areas and pages at a time. A hole makes the call fail, but
/// only once the parts beyond it are processed.
pub(super) fn in_parts(
    mm: &SharedMm,
    start: u64,
    end: u64,
    advice: u32,
    holes: &mut Holes,
) -> Result<(), Errno> {
    let _turn = mm.turn();
    let (mut at, mut result) = (start, Ok(()));
    loop {
        let (stop, part) = {
            let mut mm = mm.lock();
            let stop = mm.end_of_part(at, end);
            (stop, advise(&mut mm, at, stop, advice, holes))
        };
        match part {
            Err(Errno::ENOMEM) => result = Err(Errno::ENOMEM),
            other => other?,
        }
        if stop >= end {
            return result;
        }
        at = stop;
        preempt::point();
    }
}

/// Applies the advice to each area of the range. A hole makes the call fail, but only once the
/// areas beyond it are processed.
fn advise(
    mm: &mut AddressSpace,
    start: u64,
    end: u64,
    advice: u32,
    holes: &mut Holes,
) -> Result<(), Errno> {
    let covered = mm.mapped_bytes(start, end);
    let mut at = start;
    loop {
        let Some(mut part) = mm.overlapping(at, end).next().cloned() else {
            break;
        };
        if part.start < at {
            part = part.split_off(at);
        }
        if part.end > end {
            part.split_off(end);
        }
        at = part.end;
        if part.is_kernels() {
            advise_kernels(mm, &part, advice)?;
        } else {
            advise_one(mm, &part, advice, holes)?;
        }
    }
    if covered < end - start {
        return Err(Errno::ENOMEM);
    }
    Ok(())
}

/// Applies the advice to the vDSO or its data page. Flags apply to the whole area only, some advice
/// is refused for special mappings (VM_SPECIAL), and the data page is not ordinary memory
/// (VM_PFNMAP, VM_IO).
fn advise_kernels(mm: &mut AddressSpace, area: &Vma, advice: u32) -> Result<(), Errno> {
    let is_data = area.role == Role::Vvar;
    let whole = mm
        .find(area.start)
        .is_some_and(|whole| !whole.would_be_cut(area.start, area.end));
    match advice {
        linux::MADV_FREE | linux::MADV_REMOVE | linux::MADV_DODUMP => Err(Errno::EINVAL),
        linux::MADV_DONTNEED
        | linux::MADV_DONTNEED_LOCKED
        | linux::MADV_DOFORK
        | linux::MADV_COLD
        | linux::MADV_PAGEOUT
            if is_data =>
        {
            Err(Errno::EINVAL)
        }
        linux::MADV_RANDOM
        | linux::MADV_SEQUENTIAL
        | linux::MADV_DONTFORK
        | linux::MADV_WIPEONFORK
        | linux::MADV_HUGEPAGE
        | linux::MADV_NOHUGEPAGE
            if !whole =>
        {
            Err(Errno::EINVAL)
        }
        // The data page has VM_DONTDUMP from the start.
        linux::MADV_DONTDUMP if !whole && !is_data => Err(Errno::EINVAL),
        linux::MADV_DONTNEED | linux::MADV_DONTNEED_LOCKED => {
            mm.drop_pages(area.start, area.end);
            Ok(())
        }
        linux::MADV_DONTFORK | linux::MADV_DOFORK => {
            let on = advice == linux::MADV_DONTFORK;
            mm.change_flags(area.start, area.end, VmaFlags::DONT_FORK, on)
        }
        _ => Ok(()),
    }
}

fn advise_one(
    mm: &mut AddressSpace,
    area: &Vma,
    advice: u32,
    holes: &mut Holes,
) -> Result<(), Errno> {
    let (start, end) = (area.start, area.end);
    let locked = area.flags.contains(VmaFlags::LOCKED);
    let private = !area.shared && matches!(area.backing, Backing::Anonymous);
    let mut set = |flag, on| mm.change_flags(start, end, flag, on);
    match advice {
        linux::MADV_DONTNEED | linux::MADV_DONTNEED_LOCKED => {
            if locked && advice == linux::MADV_DONTNEED {
                return Err(Errno::EINVAL);
            }
            mm.drop_pages(start, end);
            Ok(())
        }
        linux::MADV_FREE if !private => Err(Errno::EINVAL),
        linux::MADV_FREE => {
            mm.drop_pages(start, end);
            Ok(())
        }
        linux::MADV_REMOVE => {
            let Backing::File { source, offset, .. } = &area.backing else {
                return Err(Errno::EINVAL);
            };
            if locked {
                return Err(Errno::EINVAL);
            }
            if !area.shared || !area.max_prot.contains(Prot::WRITE) {
                return Err(Errno::EACCES);
            }
            // The limits of a range for fallocate(2) (vfs_fallocate in fs/open.c).
            let start = i64::try_from(*offset).map_err(|_| Errno::EINVAL)?;
            start.checked_add_unsigned(area.len()).ok_or(Errno::EFBIG)?;
            holes.try_push((source.source().clone(), *offset..offset + area.len()))
        }
        linux::MADV_DONTFORK => set(VmaFlags::DONT_FORK, true),
        linux::MADV_DOFORK => set(VmaFlags::DONT_FORK, false),
        linux::MADV_WIPEONFORK if !private => Err(Errno::EINVAL),
        linux::MADV_WIPEONFORK => set(VmaFlags::WIPE_ON_FORK, true),
        linux::MADV_KEEPONFORK => set(VmaFlags::WIPE_ON_FORK, false),
        linux::MADV_COLD | linux::MADV_PAGEOUT if locked => Err(Errno::EINVAL),
        _ => Ok(()),
    }
}

/// Areas that msync(2) checks between two preemption points.
const AREAS_AT_ONCE: u32 = 256;

/// msync(2): only checks its arguments, as a file and its mappings share their pages.
pub fn msync(addr: u64, len: u64, flags: u32) -> SysResult {
    let both = linux::MS_ASYNC | linux::MS_SYNC;
    if !addr.is_multiple_of(PAGE_SIZE)
        || flags & !(both | linux::MS_INVALIDATE) != 0
        || flags & both == both
    {
        return Err(Errno::EINVAL);
    }
    // A length that rounds up to 2^64 wraps to 0.
    let end = addr
        .checked_add(page_up(len).unwrap_or(0))
        .ok_or(Errno::ENOMEM)?;
    let (mut at, mut is_whole) = (addr, true);
    while at < end {
        at = with_mm(|mm| {
            let (mut covered, mut left) = (at, AREAS_AT_ONCE);
            for area in mm.overlapping(at, end) {
                if flags & linux::MS_INVALIDATE != 0 && area.flags.contains(VmaFlags::LOCKED) {
                    return Err(Errno::EBUSY);
                }
                is_whole &= area.start <= covered;
                covered = area.end.min(end);
                left -= 1;
                if left == 0 {
                    return Ok(covered);
                }
            }
            is_whole &= covered == end;
            Ok(end)
        })?;
        preempt::point();
    }
    if is_whole { Ok(0) } else { Err(Errno::ENOMEM) }
}

/// mincore(2): a byte for each page, 1 if the page is in memory. Every page that a file has is.
pub fn mincore(addr: u64, len: u64, out: UserPtr<u8>) -> SysResult {
    /// Pages that are checked at a time.
    const AT_ONCE: u64 = 4096;
    if !addr.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    usercopy::check(addr, usize::try_from(len).unwrap_or(usize::MAX)).map_err(|_| Errno::ENOMEM)?;
    let pages = len.div_ceil(PAGE_SIZE);
    usercopy::check(out.address(), pages as usize)?;
    let mut done = 0;
    while done < pages {
        let start = addr + done * PAGE_SIZE;
        let bytes = with_mm(|mm| {
            let area = mm.find(start).ok_or(Errno::ENOMEM)?;
            let count = (pages - done)
                .min(AT_ONCE)
                .min((area.end - start) / PAGE_SIZE);
            let mut bytes = fallible::zeroed(count as usize)?;
            mm.mark_in_memory(area, start, &mut bytes);
            Ok(bytes)
        })?;
        out.add(done as usize).write_slice(&bytes)?;
        done += bytes.len() as u64;
        preempt::killed()?;
    }
    Ok(0)
}
