//! Moving and resizing what is mapped: the work of mremap.

use alloc::sync::Arc;

use super::address_space::AddressSpace;
use super::mapping::{NewArea, Place};
use super::reserve;
use super::vma::{Backing, Role, VmaFlags};
use super::{PAGE_SIZE, page_up};
use crate::syscall::errno::Errno;

/// What mremap(2) may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remap {
    /// Only grow or shrink in place.
    Stay,
    /// Move if it must (MREMAP_MAYMOVE).
    MayMove,
    /// Move there (MREMAP_FIXED).
    To(u64),
    /// Move somewhere near, if that is free (what MREMAP_DONTUNMAP takes the address for).
    Near(u64),
}

impl AddressSpace {
    /// Moves or resizes the mapping at `old`; returns its new address (mremap(2)). With `keep` the
    /// pages move, and what was mapped stays without them (MREMAP_DONTUNMAP). With an `old_len` of 0
    /// a shared mapping is mapped a second time.
    ///
    /// # Errors
    /// `EFAULT` if the old range isn't one mapping, `ENOMEM` without room (or leave to move),
    /// `EINVAL` for bad numbers.
    pub fn remap(
        &mut self,
        old: u64,
        old_len: u64,
        new_len: u64,
        to: Remap,
        keep: bool,
    ) -> Result<u64, Errno> {
        self.protect_all();
        let old_len = page_up(old_len).ok_or(Errno::EINVAL)?;
        let new_len = page_up(new_len)
            .filter(|len| *len != 0)
            .ok_or(Errno::EINVAL)?;
        if !old.is_multiple_of(PAGE_SIZE) || new_len > self.task_size {
            return Err(Errno::EINVAL);
        }
        if let Remap::To(new) | Remap::Near(new) = to {
            self.check_target(old, old_len, new, new_len)?;
        }
        let area = self.find(old).ok_or(Errno::EFAULT)?;
        if !matches!(to, Remap::To(_)) && new_len <= old_len && !keep {
            // Shrinking only unmaps, across as many areas as there are.
            if new_len < old_len {
                self.unmap(old + new_len, old_len - new_len)?;
            }
            return Ok(old);
        }
        if old_len == 0 && !area.shared {
            return Err(Errno::EINVAL);
        }
        // Several areas move together if none changes its size (since Linux 6.17).
        let moves_many = matches!(to, Remap::To(_)) && old_len == new_len && !keep;
        let old_end = old.checked_add(old_len).ok_or(Errno::EINVAL)?;
        if old_end > area.end && (!moves_many || old_end > self.task_size) {
            return Err(Errno::EFAULT);
        }
        // What it grows to is in the file's numbers too (vma_to_resize in mm/mremap.c).
        area.check_source_end(old, new_len)?;
        // The vDSO and its data move whole, and never grow (VM_DONTEXPAND).
        let kernels = matches!(area.backing, Backing::Kernel(..));
        if kernels && (new_len > old_len || keep) {
            return Err(if keep { Errno::EINVAL } else { Errno::EFAULT });
        }
        self.check_cut(old, old_end)?;
        self.check_cut(old, old.saturating_add(new_len).min(old_end))?;
        let duplicated = old_len == 0 || keep;
        let grown = if duplicated {
            new_len
        } else {
            new_len.saturating_sub(old_len)
        };
        let (is_data, flags) = (area.is_data(), area.flags);
        self.check_limits(grown / PAGE_SIZE, is_data)?;
        self.check_lock(grown / PAGE_SIZE, flags)?;
        let area = self.find(old).ok_or(Errno::EFAULT)?;
        let (area_start, area_end, area_prot) = (area.start, area.end, area.prot);
        self.check_room()?;
        if let Remap::To(new) | Remap::Near(new) = to {
            if matches!(to, Remap::Near(_)) {
                let new = self.place(new, new_len)?;
                return self.move_or_copy(old, old_len, new, new_len, keep);
            }
            self.check_fixed(new, new_len)?;
            self.unmap(new, new_len)?;
            return self.move_or_copy(old, old_len, new, new_len, keep);
        }
        let grown_end = old
            .checked_add(new_len)
            .filter(|end| *end <= self.task_size);
        if !duplicated
            && old + old_len == area_end
            && let Some(end) = grown_end
            && self.overlapping(area_end, end).next().is_none()
        {
            self.update(area_start, area_end, |area, _| area.end = end);
            debug_assert!(self.allows(old, area_prot));
            return Ok(old);
        }
        if to == Remap::Stay {
            return Err(Errno::ENOMEM);
        }
        let new = self.place(0, new_len)?;
        self.move_or_copy(old, old_len, new, new_len, keep)
    }

    /// Has [start, end), all of it shared mappings of one file, show the file's pages from `page` on.
    ///
    /// # Errors
    /// `EINVAL` for anything else; those of [`Self::map`].
    pub fn show_other_pages(&mut self, start: u64, end: u64, page: u64) -> Result<(), Errno> {
        let first = self.find(start).ok_or(Errno::EINVAL)?;
        let Backing::File { source, mapped, .. } = &first.backing else {
            return Err(Errno::EINVAL);
        };
        let mut covered = start;
        for area in self.overlapping(start, end) {
            let same = matches!(&area.backing, Backing::File { source: other, .. }
                if Arc::ptr_eq(source, other));
            let alike = (area.prot, area.flags) == (first.prot, first.flags);
            if area.start > covered || !area.shared || !same || !alike {
                return Err(Errno::EINVAL);
            }
            covered = area.end;
        }
        let offset = page.checked_mul(PAGE_SIZE).ok_or(Errno::EOVERFLOW)?;
        let len = end - start;
        if covered < end {
            return Err(Errno::EINVAL);
        }
        offset.checked_add(len).ok_or(Errno::EOVERFLOW)?;
        let area = NewArea {
            prot: first.prot,
            max_prot: first.max_prot,
            shared: true,
            backing: Backing::File {
                source: source.clone(),
                offset,
                mapped: mapped.clone(),
            },
            role: first.role,
            flags: first.flags,
        };
        self.map(Place::Fixed(start), len, area).map(|_| ())
    }

    /// Whether [new, new + new_len) can be moved to: in reach, and apart from the old range.
    fn check_target(&self, old: u64, old_len: u64, new: u64, new_len: u64) -> Result<(), Errno> {
        let end = new.checked_add(new_len).ok_or(Errno::EINVAL)?;
        let old_end = old.checked_add(old_len).ok_or(Errno::EINVAL)?;
        let overlap = new < old_end && old < end;
        if !new.is_multiple_of(PAGE_SIZE) || end > self.task_size || overlap {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    /// The move itself, or what leaves the old mapping where it is.
    fn move_or_copy(
        &mut self,
        old: u64,
        old_len: u64,
        new: u64,
        new_len: u64,
        keep: bool,
    ) -> Result<u64, Errno> {
        if old_len > 0 && !keep {
            return self.move_area(old, old_len, new, new_len);
        }
        let mut left = self.find(old).cloned().ok_or(Errno::EFAULT)?;
        if left.start < old {
            left = left.split_off(old);
        }
        if keep {
            self.move_area(old, old_len, new, new_len)?;
            left.split_off(old + old_len);
            // What is left is not locked any more (dontunmap_complete).
            left.flags.remove(VmaFlags::LOCKED);
        } else {
            (left.start, left.end) = (new, new + new_len);
        }
        self.insert(left);
        Ok(new)
    }

    fn move_area(&mut self, old: u64, old_len: u64, new: u64, new_len: u64) -> Result<u64, Errno> {
        let kept = old_len.min(new_len);
        // What may fail comes first: halfway, pages would be neither here nor there.
        let moved = self
            .tables
            .make_tables_to_move(old, old + kept, new)
            .and_then(|()| self.cut(old, old + old_len, false))
            .and_then(|()| self.move_whole_areas(old, old_len, new, new_len));
        self.prune_tables(old, old + old_len);
        if moved.is_err() {
            // Tables made for areas that have not moved.
            let first = self.overlapping(old, old + kept).next();
            let unmoved = first.map_or(0, |area| area.start.saturating_sub(old));
            self.prune_tables(new + unmoved, new + kept);
        }
        moved.map(|()| new)
    }

    /// Moves the areas of [old, old + old_len), which [`AddressSpace::cut`] made whole ones, to `new`, where
    /// their tables are.
    ///
    /// # Errors
    /// `ENOMEM`: those before have moved.
    fn move_whole_areas(
        &mut self,
        old: u64,
        old_len: u64,
        new: u64,
        new_len: u64,
    ) -> Result<(), Errno> {
        let kept = old_len.min(new_len);
        while self.overlapping(old, old + old_len).next().is_some() {
            // For where it goes, and for what may stay in its place.
            reserve::top_up()?;
            let Some(mut area) = self.take_first(old, old + old_len) else {
                break;
            };
            if area.start >= old + kept {
                self.drop_pages(area.start, area.end);
                continue;
            }
            if area.end > old + kept {
                let cut = area.split_off(old + kept);
                self.drop_pages(cut.start, cut.end);
            }
            let shift = |address: u64| address - old + new;
            self.tables
                .move_range(area.start, area.end, shift(area.start))?;
            let vdso = self.landmarks.vdso;
            if area.role == Role::Vdso && vdso >= area.start && vdso < area.end {
                self.landmarks.vdso = shift(vdso);
            }
            area.start = shift(area.start);
            area.end = shift(area.end);
            if area.end == new + kept {
                area.end = new + new_len;
            }
            self.insert(area);
        }
        Ok(())
    }
}
