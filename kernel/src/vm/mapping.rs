//! Changes of mappings: mmap(2), mprotect(2) and brk(2). `unmapping.rs` has munmap(2), `remap.rs`
//! mremap(2), `placement.rs` the search for free addresses.

use alloc::sync::Arc;
use core::ops::Range;

use super::address_space::AddressSpace;
use super::limits::counts_as_data;
use super::vma::{Backing, PageSource, Prot, Role, Vma, VmaFlags};
use crate::abi::errno::Errno;
use crate::mm::reserve;
use crate::mm::{PAGE_SIZE, layout, page_up};

/// Maximum number of areas of a program (vm.max_map_count).
pub const MAP_COUNT_MAX: usize = 65530;

/// Placement of a new mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the hint if that is free, else anywhere (0: no hint).
    Hint(u64),
    /// At the first address if that is free (0: no hint), else from the second up to the third.
    Within(u64, u64, u64),
    /// At this address, replacing existing mappings (MAP_FIXED).
    Fixed(u64),
    /// At this address, if it is free (MAP_FIXED_NOREPLACE).
    FixedNoReplace(u64),
}

impl Place {
    /// The place with another hint.
    pub fn near(self, hint: u64) -> Self {
        match self {
            Self::Hint(_) => Self::Hint(hint),
            Self::Within(_, from, to) => Self::Within(hint, from, to),
            Self::Fixed(_) | Self::FixedNoReplace(_) => self,
        }
    }
}

impl AddressSpace {
    /// Maps `len` bytes (rounded up to pages); returns the address.
    ///
    /// # Errors
    /// `EINVAL` for a bad length or alignment, `ENOMEM` without space or above a limit, `EEXIST`
    /// for [`Place::FixedNoReplace`] on a mapping, `EPERM` below mmap_min_addr, `EAGAIN` above
    /// RLIMIT_MEMLOCK.
    pub fn map(&mut self, place: Place, len: u64, area: NewArea) -> Result<u64, Errno> {
        let (start, mut rest) = self.map_first(place, len, area)?;
        while let Some(area) = rest {
            rest = self.map_part(area)?;
        }
        Ok(start)
    }

    /// Does a part of [`AddressSpace::map`]; returns the address, and what remains for
    /// [`AddressSpace::map_part`] if the mapping replaces many areas or pages.
    ///
    /// # Errors
    /// As [`AddressSpace::map`].
    pub fn map_first(
        &mut self,
        place: Place,
        len: u64,
        mut area: NewArea,
    ) -> Result<(u64, Option<Vma>), Errno> {
        let len = page_up(len).ok_or(Errno::ENOMEM)?;
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        self.check_room()?;
        let start = match place {
            Place::Hint(_) | Place::Within(..) => self.place(place, len)?,
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
        let replaces = matches!(place, Place::Fixed(_))
            && self.overlapping(start, start + len).next().is_some();
        if self.lock_future {
            area.flags |= VmaFlags::LOCKED;
        }
        let is_data = counts_as_data(area.prot, area.shared, area.role, area.flags);
        // There may be tens of thousands of areas to add up: only if it matters.
        if let Err(errno) = self.check_limits(len / PAGE_SIZE, is_data) {
            if !replaces {
                return Err(errno);
            }
            let replaced = self.mapped_bytes(start, start + len);
            self.check_limits((len - replaced) / PAGE_SIZE, is_data)?;
        }
        self.check_lock(len / PAGE_SIZE, area.flags)?;
        if replaces {
            // Any failure of the unmap is ENOMEM (mmap_region).
            self.begin_unmap(start, len).map_err(|_| Errno::ENOMEM)?;
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
        let area = Vma {
            start,
            end: start + len,
            prot,
            max_prot,
            shared,
            backing: backing.map_source(|source| self.attach(&source)),
            role,
            flags,
            key,
        };
        if replaces {
            return Ok((start, self.map_part(area)?));
        }
        self.insert(area);
        Ok((start, None))
    }

    /// Puts the lowest part of `area` in the place of what is mapped there; returns the part that
    /// remains. At no time is an address of the range unmapped: threads may use it.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn map_part(&mut self, mut area: Vma) -> Result<Option<Vma>, Errno> {
        let rest = self.unmap_part(area.start..area.end)?;
        let behind = (rest.start < rest.end).then(|| area.split_off(rest.start));
        self.insert(area);
        Ok(behind)
    }

    /// Checks that one more area is allowed, by vm.max_map_count and the kernel's reserve.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn check_room(&self) -> Result<(), Errno> {
        if self.areas.len() >= MAP_COUNT_MAX {
            return Err(Errno::ENOMEM);
        }
        reserve::top_up()
    }

    /// Checks the range of a MAP_FIXED mapping.
    ///
    /// # Errors
    /// `ENOMEM` past the user address space, `EINVAL` if unaligned, `EPERM` below mmap_min_addr.
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

    /// Drops the pages in [start, end); the areas stay (MADV_DONTNEED).
    pub fn drop_pages(&mut self, start: u64, end: u64) {
        self.tables.drop_range(start, end);
    }

    /// Changes the protection of [start, start + len) to `prot`, plus `implied` as far as each
    /// area's maximum allows (READ_IMPLIES_EXEC), and the protection key if one is given.
    ///
    /// # Errors
    /// `ENOMEM` if part of the range isn't mapped, `EACCES` if an area's maximum protection
    /// excludes `prot`, `EINVAL` for a part of the vDSO. The part below the failure is changed.
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
        // The areas below a hole, or below one that may not have `prot`, are changed.
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
        self.stale = start..covered;
        self.protect_part();
        if prot.contains(Prot::WRITE) {
            self.populate_locked(start, covered);
        }
        result
    }

    /// Updates the next part of the page tables after [`AddressSpace::protect`]; returns whether
    /// more remains.
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

    /// Copies the pages of locked memory that becomes writable, so that stores don't fault
    /// (mprotect_fixup). Pages for which memory is missing are left to the store.
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

    /// Moves the program break to `to` if possible, with new pages of protection `prot`; returns
    /// the resulting break, and the range to be unmapped ([`AddressSpace::unmap_part`]).
    pub fn set_brk(&mut self, to: u64, prot: Prot) -> (u64, Range<u64>) {
        let start = self.landmarks.start_brk;
        let (Some(old_end), Some(new_end)) = (page_up(self.landmarks.brk), page_up(to)) else {
            return (self.landmarks.brk, 0..0);
        };
        let data = self.landmarks.end_data - self.landmarks.start_data;
        if to < start
            || new_end > self.task_size
            || (to - start).saturating_add(data) > self.limits.data
        {
            return (self.landmarks.brk, 0..0);
        }
        let rest = if new_end > old_end {
            // One page above must be free, as in Linux's check for the stack's gap.
            if self
                .overlapping(old_end, new_end + PAGE_SIZE)
                .next()
                .is_some()
            {
                Err(Errno::ENOMEM)
            } else {
                let heap = NewArea::anonymous(prot).role(Role::Heap);
                self.map(Place::Fixed(old_end), new_end - old_end, heap)
                    .map(|_| 0..0)
            }
        } else if new_end < old_end {
            self.begin_unmap(new_end, old_end - new_end)
        } else {
            Ok(0..0)
        };
        if rest.is_ok() {
            self.landmarks.brk = to;
        }
        (self.landmarks.brk, rest.unwrap_or(0..0))
    }
}

/// Properties of a new area (see [`Vma`]).
pub struct NewArea {
    /// Protection.
    pub prot: Prot,
    /// Maximum protection.
    pub max_prot: Prot,
    /// Whether writes go to the backing (MAP_SHARED).
    pub shared: bool,
    /// Source of the pages.
    pub backing: Backing<Arc<dyn PageSource>>,
    /// Purpose.
    pub role: Role,
    /// Flags of fork, growth and locking.
    pub flags: VmaFlags,
}

impl NewArea {
    /// Private anonymous memory.
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

    /// Sets the role.
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }
}
