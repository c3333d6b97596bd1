//! Removal of mappings: munmap(2), the end of an address space, and the parts in which both are
//! done.
//!
//! A range goes from its lowest address up, a part at a time: [`AddressSpace::begin_unmap`] does
//! all that can fail, and each [`AddressSpace::unmap_part`] takes out some areas with their pages
//! and page tables. Between two parts other tasks may run; the caller keeps other calls from
//! changing areas meanwhile (`process/mm.rs`).

use core::ops::Range;

use super::address_space::AddressSpace;
use super::page_ranges::PART;
use super::page_tables::PageTables;
use super::vma::{Role, Vma};
use crate::abi::errno::Errno;
use crate::mm::{PAGE_SIZE, page_up};

/// Most areas in one part of a long operation.
const AREAS: usize = 64;

/// End of a part of an area's pages: those of a small area aren't counted.
fn part_of_area(tables: &PageTables, start: u64, end: u64) -> u64 {
    if end - start <= PART {
        end
    } else {
        tables.end_of_part(start, end)
    }
}

impl AddressSpace {
    /// Unmaps all areas in [start, start + len) in one step.
    ///
    /// # Errors
    /// As [`AddressSpace::begin_unmap`].
    pub fn unmap(&mut self, start: u64, len: u64) -> Result<(), Errno> {
        let mut rest = self.begin_unmap(start, len)?;
        while rest.start < rest.end {
            rest = self.unmap_part(rest)?;
        }
        Ok(())
    }

    /// Prepares [start, start + len) for [`AddressSpace::unmap_part`]; returns it in whole pages.
    ///
    /// # Errors
    /// `EINVAL` for an unaligned start, a range outside the user address space, or a part of the
    /// vDSO; `ENOMEM` if one more area is not allowed. Nothing has changed then.
    pub fn begin_unmap(&mut self, start: u64, len: u64) -> Result<Range<u64>, Errno> {
        let len = page_up(len).ok_or(Errno::EINVAL)?;
        let end = start.checked_add(len).ok_or(Errno::EINVAL)?;
        if !start.is_multiple_of(PAGE_SIZE) || end > self.task_size || len == 0 {
            return Err(Errno::EINVAL);
        }
        self.check_cut(start, end)?;
        self.cut(start, end, true)?;
        Ok(start..end)
    }

    /// Unmaps the lowest part of `rest`; returns what remains.
    ///
    /// # Errors
    /// `ENOMEM` if a stack has grown into the range since [`AddressSpace::begin_unmap`], and one
    /// more area is not allowed.
    pub fn unmap_part(&mut self, rest: Range<u64>) -> Result<Range<u64>, Errno> {
        let Range { start, end } = rest;
        let mut stop = self.end_of_part(start, end);
        let cut = self.cut(start, stop, true);
        if stop < end && cut.is_err() {
            // Without memory to split a large area, it goes in one step.
            stop = end;
            self.cut(start, stop, true)?;
        } else {
            cut?;
        }
        while let Some(area) = self.take_first(start, stop) {
            self.drop_pages(area.start, area.end);
            if area.role == Role::Vdso
                && self.landmarks.vdso >= area.start
                && self.landmarks.vdso < area.end
            {
                self.landmarks.vdso = 0;
            }
            self.search_from = self.search_from.max(area.end.min(self.mmap_base));
        }
        self.prune_tables(start, stop);
        Ok(stop..end)
    }

    /// End of a part of [start, end) that is quickly gone through: some areas, and the pages of one
    /// page table. Addresses without areas and tables don't count.
    pub fn end_of_part(&self, start: u64, end: u64) -> u64 {
        let (mut stop, mut bytes, mut areas) = (start, 0, 0);
        for area in self.overlapping(start, end) {
            if areas == AREAS || bytes >= PART {
                return stop;
            }
            areas += 1;
            let (from, to) = (area.start.max(start), area.end.min(end));
            stop = if area.is_kernels() {
                to
            } else {
                part_of_area(&self.tables, from, to)
            };
            if stop < to {
                return stop;
            }
            bytes += stop - from;
        }
        end
    }

    /// End of the next part of work on the pages of [start, end). Addresses without pages don't
    /// count.
    pub(super) fn part_of_pages(&self, start: u64, end: u64) -> u64 {
        self.tables.end_of_part(start, end)
    }

    /// End of a part of [start, end) for work on areas alone.
    pub fn end_of_areas(&self, start: u64, end: u64) -> u64 {
        let last = self.overlapping(start, end).nth(AREAS);
        last.map_or(end, |area| area.start)
    }

    /// Checks that unmapping [start, end) would not split the vDSO or the clock page.
    ///
    /// # Errors
    /// `EINVAL` if the range begins or ends inside one of them.
    pub(super) fn check_cut(&self, start: u64, end: u64) -> Result<(), Errno> {
        let would_be_cut = |area: &Vma| area.would_be_cut(start, end);
        let mut ends = [start, end].into_iter().filter_map(|at| self.find(at));
        if start < end && ends.any(would_be_cut) {
            Err(Errno::EINVAL)
        } else {
            Ok(())
        }
    }

    /// Frees the page tables that only [start, end) used.
    pub(super) fn prune_tables(&mut self, start: u64, end: u64) {
        let floor = self
            .areas
            .range(..start)
            .next_back()
            .map_or(0, |(_, area)| area.end);
        let ceiling = self.start_of_next(end);
        self.tables.prune(start, end, floor, ceiling);
    }

    /// Start of the first area at or above `end`, or the end of the program's half.
    fn start_of_next(&self, end: u64) -> u64 {
        let next = self.areas.range(end..).next();
        next.map_or(1 << 47, |(_, area)| area.start)
    }

    /// Takes out a part of all areas with their pages, of an address space that ends; returns
    /// whether more remains. Called until none remains before the address space is dropped, with
    /// preemption points between parts.
    pub fn drop_part(&mut self) -> bool {
        let (mut areas, mut bytes) = (0, 0);
        while areas < AREAS
            && bytes < PART
            && let Some(mut first) = self.areas.first_entry()
        {
            let area = first.get_mut();
            let from = area.start;
            let stop = part_of_area(&self.tables, from, area.end);
            self.tables.drop_range(from, stop);
            // What remains of a large area keeps its key: there may be no memory to split it.
            area.start = stop;
            if stop == area.end {
                first.remove();
            }
            areas += 1;
            bytes += stop - from;
            // In ascending order, each up to the next area: no table remains.
            let next = self
                .areas
                .values()
                .next()
                .map_or(1 << 47, |next| next.start);
            self.tables.prune(from, stop, 0, next);
        }
        !self.areas.is_empty()
    }
}
