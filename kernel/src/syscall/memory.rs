//! mmap, munmap, mprotect, mremap, brk and their kin.

use alloc::sync::Arc;

use linux_raw_sys::general as linux;

use super::errno::{Errno, SysResult};
use crate::arch::percpu;
use crate::mm::address_space::AddressSpace;
use crate::mm::frame;
use crate::mm::mapping::{NewArea, Place};
use crate::mm::remap::Remap;
use crate::mm::vma::{Backing, Prot, Role};
use crate::mm::{PAGE_SIZE, page_down, page_up};
use crate::process::current;
use crate::usercopy::UserPtr;
use crate::vdso;

/// Runs `f` with the running program's address space.
fn with_mm<T>(f: impl FnOnce(&mut AddressSpace) -> Result<T, Errno>) -> Result<T, Errno> {
    let mm = current().mm().ok_or(Errno::ESRCH)?;
    let mut mm = mm.lock();
    let result = f(&mut mm);
    // The vDSO may have been moved or unmapped.
    percpu::set_landing_pad(vdso::landing_pad(mm.landmarks.vdso));
    result
}

/// PROT_* bits; PROT_GROWSDOWN and PROT_GROWSUP are not offered.
fn prot_from(bits: u32) -> Result<Prot, Errno> {
    // PROT_SEM (8) is accepted and means nothing on x86.
    Prot::from_bits(bits & !8).ok_or(Errno::EINVAL)
}

/// mmap(2). `offset` in bytes.
pub fn mmap(addr: u64, len: u64, prot: u32, flags: u32, fd: i32, offset: u64) -> SysResult {
    if !offset.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    if len == 0 {
        return Err(Errno::EINVAL);
    }
    // There are no huge pages to be had, and no files whose stores are durable by themselves.
    if flags & linux::MAP_HUGETLB != 0 {
        return Err(Errno::ENOMEM);
    }
    let known = Prot::from_bits_truncate(prot);
    let shared = match flags & linux::MAP_TYPE {
        linux::MAP_SHARED_VALIDATE if flags & linux::MAP_SYNC != 0 => {
            return Err(Errno::EOPNOTSUPP);
        }
        linux::MAP_SHARED | linux::MAP_SHARED_VALIDATE => true,
        linux::MAP_PRIVATE => false,
        _ => return Err(Errno::EINVAL),
    };
    let mut area = NewArea::anonymous(known);
    area.shared = shared;
    // Linux's heuristic for overcommitting: what is more than all there is, is too much.
    let private_and_writable = !shared && known.contains(Prot::WRITE);
    if private_and_writable
        && flags & linux::MAP_NORESERVE == 0
        && len / PAGE_SIZE > frame::statistics().1
    {
        return Err(Errno::ENOMEM);
    }
    if flags & linux::MAP_ANONYMOUS == 0 {
        page_up(len)
            .and_then(|len| offset.checked_add(len))
            .ok_or(Errno::EOVERFLOW)?;
        let (source, path, forbidden) = crate::fs::mappable(fd, known.contains(Prot::EXEC))?;
        if let Some(errno) = forbidden
            && shared
        {
            if known.contains(Prot::WRITE) {
                return Err(errno);
            }
            area.max_prot -= Prot::WRITE;
        }
        area.backing = Backing::File {
            source,
            offset,
            path,
        };
    } else if shared {
        area.backing = Backing::File {
            source: Arc::new(crate::mm::shared::SharedMemory::new()),
            offset: 0,
            path: "/dev/zero (deleted)".into(),
        };
    }
    let place = if flags & linux::MAP_FIXED_NOREPLACE != 0 {
        Place::FixedNoReplace(addr)
    } else if flags & linux::MAP_FIXED != 0 {
        Place::Fixed(addr)
    } else {
        Place::Hint(addr)
    };
    with_mm(|mm| mm.map(place, len, area)).map(|at| at as usize)
}

/// mmap2(2), i386: the offset is in pages.
pub fn mmap2(addr: u64, len: u64, prot: u32, flags: u32, fd: i32, page: u64) -> SysResult {
    mmap(addr, len, prot, flags, fd, page * PAGE_SIZE)
}

/// The first mmap of i386: its six arguments lie in memory.
pub fn old_mmap(args: UserPtr<[u32; 6]>) -> SysResult {
    let [addr, len, prot, flags, fd, offset] = args.read()?;
    mmap(
        addr.into(),
        len.into(),
        prot,
        flags,
        fd as i32,
        offset.into(),
    )
}

/// munmap(2).
pub fn munmap(addr: u64, len: u64) -> SysResult {
    with_mm(|mm| mm.unmap(addr, len)).map(|()| 0)
}

/// mprotect(2).
pub fn mprotect(addr: u64, len: u64, prot: u32) -> SysResult {
    let prot = prot_from(prot)?;
    if len == 0 && addr.is_multiple_of(PAGE_SIZE) {
        return Ok(0);
    }
    with_mm(|mm| mm.protect(addr, len, prot)).map(|()| 0)
}

/// mremap(2).
pub fn mremap(old: u64, old_len: u64, new_len: u64, flags: u32, new: u64) -> SysResult {
    let to = match flags {
        0 => Remap::Stay,
        linux::MREMAP_MAYMOVE => Remap::MayMove,
        f if f == linux::MREMAP_MAYMOVE | linux::MREMAP_FIXED => Remap::To(new),
        _ => return Err(Errno::EINVAL),
    };
    with_mm(|mm| mm.remap(old, old_len, new_len, to)).map(|at| at as usize)
}

/// brk(2): the new break, or the old one if it can't be moved there.
pub fn brk(to: u64) -> SysResult {
    with_mm(|mm| Ok(mm.set_brk(to))).map(|at| at as usize)
}

/// madvise(2). Only MADV_DONTNEED and MADV_FREE do something; what else Linux knows is advice.
pub fn madvise(addr: u64, len: u64, advice: u32) -> SysResult {
    let len = page_up(len).ok_or(Errno::EINVAL)?;
    let end = addr.checked_add(len).ok_or(Errno::EINVAL)?;
    if !addr.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    with_mm(|mm| {
        if end > mm.task_size {
            return Err(Errno::ENOMEM);
        }
        match advice {
            linux::MADV_DONTNEED | linux::MADV_FREE => {
                // What the kernel itself put there stays.
                let ranges: alloc::vec::Vec<_> = mm
                    .overlapping(addr, end)
                    .filter(|area| !matches!(area.role, Role::Vdso | Role::Vvar))
                    .map(|area| (area.start.max(addr), area.end.min(end)))
                    .collect();
                let covered: u64 = ranges.iter().map(|(from, to)| to - from).sum();
                for (from, to) in ranges {
                    mm.drop_pages(from, to);
                }
                if covered == len {
                    Ok(0)
                } else {
                    Err(Errno::ENOMEM)
                }
            }
            // Advice that need not be followed. What would have to be (MADV_REMOVE, DONTFORK,
            // WIPEONFORK, POPULATE_*) is refused.
            0..=3 | linux::MADV_DOFORK | 14..=17 | 19..=21 => Ok(0),
            _ => Err(Errno::EINVAL),
        }
    })
}

/// msync(2): mappings and files are the same pages, so there is nothing to write.
pub fn msync(addr: u64, len: u64, flags: u32) -> SysResult {
    let both = linux::MS_ASYNC | linux::MS_SYNC;
    if !addr.is_multiple_of(PAGE_SIZE)
        || flags & !(both | linux::MS_INVALIDATE) != 0
        || flags & both == both
    {
        return Err(Errno::EINVAL);
    }
    require_mapped(addr, len)
}

/// mlock(2): pages never leave memory here, so that they are mapped is all there is to check.
pub fn mlock(addr: u64, len: u64) -> SysResult {
    let start = page_down(addr);
    require_mapped(start, len.saturating_add(addr - start))
}

/// munlock(2).
pub fn munlock(addr: u64, len: u64) -> SysResult {
    mlock(addr, len)
}

/// mlockall(2): MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT (which needs one of the others).
pub fn mlockall(flags: u32) -> SysResult {
    if flags & !7 != 0 || matches!(flags, 0 | 4) {
        Err(Errno::EINVAL)
    } else {
        Ok(0)
    }
}

/// munlockall(2).
pub fn munlockall() -> SysResult {
    Ok(0)
}

/// `ENOMEM` unless all of [addr, addr + len) is mapped.
fn require_mapped(addr: u64, len: u64) -> SysResult {
    let end = page_up(len)
        .and_then(|len| addr.checked_add(len))
        .ok_or(Errno::ENOMEM)?;
    with_mm(|mm| {
        let mut covered = addr;
        for area in mm.overlapping(addr, end) {
            if area.start > covered {
                break;
            }
            covered = area.end;
        }
        if covered >= end {
            Ok(0)
        } else {
            Err(Errno::ENOMEM)
        }
    })
}
