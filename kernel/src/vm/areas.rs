//! Table of areas: insertion, splitting, update, removal, copying.
//!
//! A change of a range has two steps. [`AddressSpace::cut`] splits the areas at the range's ends;
//! it needs at most two nodes of the table and is the only step that can fail. The second step,
//! [`AddressSpace::update`] or [`AddressSpace::take_first`], needs no memory, whatever the number
//! of areas: a range of whole areas can always be unmapped.

use super::address_space::AddressSpace;
use super::mapping::MAP_COUNT_MAX;
use super::page_tables::PageTables;
use super::vma::{Vma, VmaFlags};
use crate::abi::errno::Errno;
use crate::mm::reserve;

impl AddressSpace {
    /// Inserts an area where nothing is mapped and merges it with its neighbours if possible. May
    /// allocate a node: the caller has called [`reserve::top_up`].
    pub(super) fn insert(&mut self, area: Vma) {
        self.counts.add(&area);
        let (start, end) = (area.start, area.end);
        // A merged area needs no node.
        if let Some((_, previous)) = self.areas.range_mut(..start).next_back()
            && previous.continues_into(&area)
        {
            previous.end = end;
        } else {
            self.areas.insert(start, area);
        }
        self.join(end);
    }

    /// Merges the area that begins at `address` with the one that ends there, if possible.
    fn join(&mut self, address: u64) {
        let Some(next) = self.areas.get(&address) else {
            return;
        };
        let end = next.end;
        let before = self.areas.range(..address).next_back();
        if before.is_some_and(|(_, previous)| previous.continues_into(next)) {
            self.areas.remove(&address);
            if let Some((_, previous)) = self.areas.range_mut(..address).next_back() {
                previous.end = end;
            }
        }
    }

    /// Number of splits at the ends of [start, end): 0 to 2.
    fn cuts(&self, start: u64, end: u64) -> usize {
        let crosses = |address| self.find(address).is_some_and(|area| area.start < address);
        usize::from(crosses(start)) + usize::from(crosses(end))
    }

    /// Splits the areas that cross the ends of [start, end), so that the range holds whole areas.
    /// With `removes` the caller removes them next, so that the number of areas grows only by a
    /// hole in one (do_mas_align_munmap).
    ///
    /// Refills the reserve itself: munmap(2) and brk(2) have not done so.
    ///
    /// # Errors
    /// `ENOMEM` for too many areas or without memory; nothing has changed then.
    pub(super) fn cut(&mut self, start: u64, end: u64, removes: bool) -> Result<(), Errno> {
        let cuts = self.cuts(start, end);
        if cuts == 0 || start >= end {
            return Ok(());
        }
        let is_hole = |area: &Vma| area.start < start && end < area.end;
        let added = if removes {
            usize::from(self.find(start).is_some_and(is_hole))
        } else {
            cuts
        };
        if self.areas.len() + added > MAP_COUNT_MAX {
            return Err(Errno::ENOMEM);
        }
        reserve::top_up()?;
        for address in [start, end] {
            let before = self.areas.range_mut(..address).next_back();
            if let Some((_, area)) = before
                && area.end > address
            {
                let upper = area.split_off(address);
                self.areas.insert(address, upper);
            }
        }
        Ok(())
    }

    /// Changes each area of [start, end), which [`AddressSpace::cut`] has split, and merges areas
    /// that are alike afterwards.
    pub(super) fn update(
        &mut self,
        start: u64,
        end: u64,
        mut change: impl FnMut(&mut Vma, &mut PageTables),
    ) {
        let mut at = start;
        while at < end
            && let Some((_, area)) = self.areas.range_mut(at..end).next()
        {
            self.counts.remove(area);
            change(area, &mut self.tables);
            self.counts.add(area);
            let first = area.start;
            at = area.end;
            self.join(first);
        }
        self.join(at);
    }

    /// Removes the first area of [start, end), which [`AddressSpace::cut`] has split. Its pages
    /// stay in the page tables.
    pub(super) fn take_first(&mut self, start: u64, end: u64) -> Option<Vma> {
        if start >= end {
            return None;
        }
        let (&key, _) = self.areas.range(start..end).next()?;
        let area = self.areas.remove(&key)?;
        self.counts.remove(&area);
        Some(area)
    }

    /// Copies an area of the parent to a child of fork(2), without its lock. Returns whether the
    /// child inherits it.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn inherit(&mut self, area: &Vma) -> Result<bool, Errno> {
        if area.flags.contains(VmaFlags::DONT_FORK) {
            return Ok(false);
        }
        reserve::top_up()?;
        let mut area = area.clone();
        area.flags.remove(VmaFlags::LOCKED);
        area.backing = area
            .backing
            .map_source(|source| self.attach(source.source()));
        self.counts.add(&area);
        self.areas.insert(area.start, area);
        Ok(true)
    }
}
