//! The table of areas: adding, cutting, changing, taking out, copying.
//!
//! What a call does to the areas of a range has two parts. [`AddressSpace::cut`] makes whole areas of
//! the range, takes at most two nodes of the table and is the only part that may fail. What follows,
//! [`AddressSpace::update`] or [`AddressSpace::take_first`], takes no memory, however many areas there
//! are: a range of whole areas can always be unmapped.

use alloc::collections::BTreeMap;

use super::address_space::AddressSpace;
use super::limits::Counts;
use super::mapping::MAP_COUNT_MAX;
use super::page_tables::PageTables;
use super::reserve;
use super::vma::{Vma, VmaFlags};
use crate::syscall::errno::Errno;

impl AddressSpace {
    /// Adds an area where nothing is mapped, joined with its neighbours if it continues them. That may
    /// take a node: the caller has called [`reserve::top_up`].
    pub(super) fn insert(&mut self, area: Vma) {
        self.version += 1;
        self.counts.add(&area);
        let (start, end) = (area.start, area.end);
        // A joined area needs no node of its own.
        if let Some((_, previous)) = self.areas.range_mut(..start).next_back()
            && previous.continues_into(&area)
        {
            previous.end = end;
        } else {
            self.areas.insert(start, area);
        }
        self.join(end);
    }

    /// Joins the area that begins at `address`, if there is one, with the one that ends there.
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

    /// How many areas [start, end) cuts: 0 to 2.
    fn cuts(&self, start: u64, end: u64) -> usize {
        let crosses = |address| self.find(address).is_some_and(|area| area.start < address);
        usize::from(crosses(start)) + usize::from(crosses(end))
    }

    /// Cuts the areas that cross the ends of [start, end), so that it holds whole ones. `removes`: they
    /// are taken out next, so that only a hole in one makes more of them (do_mas_align_munmap).
    ///
    /// Asks for memory itself, whatever the caller did: munmap(2) and brk(2) begin without a look.
    ///
    /// # Errors
    /// `ENOMEM` for too many areas, or without memory; nothing has changed.
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
        self.version += 1;
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

    /// Changes each area of [start, end), which [`AddressSpace::cut`] made whole ones, and joins what
    /// is alike then.
    pub(super) fn update(
        &mut self,
        start: u64,
        end: u64,
        mut change: impl FnMut(&mut Vma, &mut PageTables),
    ) {
        self.version += 1;
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

    /// Takes the first area out of [start, end), which [`AddressSpace::cut`] made whole ones. Its
    /// pages stay in the tables.
    pub(super) fn take_first(&mut self, start: u64, end: u64) -> Option<Vma> {
        if start >= end {
            return None;
        }
        let (&key, _) = self.areas.range(start..end).next()?;
        self.version += 1;
        let area = self.areas.remove(&key)?;
        self.counts.remove(&area);
        Some(area)
    }

    /// The areas that a child made by fork(2) gets, none of which is locked.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn inherited_areas(&self) -> Result<(BTreeMap<u64, Vma>, Counts), Errno> {
        let (mut areas, mut counts) = (BTreeMap::new(), Counts::default());
        for (&start, area) in &self.areas {
            if area.flags.contains(VmaFlags::DONT_FORK) {
                continue;
            }
            reserve::top_up()?;
            let mut area = area.clone();
            area.flags.remove(VmaFlags::LOCKED);
            counts.add(&area);
            areas.insert(start, area);
        }
        Ok((areas, counts))
    }
}
