//! Moving and resizing mappings: mremap(2) and remap_file_pages(2).

use alloc::sync::Arc;
use core::ops::Range;

use super::address_space::AddressSpace;
use super::mapping::{NewArea, Place};
use super::vma::{Backing, Role, VmaFlags};
use crate::abi::errno::Errno;
use crate::mm::reserve;
use crate::mm::{PAGE_SIZE, page_up};

/// Target of mremap(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remap {
    /// Grow or shrink in place only.
    Stay,
    /// Move if the mapping can't grow in place (MREMAP_MAYMOVE).
    MayMove,
    /// Move to this address (MREMAP_FIXED).
    To(u64),
    /// Move, with this address as a hint (MREMAP_DONTUNMAP without MREMAP_FIXED).
    Near(u64),
}

/// A request of mremap(2), in whole pages.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    old: u64,
    old_len: u64,
    new_len: u64,
    to: Remap,
    keep: bool,
    /// A free range that a search in parts has found.
    room: Option<u64>,
}

impl Request {
    /// The mapping of `old_len` bytes at `old` becomes `new_len` bytes long. With `keep` the pages
    /// move and the old mapping stays without them (MREMAP_DONTUNMAP).
    ///
    /// # Errors
    /// `EINVAL` for an unaligned address, a new length of 0, or a length past 2^64 in whole pages.
    pub fn new(old: u64, old_len: u64, new_len: u64, to: Remap, keep: bool) -> Result<Self, Errno> {
        let old_len = page_up(old_len).ok_or(Errno::EINVAL)?;
        let new_len = page_up(new_len).ok_or(Errno::EINVAL)?;
        if new_len == 0 || !old.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL);
        }
        Ok(Self {
            old,
            old_len,
            new_len,
            to,
            keep,
            room: None,
        })
    }

    /// Sets the free range that a search has found ([`AddressSpace::place_of_remap`]).
    pub fn set_room(&mut self, start: u64) {
        self.room = Some(start);
    }

    /// The new length in bytes.
    pub fn new_len(&self) -> u64 {
        self.new_len
    }

    /// Whether the request only unmaps.
    fn shrinks(&self) -> bool {
        !matches!(self.to, Remap::To(_)) && self.new_len <= self.old_len && !self.keep
    }
}

impl AddressSpace {
    /// Moves or resizes a mapping; returns its new address (mremap(2)). With an `old_len` of 0 a
    /// shared mapping is mapped a second time.
    ///
    /// # Errors
    /// `EFAULT` if the old range isn't a single mapping, `ENOMEM` without space, or if a move is
    /// needed and not allowed, `EINVAL` for invalid addresses or lengths.
    pub fn remap(&mut self, request: Request) -> Result<u64, Errno> {
        self.check_remap(&request)?;
        let Request {
            old,
            old_len,
            new_len,
            to,
            keep,
            ..
        } = request;
        if request.shrinks() {
            // Shrinking only unmaps, across as many areas as there are.
            if new_len < old_len {
                self.unmap(old + new_len, old_len - new_len)?;
            }
            return Ok(old);
        }
        let area = self.find(old).ok_or(Errno::EFAULT)?;
        let (area_start, area_end, area_prot) = (area.start, area.end, area.prot);
        let grown_end = self.end_in_place(&request);
        match to {
            Remap::Near(hint) => {
                let new = self.place(Place::Hint(request.room.unwrap_or(hint)), new_len)?;
                return self.move_or_copy(old, old_len, new, new_len, keep);
            }
            Remap::To(new) => {
                self.unmap(new, new_len)?;
                return self.move_or_copy(old, old_len, new, new_len, keep);
            }
            Remap::Stay | Remap::MayMove => {}
        }
        if let Some(end) = grown_end {
            self.update(area_start, area_end, |area, _| area.end = end);
            debug_assert!(self.allows(old, area_prot));
            return Ok(old);
        }
        if to == Remap::Stay {
            return Err(Errno::ENOMEM);
        }
        let new = self.place(Place::Hint(request.room.unwrap_or(0)), new_len)?;
        self.move_or_copy(old, old_len, new, new_len, keep)
    }

    /// The end of the mapping if it can grow where it is.
    fn end_in_place(&self, request: &Request) -> Option<u64> {
        let &Request { old, old_len, .. } = request;
        let area = self.find(old)?;
        let end = old.checked_add(request.new_len)?;
        let grows = old_len != 0
            && !request.keep
            && old.checked_add(old_len) == Some(area.end)
            && end <= self.task_size
            && self.overlapping(area.end, end).next().is_none();
        grows.then_some(end)
    }

    /// Where [`Self::remap`] of the same request will search for a free range, if it moves the
    /// mapping to one.
    pub fn place_of_remap(&self, request: &Request) -> Option<Place> {
        match request.to {
            Remap::Near(hint) => Some(Place::Hint(hint)),
            Remap::MayMove if !request.shrinks() && self.end_in_place(request).is_none() => {
                Some(Place::Hint(0))
            }
            Remap::MayMove | Remap::Stay | Remap::To(_) => None,
        }
    }

    /// The range that [`Self::remap`] of the same request begins by unmapping, if that is worth
    /// parts ([`AddressSpace::unmap_part`]); an empty range otherwise.
    ///
    /// # Errors
    /// As [`Self::remap`].
    pub fn begin_remap(&mut self, request: &Request) -> Result<Range<u64>, Errno> {
        let &Request {
            old,
            old_len,
            new_len,
            ..
        } = request;
        let (start, len) = match request.to {
            Remap::To(new) => (new, new_len),
            Remap::Stay | Remap::MayMove if new_len < old_len => {
                (old.saturating_add(new_len), old_len - new_len)
            }
            _ => return Ok(0..0),
        };
        let end = start.saturating_add(len);
        if self.end_of_part(start, end) == end {
            return Ok(0..0);
        }
        self.check_remap(request)?;
        self.begin_unmap(start, len)
    }

    /// Checks a request before anything changes.
    fn check_remap(&mut self, request: &Request) -> Result<(), Errno> {
        let &Request {
            old,
            old_len,
            new_len,
            to,
            keep,
            ..
        } = request;
        debug_assert!(self.stale.is_empty(), "mprotect(2) is in progress");
        if new_len > self.task_size {
            return Err(Errno::EINVAL);
        }
        if let Remap::To(new) | Remap::Near(new) = to {
            self.check_target(old, old_len, new, new_len)?;
        }
        let area = self.find(old).ok_or(Errno::EFAULT)?;
        if request.shrinks() {
            return Ok(());
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
        // The grown mapping's file offsets must not overflow (vma_to_resize in mm/mremap.c).
        area.check_source_end(old, new_len)?;
        // The vDSO and the clock page move whole and never grow (VM_DONTEXPAND).
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
        self.check_room()?;
        if let Remap::To(new) = to {
            self.check_fixed(new, new_len)?;
        }
        Ok(())
    }

    /// Remaps [start, end), which must be shared mappings of one file, to the file's pages from
    /// `page` on (remap_file_pages(2)).
    ///
    /// # Errors
    /// `EINVAL` for other mappings, `EOVERFLOW`; those of [`Self::map`].
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
                source: source.source().clone(),
                offset,
                mapped: mapped.clone(),
            },
            role: first.role,
            flags: first.flags,
        };
        self.map(Place::Fixed(start), len, area).map(|_| ())
    }

    /// Checks the target [new, new + new_len): within the user address space and without overlap
    /// with the old range.
    fn check_target(&self, old: u64, old_len: u64, new: u64, new_len: u64) -> Result<(), Errno> {
        let end = new.checked_add(new_len).ok_or(Errno::EINVAL)?;
        let old_end = old.checked_add(old_len).ok_or(Errno::EINVAL)?;
        let overlap = new < old_end && old < end;
        if !new.is_multiple_of(PAGE_SIZE) || end > self.task_size || overlap {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    /// Moves the mapping (`keep`: without removing the old one), or for an `old_len` of 0 maps a
    /// second one.
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
            // The remaining old mapping is not locked (dontunmap_complete).
            left.flags.remove(VmaFlags::LOCKED);
        } else {
            (left.start, left.end) = (new, new + new_len);
        }
        self.insert(left);
        Ok(new)
    }

    fn move_area(&mut self, old: u64, old_len: u64, new: u64, new_len: u64) -> Result<u64, Errno> {
        // The new address may be one that a search has passed.
        self.moves += 1;
        let kept = old_len.min(new_len);
        // Fallible steps first: the move of pages itself can't fail.
        let moved = self
            .tables
            .make_tables_to_move(old, old + kept, new)
            .and_then(|()| self.cut(old, old + old_len, false))
            .and_then(|()| self.move_whole_areas(old, old_len, new, new_len));
        self.prune_tables(old, old + old_len);
        if moved.is_err() {
            // Free the tables made for areas that have not moved.
            let first = self.overlapping(old, old + kept).next();
            let unmoved = first.map_or(0, |area| area.start.saturating_sub(old));
            self.prune_tables(new + unmoved, new + kept);
        }
        moved.map(|()| new)
    }

    /// Moves the areas of [old, old + old_len), which [`AddressSpace::cut`] has split, to `new`,
    /// for which page tables exist.
    ///
    /// # Errors
    /// `ENOMEM`; the areas before the failure have moved.
    fn move_whole_areas(
        &mut self,
        old: u64,
        old_len: u64,
        new: u64,
        new_len: u64,
    ) -> Result<(), Errno> {
        let kept = old_len.min(new_len);
        while self.overlapping(old, old + old_len).next().is_some() {
            // For the nodes of the moved area and of a part that stays.
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
