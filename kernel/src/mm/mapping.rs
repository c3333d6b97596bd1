//! Changing what is mapped: the work of mmap, munmap, mprotect and brk. mremap is in
//! `remap.rs`; where a new area goes is found in `placement.rs`.

use core::ops::Range;

use super::address_space::AddressSpace;
use super::limits::counts_as_data;
use super::page_ranges::PART;
use super::reserve;
use super::vma::{Backing, Prot, Role, Vma, VmaFlags};
use super::{PAGE_SIZE, layout, page_up};
use crate::syscall::errno::Errno;

/// Most areas of a program (vm.max_map_count).
pub const MAP_COUNT_MAX: usize = 65530;

/// Where a mapping should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Anywhere, near the hint if that is free (0: no hint).
    Hint(u64),
    /// Anywhere from the second address up to the third, at the first if that is free (0: no hint).
    Within(u64, u64, u64),
    /// Exactly there, replacing what is there (MAP_FIXED).
    Fixed(u64),
    /// Exactly there, if nothing is (MAP_FIXED_NOREPLACE).
    FixedNoReplace(u64),
}

impl AddressSpace {
    /// Maps `len` bytes (rounded up to pages); returns the address.
    ///
    /// # Errors
    /// `EINVAL` for a bad length or alignment, `ENOMEM` where there is no room, `EEXIST` for
    /// [`Place::FixedNoReplace`] on something mapped, `EPERM` below mmap_min_addr, `EAGAIN` for more
    /// locked memory than allowed.
    pub fn map(&mut self, place: Place, len: u64, mut area: NewArea) -> Result<u64, Errno> {
        let len = page_up(len).ok_or(Errno::ENOMEM)?;
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        self.check_room()?;
        let start = match place {
            Place::Hint(hint) => self.place(hint, len)?,
            Place::Within(hint, from, to) => self.place_within(hint, len, from, to)?,
            Place::Fixed(at) | Place::FixedNoReplace(at) => {
                self.check_fixed(at, len)?;
                at
            }
        };
        if matches!(place, Place::FixedNoReplace(_))
            && self.overlapping(start, start + len).next().is_some()
        {
            return Err(Errno::EEXIST);
        }
        let replaced = match place {
            Place::Fixed(_) => self.mapped_bytes(start, start + len),
            _ => 0,
        };
        if self.lock_future {
            area.flags |= VmaFlags::LOCKED;
        }
        let is_data = counts_as_data(area.prot, area.shared, area.role, area.flags);
        self.check_limits((len - replaced) / PAGE_SIZE, is_data)?;
        self.check_lock(len / PAGE_SIZE, area.flags)?;
        if replaced > 0 {
            // Whatever keeps it from going (mmap_region).
            self.unmap(start, len).map_err(|_| Errno::ENOMEM)?;
        }
        let NewArea {
            prot,
            max_prot,
            shared,
            backing,
            role,
            flags,
        } = area;
        let key = match prot {
            Prot::EXEC => self.keys.execute_only().unwrap_or(0),
            _ => 0,
        };
        self.insert(Vma {
            start,
            end: start + len,
            prot,
            max_prot,
            shared,
            backing,
            role,
            flags,
            key,
        });
        Ok(start)
    }

    /// Whether there may be more areas: a program's count is limited, and the kernel's memory
    /// isn't to be used up by them.
    pub(super) fn check_room(&self) -> Result<(), Errno> {
        if self.areas.len() >= MAP_COUNT_MAX {
            return Err(Errno::ENOMEM);
        }
        reserve::top_up()
    }

    pub(super) fn check_fixed(&self, at: u64, len: u64) -> Result<(), Errno> {
        match at.checked_add(len) {
            Some(end) if end <= self.task_size => {}
            _ => return Err(Errno::ENOMEM),
        }
        if !at.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL);
        }
        if at < layout::MMAP_MIN && !self.may_map_low {
            Err(Errno::EPERM)
        } else {
            Ok(())
        }
    }

    /// Drops some of the pages in [start, start + len), from `at` on, which moves: what comes before the
    /// [`AddressSpace::unmap`] of many. False when there are none left.
    ///
    /// # Errors
    /// As [`AddressSpace::unmap`].
    pub fn drop_before_unmap(&mut self, start: u64, len: u64, at: &mut u64) -> Result<bool, Errno> {
        // Looking through all areas once is enough: each part would do it again, and the unmap does.
        let end = if *at == start {
            let end = self.check_unmap(start, len)?;
            // What may fail comes before the first page goes.
            self.cut(start, end, true)?;
            end
        } else {
            start.saturating_add(page_up(len).unwrap_or(len))
        };
        let Some((from, to)) = self
            .overlapping(*at, end)
            .find(|area| !area.is_kernels())
            .map(|area| (area.start.max(*at), area.end.min(end)))
        else {
            return Ok(false);
        };
        *at = self.part_of_pages(from, to);
        self.drop_pages(from, *at);
        Ok(true)
    }

    /// Where work on the pages of [start, end) should end for now: addresses without pages cost nothing.
    pub fn part_of_pages(&self, start: u64, end: u64) -> u64 {
        let first = self.tables.next_page(start, end).map_or(end, |(at, _)| at);
        first.saturating_add(PART).min(end)
    }

    /// The end of [start, start + len), which is to be unmapped, and may be.
    fn check_unmap(&self, start: u64, len: u64) -> Result<u64, Errno> {
        let len = page_up(len).ok_or(Errno::EINVAL)?;
        let end = start.checked_add(len).ok_or(Errno::EINVAL)?;
        if !start.is_multiple_of(PAGE_SIZE) || end > self.task_size || len == 0 {
            return Err(Errno::EINVAL);
        }
        self.check_cut(start, end)?;
        Ok(end)
    }

    /// Unmaps whatever is in [start, start + len).
    ///
    /// # Errors
    /// `EINVAL` for an unaligned start, a range outside the program's half, or a part of the vDSO;
    /// `ENOMEM` where there is no room for one more area. Nothing has changed then.
    pub fn unmap(&mut self, start: u64, len: u64) -> Result<(), Errno> {
        let end = self.check_unmap(start, len)?;
        self.cut(start, end, true)?;
        while let Some(area) = self.take_first(start, end) {
            self.drop_pages(area.start, area.end);
            if area.role == Role::Vdso
                && self.landmarks.vdso >= area.start
                && self.landmarks.vdso < area.end
            {
                self.landmarks.vdso = 0;
            }
            self.search_from = self.search_from.max(area.end.min(self.mmap_base));
        }
        self.prune_tables(start, end);
        Ok(())
    }

    /// Whether [start, end) can be taken out of what is mapped.
    ///
    /// # Errors
    /// `EINVAL` if it begins or ends inside the vDSO or its data.
    pub(super) fn check_cut(&self, start: u64, end: u64) -> Result<(), Errno> {
        let mut areas = self.overlapping(start, end);
        if areas.any(|area| area.would_be_cut(start, end)) {
            Err(Errno::EINVAL)
        } else {
            Ok(())
        }
    }

    /// Frees the page tables that only [start, end) needed.
    pub(super) fn prune_tables(&mut self, start: u64, end: u64) {
        let floor = self
            .areas
            .range(..start)
            .next_back()
            .map_or(0, |(_, area)| area.end);
        let ceiling = self
            .areas
            .range(end..)
            .next()
            .map_or(1 << 47, |(_, area)| area.start);
        self.tables.prune(start, end, floor, ceiling);
    }

    /// Drops the pages in [start, end); the areas stay (MADV_DONTNEED).
    pub fn drop_pages(&mut self, start: u64, end: u64) {
        self.tables.drop_range(start, end);
    }

    /// Changes the protection of [start, start + len) to `prot`, and to what is `implied` by it of each
    /// area that may have that (READ_IMPLIES_EXEC); and its protection key, if one is given.
    ///
    /// # Errors
    /// `ENOMEM` if part of it isn't mapped, `EACCES` if an area may never be so accessed, `EINVAL` for
    /// a part of the vDSO.
    pub fn protect(
        &mut self,
        start: u64,
        len: u64,
        prot: Prot,
        implied: Prot,
        key: Option<u8>,
    ) -> Result<(), Errno> {
        if !start.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL);
        }
        let len = page_up(len).ok_or(Errno::ENOMEM)?;
        let end = start.checked_add(len).ok_or(Errno::ENOMEM)?;
        let more_data: u64 = self
            .overlapping(start, end)
            .filter(|area| !area.is_data() && !area.shared && !area.grows_down())
            .map(|area| area.end.min(end) - area.start.max(start))
            .sum();
        if prot.contains(Prot::WRITE) && more_data > 0 {
            self.check_data(more_data)?;
        }
        // What lies below a hole, or below an area that may not be so accessed, is changed.
        let mut covered = start;
        let mut result = Ok(());
        for area in self.overlapping(start, end) {
            if area.start > covered {
                break;
            }
            if !area.max_prot.contains(prot) {
                result = Err(Errno::EACCES);
                break;
            }
            let given = prot | implied & area.max_prot;
            let changes = area.prot != given || key.is_some_and(|key| area.key != key);
            if changes && area.would_be_cut(start, end) {
                result = Err(Errno::EINVAL);
                break;
            }
            covered = area.end.min(end);
        }
        if result.is_ok() && covered < end {
            result = Err(Errno::ENOMEM);
        }
        self.cut(start, covered, false)?;
        let mut keys = self.keys;
        self.update(start, covered, |area, _| {
            let prot = prot | implied & area.max_prot;
            area.key = keys.for_area(area, prot, key);
            area.prot = prot;
        });
        self.keys = keys;
        // One may be in the middle in another thread.
        self.protect_all();
        self.stale = start..covered;
        self.protect_part();
        if prot.contains(Prot::WRITE) {
            self.populate_locked(start, covered);
        }
        result
    }

    /// Brings some more of the page tables up to what [`AddressSpace::protect`] made of the areas; true while
    /// there is more to do.
    pub fn protect_part(&mut self) -> bool {
        let Range { start, end } = self.stale;
        if start >= end {
            return false;
        }
        let stop = self.part_of_pages(start, end);
        let mut at = start;
        while at < stop {
            let next = self.overlapping(at, stop).next();
            let Some((from, to, flags, shared)) = next.map(|area| {
                let (from, to) = (area.start.max(at), area.end.min(stop));
                (from, to, area.page_flags(), area.shared)
            }) else {
                break;
            };
            self.tables.protect_range(from, to, flags, shared);
            at = to;
        }
        self.stale.start = stop;
        stop < end
    }

    /// The same for all that is left: before entries of the tables are copied or moved.
    pub fn protect_all(&mut self) {
        while self.protect_part() {}
    }

    /// Locked memory that becomes writable gets its copies now, so that no store waits for them
    /// (mprotect_fixup). What can't be had now is left to the store.
    fn populate_locked(&mut self, start: u64, end: u64) {
        let mut at = start;
        loop {
            let Some(area) = self.overlapping(at, end).next() else {
                break;
            };
            let (from, to) = (area.start.max(at), area.end.min(end));
            let is_locked = !area.shared && area.flags.contains(VmaFlags::LOCKED);
            at = to;
            if is_locked {
                let _ = self.populate(from, to, None);
            }
        }
    }

    /// Moves the program's break to `to` if it can be there, with new pages of that protection; returns
    /// where it is.
    pub fn set_brk(&mut self, to: u64, prot: Prot) -> u64 {
        let start = self.landmarks.start_brk;
        let (Some(old_end), Some(new_end)) = (page_up(self.landmarks.brk), page_up(to)) else {
            return self.landmarks.brk;
        };
        let data = self.landmarks.end_data - self.landmarks.start_data;
        if to < start
            || new_end > self.task_size
            || (to - start).saturating_add(data) > self.limits.data
        {
            return self.landmarks.brk;
        }
        let done = if new_end > old_end {
            // One page stays free above, as Linux's check for the stack's gap demands.
            if self
                .overlapping(old_end, new_end + PAGE_SIZE)
                .next()
                .is_some()
            {
                Err(Errno::ENOMEM)
            } else {
                let heap = NewArea::anonymous(prot).role(Role::Heap);
                self.map(Place::Fixed(old_end), new_end - old_end, heap)
                    .map(|_| ())
            }
        } else if new_end < old_end {
            self.unmap(new_end, old_end - new_end)
        } else {
            Ok(())
        };
        if done.is_ok() {
            self.landmarks.brk = to;
        }
        self.landmarks.brk
    }
}

/// An area yet to be placed.
pub struct NewArea {
    /// What the program may do.
    pub prot: Prot,
    /// The most it may ever do.
    pub max_prot: Prot,
    /// Writes go to the backing.
    pub shared: bool,
    /// What is behind it.
    pub backing: Backing,
    /// What it is for.
    pub role: Role,
    /// What else there is to say of it.
    pub flags: VmaFlags,
}

impl NewArea {
    /// Private memory, zeros at first.
    pub fn anonymous(prot: Prot) -> Self {
        Self {
            prot,
            max_prot: Prot::all(),
            shared: false,
            backing: Backing::Anonymous,
            role: Role::Plain,
            flags: VmaFlags::empty(),
        }
    }

    /// The same with a role.
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }
}
