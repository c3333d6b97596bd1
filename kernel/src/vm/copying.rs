//! The copy of an address space for fork(2), made in parts.
//!
//! While a copy is made, the pages of a file that is truncated must leave it too: the child is in
//! the file's list of address spaces (`mappers.rs`) as soon as it has inherited an area.

use alloc::collections::BTreeMap;

use super::address_space::AddressSpace;
use super::limits::Counts;
use super::mappers::Identity;
use super::page_tables::PageTables;
use super::vma::{Vma, VmaFlags};
use crate::abi::errno::Errno;
use crate::mm::fallible;

impl AddressSpace {
    /// A copy for fork(2), made without preemption.
    ///
    /// # Errors
    /// `ENOMEM`.
    #[cfg(test)]
    pub fn fork(&mut self) -> Result<Self, Errno> {
        let (mut fork, mut child) = Fork::of(self)?;
        while fork.share_part(self, &mut child)? == Progress::More {}
        Ok(child)
    }

    /// A copy for fork(2), still without areas and pages.
    fn copy_empty(&self) -> Result<Self, Errno> {
        let child = Self {
            identity: Identity::new(),
            areas: BTreeMap::new(),
            counts: Counts::default(),
            tables: PageTables::new()?,
            landmarks: self.landmarks.clone(),
            auxv: fallible::to_vec(&self.auxv)?,
            program: self.program.clone(),
            ldt: self.ldt.copy()?,
            lock_future: false,
            held: 0,
            stale: 0..0,
            ..*self
        };
        Ok(child)
    }
}

/// A copy for fork(2) in progress: made in parts, between which other threads of the parent run,
/// but no other call changes areas.
pub struct Fork {
    /// Areas below this address are copied, and their pages shared.
    at: u64,
}

/// Progress of a [`Fork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All pages are shared.
    Done,
    /// More pages remain.
    More,
}

impl Fork {
    /// Begins a copy of `parent`; returns the child, still without areas and pages.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn of(parent: &AddressSpace) -> Result<(Self, AddressSpace), Errno> {
        debug_assert!(parent.stale.is_empty(), "mprotect(2) is in progress");
        Ok((Self { at: 0 }, parent.copy_empty()?))
    }

    /// Copies the next areas, and shares their pages with the child: private writable ones
    /// copy-on-write.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn share_part(
        &mut self,
        parent: &mut AddressSpace,
        child: &mut AddressSpace,
    ) -> Result<Progress, Errno> {
        let result = self.share(parent, child);
        // Before the parent runs: it must not write to shared pages through stale TLB entries.
        parent.tables.flush_all();
        result
    }

    fn share(
        &mut self,
        parent: &mut AddressSpace,
        child: &mut AddressSpace,
    ) -> Result<Progress, Errno> {
        /// Areas, and page tables of the last level, per part.
        const AREAS: usize = 64;
        const TABLES: usize = 8;
        let first = covering_or_next(&parent.areas, self.at).map_or(self.at, |area| area.start);
        let mut tables = TABLES;
        for (number, area) in parent
            .areas
            .range(first..)
            .map(|(_, area)| area)
            .enumerate()
        {
            let mut from = area.start.max(self.at);
            if number == AREAS || tables == 0 {
                self.at = from;
                return Ok(Progress::More);
            }
            // Of an area that the previous part began, only pages remain.
            if area.start >= self.at && !child.inherit(area)? {
                continue;
            }
            if area.flags.contains(VmaFlags::WIPE_ON_FORK) {
                continue;
            }
            // Copy-on-write for private areas only; shared pages stay writable.
            let (tables_of_child, is_private) = (&mut child.tables, !area.shared);
            from = parent.tables.share_range(
                tables_of_child,
                from..area.end,
                is_private,
                &mut tables,
            )?;
            if from < area.end {
                self.at = from;
                return Ok(Progress::More);
            }
        }
        Ok(Progress::Done)
    }
}

/// The first area that ends above `address`.
fn covering_or_next(areas: &BTreeMap<u64, Vma>, address: u64) -> Option<&Vma> {
    let below = areas.range(..=address).next_back().map(|(_, area)| area);
    let covering = below.filter(|area| address < area.end);
    covering.or_else(|| areas.range(address..).next().map(|(_, area)| area))
}
