//! Memory mapping: mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), protection keys. Advice is
//! in `advice.rs`, locking in `mlock.rs`.

use alloc::sync::Arc;
use core::ops::Range;

use linux_raw_sys::general as linux;

use super::mlock;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::personality;
use crate::arch::{percpu, pkeys};
use crate::mm::frame;
use crate::mm::{PAGE_SIZE, layout, page_down, page_up};
use crate::process::caller::{self, Mappable};
use crate::process::capability::capable;
use crate::process::{Mm, current};
use crate::sched::preempt::{self, STRIDE};
use crate::usercopy::UserPtr;
use crate::vm::address_space::AddressSpace;
use crate::vm::fault::{Access, FaultError};
use crate::vm::mapped::Mapped;
use crate::vm::mappers::Writable;
use crate::vm::mapping::{NewArea, Place};
use crate::vm::placement::Look;
use crate::vm::remap::{Remap, Request};
use crate::vm::vdso;
use crate::vm::vma::{Backing, Prot, VmaFlags};

/// Runs `f` with the running program's address space.
pub(super) fn with_mm<T>(
    f: impl FnOnce(&mut AddressSpace) -> Result<T, Errno>,
) -> Result<T, Errno> {
    part(&*current().mm().ok_or(Errno::ESRCH)?, f)
}

/// Runs `change`, which changes areas, in the running program's turn for that: while it runs in
/// parts ([`part`]), no other call changes areas (`Mm::turn`, `process/mm.rs`).
pub(super) fn in_turn<T>(change: impl FnOnce(&Mm) -> Result<T, Errno>) -> Result<T, Errno> {
    let mm = current().mm().ok_or(Errno::ESRCH)?;
    let _turn = mm.turn();
    change(&mm)
}

/// Runs `f`, one part of a change, with `mm` locked: the running program's address space.
pub(super) fn part<T>(
    mm: &Mm,
    f: impl FnOnce(&mut AddressSpace) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let mut space = mm.lock();
    let result = f(&mut space);
    // The vDSO may have been moved or unmapped.
    percpu::set_landing_pad(vdso::landing_pad(space.landmarks.vdso));
    result
}

/// [`with_mm`] in turn, for a change without parts.
pub(super) fn change_mm<T>(
    change: impl FnOnce(&mut AddressSpace) -> Result<T, Errno>,
) -> Result<T, Errno> {
    in_turn(|mm| part(mm, change))
}

/// Protection from PROT_* bits. PROT_SEM is accepted and has no effect on x86.
///
/// # Errors
/// `EINVAL` for unknown bits.
fn prot_from(bits: u32) -> Result<Prot, Errno> {
    Prot::from_bits(bits & !linux::PROT_SEM).ok_or(Errno::EINVAL)
}

/// Protection that `prot` implies: READ_IMPLIES_EXEC, set by personality(2) or for an old 32-bit
/// program, makes readable memory executable.
fn implied(prot: Prot) -> Prot {
    let may = prot.contains(Prot::READ)
        && personality::executes_what_it_reads(current().attributes.lock().personality);
    if may { Prot::EXEC } else { Prot::empty() }
}

/// Whether `addr` is below vm.mmap_min_addr and the caller may map pages there (CAP_SYS_RAWIO).
fn may_map_low(addr: u64) -> bool {
    addr < layout::MMAP_MIN && capable(Caps::SYS_RAWIO)
}

/// mmap(2). `offset` in bytes.
pub fn mmap(addr: u64, len: u64, prot: u32, flags: u32, fd: i32, offset: u64) -> SysResult {
    if !offset.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    if len == 0 {
        return Err(Errno::EINVAL);
    }
    // There are no huge pages. MAP_SYNC, below, needs a file in persistent memory: there is none.
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
    let implied = implied(known);
    let mut area = NewArea::anonymous(known | implied);
    area.shared = shared;
    // Linux's overcommit heuristic: a mapping must not be larger than all of memory.
    let private_and_writable = !shared && known.contains(Prot::WRITE);
    if private_and_writable
        && flags & linux::MAP_NORESERVE == 0
        && len / PAGE_SIZE > frame::statistics().1
    {
        return Err(Errno::ENOMEM);
    }
    if flags & linux::MAP_GROWSDOWN != 0 {
        if shared || flags & linux::MAP_ANONYMOUS == 0 {
            return Err(Errno::EINVAL);
        }
        area.flags |= VmaFlags::GROWS_DOWN;
    }
    if flags & linux::MAP_LOCKED != 0 {
        mlock::may_lock()?;
        area.flags |= VmaFlags::LOCKED;
    }
    if shared && flags & linux::MAP_ANONYMOUS != 0 {
        area.backing = Backing::File {
            source: Arc::new(crate::vm::shared::SharedMemory::new(len)),
            offset: 0,
            mapped: Mapped::memory("/dev/zero (deleted)"),
        };
    }
    let fixed = if flags & linux::MAP_FIXED_NOREPLACE != 0 {
        Some(Place::FixedNoReplace(addr))
    } else if flags & linux::MAP_FIXED != 0 {
        Some(Place::Fixed(addr))
    } else {
        None
    };
    // Prefault; pages that can't be are left to the first access.
    let populate = flags & (linux::MAP_POPULATE | linux::MAP_NONBLOCK) == linux::MAP_POPULATE;
    let populate = populate || flags & linux::MAP_LOCKED != 0;
    let may_map_low = fixed.is_some() && may_map_low(addr);
    let (at, locks) = in_turn(|space| {
        // The file's seals are looked at in turn: until the area is there, no other task runs.
        if flags & linux::MAP_ANONYMOUS == 0 {
            let file = caller::mappable(fd, offset, len)?;
            map_file(&mut area, file, offset, (known, implied))?;
        }
        let place = fixed.unwrap_or_else(|| anywhere(&space.lock(), addr, flags));
        let place = match search(space, place, len)? {
            Some(at) => place.near(at),
            None => place,
        };
        let (at, mut rest, locks) = part(space, |mm| {
            mm.may_map_low = may_map_low;
            let (at, rest) = mm.map_first(place, len, area)?;
            if known == Prot::EXEC {
                mm.keys.close_execute_only();
            }
            Ok((at, rest, mm.lock_future))
        })?;
        while let Some(area) = rest {
            preempt::point();
            rest = part(space, |mm| mm.map_part(area))?;
        }
        Ok((at, locks))
    })?;
    if populate || locks {
        let end = at + page_up(len).unwrap_or(0);
        let _ = self::populate(at, end, None);
    }
    Ok(at as usize)
}

/// Searches for a free range of `len` bytes in parts, if that takes long; the range may be taken
/// until the next part, by a stack that grows.
///
/// # Errors
/// `ENOMEM` if there is none.
fn search(space: &Mm, place: Place, len: u64) -> Result<Option<u64>, Errno> {
    if matches!(place, Place::Fixed(_) | Place::FixedNoReplace(_)) {
        return Ok(None);
    }
    let search = space.lock().long_search(place, len);
    let Some(mut search) = search else {
        return Ok(None);
    };
    loop {
        let look = space.lock().search_part(&mut search);
        match look {
            Look::Found(at) => return Ok(Some(at)),
            Look::Nothing => return Err(Errno::ENOMEM),
            Look::More => preempt::point(),
        }
    }
}

/// Makes `area` a mapping of `file` from `offset` on, with the protection asked for and the one
/// that it implies.
///
/// # Errors
/// `EPERM` for code from a file system without execution; the file's error of a shared mapping for
/// writing.
fn map_file(
    area: &mut NewArea,
    file: Mappable,
    offset: u64,
    (known, implied): (Prot, Prot),
) -> Result<(), Errno> {
    if !file.executable {
        if known.contains(Prot::EXEC) {
            return Err(Errno::EPERM);
        }
        area.max_prot -= Prot::EXEC;
        area.prot -= implied;
    }
    if let Some(errno) = file.write_error
        && area.shared
    {
        if known.contains(Prot::WRITE) {
            return Err(errno);
        }
        area.max_prot -= Prot::WRITE;
    }
    let may_write = area.shared && area.max_prot.contains(Prot::WRITE);
    let writable = may_write.then(|| Writable::new(file.source.clone()));
    area.backing = Backing::File {
        source: file.source,
        offset,
        mapped: Mapped::file(file.name, file.file, writable),
    };
    Ok(())
}

/// Prefaults the pages of [start, end), in parts (`AddressSpace::populate`). Stops early, without
/// an error, if the program is being killed.
///
/// # Errors
/// The error of the first access that would fail.
pub(super) fn populate(start: u64, end: u64, access: Option<Access>) -> Result<(), FaultError> {
    let mm = current().mm().ok_or(FaultError::NotMapped)?;
    let mut at = start;
    while at < end {
        let mut mm = mm.lock();
        if access.is_none() {
            // Skip a hole: the callers check for holes themselves.
            match mm.overlapping(at, end).next() {
                Some(area) => at = at.max(area.start),
                None => break,
            }
        }
        let stop = end.min(at.saturating_add(STRIDE as u64));
        mm.populate(at, stop, access)?;
        drop(mm);
        at = stop;
        if at < end && preempt::killed().is_err() {
            break;
        }
    }
    Ok(())
}

/// Place of a mapping without a fixed address. A 64-bit program gets addresses in the first 2 GiB
/// with MAP_32BIT, and in the first 4 GiB by a call through the i386 table.
fn anywhere(mm: &AddressSpace, hint: u64, flags: u32) -> Place {
    /// MAP_32BIT's range (find_start_end in arch/x86/kernel/sys_x86_64.c).
    const LOW: (u64, u64) = (0x4000_0000, 0x8000_0000);
    if mm.task_size <= layout::TASK_SIZE_32 {
        Place::Hint(hint)
    } else if current().is_i386_call() {
        Place::Within(hint, layout::MMAP_MIN, layout::TASK_SIZE_32)
    } else if flags & linux::MAP_32BIT != 0 {
        Place::Within(hint, LOW.0, LOW.1)
    } else {
        Place::Hint(hint)
    }
}

/// mmap2(2), i386: the offset is in pages.
pub fn mmap2(addr: u64, len: u64, prot: u32, flags: u32, fd: i32, page: u32) -> SysResult {
    mmap(addr, len, prot, flags, fd, u64::from(page) * PAGE_SIZE)
}

/// i386's old mmap(2): the six arguments are in memory.
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
    in_turn(|mm| {
        unmap(mm, |space| Ok(((), space.begin_unmap(addr, len)?)))?;
        Ok(0)
    })
}

/// Unmaps in parts, in turn, the range that `begin` returns; the other result is the caller's.
///
/// # Errors
/// Those of `begin` and of `AddressSpace::unmap_part`.
fn unmap<T>(
    mm: &Mm,
    begin: impl FnOnce(&mut AddressSpace) -> Result<(T, Range<u64>), Errno>,
) -> Result<T, Errno> {
    // The first part follows at once: most ranges have no second one.
    let (begun, mut rest) = part(mm, |space| {
        let (begun, rest) = begin(space)?;
        let is_empty = rest.is_empty();
        Ok((
            begun,
            if is_empty {
                rest
            } else {
                space.unmap_part(rest)?
            },
        ))
    })?;
    while !rest.is_empty() {
        preempt::point();
        rest = part(mm, |space| space.unmap_part(rest))?;
    }
    Ok(begun)
}

/// mprotect(2).
pub fn mprotect(addr: u64, len: u64, prot: u32) -> SysResult {
    pkey_mprotect(addr, len, prot, -1)
}

/// pkey_mprotect(2): also sets the protection key, unless it is -1.
pub fn pkey_mprotect(addr: u64, len: u64, prot: u32, key: i32) -> SysResult {
    let grows = prot & (linux::PROT_GROWSDOWN | linux::PROT_GROWSUP);
    if grows == linux::PROT_GROWSDOWN | linux::PROT_GROWSUP {
        return Err(Errno::EINVAL);
    }
    let prot = prot_from(prot & !grows)?;
    let implied = implied(prot);
    if grows != 0 {
        return in_turn(|mm| protect_to_end(mm, addr, len, grows, (prot, implied), key));
    }
    if len == 0 && addr.is_multiple_of(PAGE_SIZE) {
        return Ok(0);
    }
    in_turn(|mm| protect_in_parts(mm, addr, len, (prot, implied), key))
}

/// The protection key that pkey_mprotect(2) names: `None` for -1.
fn key_of(mm: &AddressSpace, key: i32) -> Result<Option<u8>, Errno> {
    match key {
        -1 => Ok(None),
        key => mm.keys.find(key).map(Some).ok_or(Errno::EINVAL),
    }
}

/// mprotect(2) with PROT_GROWSDOWN, which extends the change to the start of the area, or
/// PROT_GROWSUP: no area grows up on x86.
fn protect_to_end(
    space: &Mm,
    addr: u64,
    len: u64,
    grows: u32,
    (prot, implied): (Prot, Prot),
    key: i32,
) -> SysResult {
    part(space, |mm| {
        if !addr.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL);
        }
        page_up(len)
            .and_then(|len| addr.checked_add(len))
            .ok_or(Errno::ENOMEM)?;
        let key = key_of(mm, key)?;
        let area = mm.find(addr).ok_or(Errno::ENOMEM)?;
        if grows == linux::PROT_GROWSUP || !area.grows_down() {
            return Err(Errno::EINVAL);
        }
        let start = area.start;
        mm.protect(start, len.saturating_add(addr - start), prot, implied, key)
    })
    .map(|()| protect_rest(space))
}

/// mprotect(2) of many areas in parts. A range that is none goes at once, and fails.
fn protect_in_parts(
    space: &Mm,
    addr: u64,
    len: u64,
    (prot, implied): (Prot, Prot),
    key: i32,
) -> SysResult {
    let end = page_up(len).and_then(|len| addr.checked_add(len));
    let mut at = addr;
    loop {
        let done = part(space, |mm| {
            let key = key_of(mm, key)?;
            let stop = end.map(|end| mm.end_of_areas(at, end));
            let result = mm.protect(at, stop.map_or(len, |stop| stop - at), prot, implied, key);
            if prot == Prot::EXEC && key.is_none() {
                mm.keys.close_execute_only();
            }
            result.map(|()| stop)
        });
        protect_rest(space);
        let stop = done?;
        match stop {
            Some(stop) if stop > at && Some(stop) != end => at = stop,
            _ => return Ok(0),
        }
        preempt::point();
    }
}

/// Completes a long mprotect(2) in parts, also one that failed halfway.
fn protect_rest(space: &Mm) -> usize {
    while part(space, |mm| Ok(mm.protect_part())).unwrap_or(false) {
        preempt::point();
    }
    0
}

/// mremap(2).
pub fn mremap(old: u64, old_len: u64, new_len: u64, flags: u32, new: u64) -> SysResult {
    const FIXED: u32 = linux::MREMAP_MAYMOVE | linux::MREMAP_FIXED;
    let keep = flags & linux::MREMAP_DONTUNMAP != 0;
    let to = match flags & !linux::MREMAP_DONTUNMAP {
        0 => Remap::Stay,
        linux::MREMAP_MAYMOVE if keep => Remap::Near(new),
        linux::MREMAP_MAYMOVE => Remap::MayMove,
        FIXED => Remap::To(new),
        _ => return Err(Errno::EINVAL),
    };
    if keep && (to == Remap::Stay || old_len != new_len) {
        return Err(Errno::EINVAL);
    }
    let mut request = Request::new(old, old_len, new_len, to, keep)?;
    let may_map_low = matches!(to, Remap::To(_)) && may_map_low(new);
    let (before, after, at) = in_turn(|space| {
        let before = unmap(space, |mm| {
            mm.may_map_low = may_map_low;
            let before = mm.landmarks.vdso;
            let rest = mm.begin_remap(&request)?;
            Ok((before, rest))
        })?;
        let place = space.lock().place_of_remap(&request);
        if let Some(place) = place
            && let Ok(Some(at)) = search(space, place, request.new_len())
        {
            request.set_room(at);
        }
        part(space, |mm| {
            let at = mm.remap(request)?;
            Ok((before, mm.landmarks.vdso, at))
        })
    })?;
    // The call that moves the 32-bit vDSO may return into it (vdso_fix_landing).
    let task = current();
    let returns = || task.is_i386_call() && task.frame().rip == vdso::landing_pad(before);
    if before != after && returns() {
        task.edit_frame(|frame| frame.rip.set(vdso::landing_pad(after)));
    }
    Ok(at as usize)
}

/// remap_file_pages(2): maps other pages of a shared mapping's file, as a new area (as Linux since
/// 4.0).
pub fn remap_file_pages(start: u64, size: u64, prot: u32, page: u64, flags: u32) -> SysResult {
    let (start, size) = (page_down(start), page_down(size));
    let end = start.checked_add(size).filter(|end| *end > start);
    let last = page.checked_add(size / PAGE_SIZE);
    let (Some(end), Some(_), 0) = (end, last, prot) else {
        return Err(Errno::EINVAL);
    };
    change_mm(|mm| mm.show_other_pages(start, end, page))?;
    if flags & linux::MAP_NONBLOCK == 0 {
        // Pages that can't be prefaulted are left to the first access.
        let _ = populate(start, end, None);
    }
    Ok(0)
}

/// brk(2): the new break, or the old one if it can't be moved there.
pub fn brk(to: u64) -> SysResult {
    let prot = Prot::READ | Prot::WRITE;
    let prot = prot | implied(prot);
    in_turn(|mm| {
        let at = unmap(mm, |space| Ok(space.set_brk(to, prot)))?;
        Ok(at as usize)
    })
}

/// pkey_alloc(2): allocates a protection key and sets its initial rights. `ENOSPC` on a CPU without
/// protection keys.
pub fn pkey_alloc(flags: u64, rights: u64) -> SysResult {
    let known = u64::from(linux::PKEY_DISABLE_ACCESS | linux::PKEY_DISABLE_WRITE);
    if flags != 0 || rights & !known != 0 {
        return Err(Errno::EINVAL);
    }
    let key = change_mm(|mm| mm.keys.take().ok_or(Errno::ENOSPC))?;
    pkeys::set(key, rights as u32);
    Ok(key.into())
}

/// pkey_free(2).
pub fn pkey_free(key: i32) -> SysResult {
    change_mm(|mm| {
        let key = mm.keys.find(key).ok_or(Errno::EINVAL)?;
        mm.keys.give_back(key);
        Ok(0)
    })
}
