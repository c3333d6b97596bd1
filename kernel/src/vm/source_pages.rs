//! Mappings of one source of pages: a file, or shared memory. They are searched for in the address
//! spaces of its list (`mappers.rs`), in parts, when the source loses pages.

use alloc::sync::Arc;
use core::ops::Range;

use super::address_space::AddressSpace;
use super::page_ranges::PART;
use super::vma::{Backing, PageSource, Vma};
use crate::mm::PAGE_SIZE;

/// A search for the mappings of some pages of a source, in one address space after the other.
pub struct Search {
    source: *const (),
    pages: Range<u64>,
    /// Number of the present address space.
    space: u64,
    /// The address from which it is searched; 0 at first.
    next: u64,
    /// Moves of mappings in the present address space, when the last part ended.
    moves: u64,
    /// Searches of the present address space that a move made begin again.
    restarts: u32,
    /// What may be looked at before the end of the part: areas that don't map the source count 1.
    left: u64,
}

impl Search {
    /// Areas in one part that don't map the source.
    const LOOKS: u64 = 4096;
    /// What an address space counts for among these, a mapping of the source, and each of its
    /// pages.
    const SPACE: u64 = 16;
    const MAPPING: u64 = 64;
    const PAGE: u64 = 4;
    /// Searches of an address space in parts; if mappings move each time, one in a single step
    /// follows.
    const RESTARTS: u32 = 3;

    /// A search for mappings of `pages` of `source`.
    pub fn new(source: &dyn PageSource, pages: Range<u64>) -> Self {
        Self {
            source: core::ptr::from_ref(source).cast(),
            pages,
            space: u64::MAX,
            next: 0,
            moves: 0,
            restarts: 0,
            left: Self::LOOKS,
        }
    }

    /// Begins a part: an address space from its start, also again if a mapping has moved since the
    /// last part, perhaps to an address that was passed already.
    fn begin_part(&mut self, number: u64, moves: u64) {
        if number != self.space {
            // The one before may have ended between two parts.
            (self.space, self.next, self.restarts) = (number, 0, 0);
        } else if self.next > 0 && moves != self.moves {
            self.next = 0;
            self.restarts += 1;
        }
        self.moves = moves;
        if self.restarts > Self::RESTARTS {
            self.left = u64::MAX;
        }
    }

    /// Ends a part; returns whether it ended before the end of the address space.
    fn end_part(&mut self) -> bool {
        if self.left == 0 {
            self.left = Self::LOOKS;
            return true;
        }
        (self.next, self.restarts) = (0, 0);
        self.left = self.left.min(Self::LOOKS);
        self.left = self.left.saturating_sub(Self::SPACE);
        false
    }
}

impl AddressSpace {
    /// Unmaps a part of the pages that are searched for, and of private copies of them, after a
    /// truncation: later accesses fault (unmap_mapping_range with even_cows). Returns whether more
    /// remains.
    pub fn drop_source_pages(&mut self, search: &mut Search) -> bool {
        self.drop_mappings(search, true)
    }

    /// [`AddressSpace::drop_source_pages`] before a hole is punched: private copies stay
    /// (unmap_mapping_range without even_cows).
    pub fn drop_shared_source_pages(&mut self, search: &mut Search) -> bool {
        self.drop_mappings(search, false)
    }

    fn drop_mappings(&mut self, search: &mut Search, even_copies: bool) -> bool {
        search.begin_part(self.identity.number, self.moves);
        while let Some((from, to, area)) = self.next_mapping(search) {
            let drops_all = even_copies || area.shared;
            let stop = self.part_of_pages(from, to);
            search.next = stop;
            let count = (stop - from).min(PART) / PAGE_SIZE;
            let cost = Search::MAPPING + count * Search::PAGE;
            search.left = search.left.saturating_sub(cost);
            if drops_all {
                self.drop_pages(from, stop);
                continue;
            }
            let mut at = from;
            while let Some((address, mapped)) = self.tables.next_page(at, stop) {
                at = address + PAGE_SIZE;
                if self.is_of_file(address, mapped.frame) {
                    drop(self.tables.unmap(address));
                }
            }
        }
        search.end_part()
    }

    /// Whether the frame mapped at `address` is the file's page, not a private copy.
    fn is_of_file(&self, address: u64, frame: u64) -> bool {
        let mut same = false;
        if let Some(area) = self.find(address)
            && let Backing::File { source, .. } = &area.backing
        {
            source.in_memory(area.page_index(address), 1, &mut |_, of_file| {
                same = of_file.address() == frame;
            });
        }
        same
    }

    /// The next range with mapped pages that are searched for, and its area; the search goes on at
    /// its start. `None` also at the end of a part. An iteration without a list: dropping pages
    /// must not need memory.
    fn next_mapping(&self, search: &mut Search) -> Option<(u64, u64, &Vma)> {
        for area in self.overlapping(search.next, u64::MAX) {
            if search.left == 0 {
                return None;
            }
            search.left -= 1;
            if let Backing::File { source, .. } = &area.backing
                && core::ptr::addr_eq(Arc::as_ptr(source.source()), search.source)
            {
                let first = area.page_index(area.start);
                let last = first + area.len() / PAGE_SIZE;
                let (from, to) = (search.pages.start.max(first), search.pages.end.min(last));
                let address = |page: u64| area.start + (page - first) * PAGE_SIZE;
                if from < to && search.next < address(to) {
                    return Some((address(from).max(search.next), address(to), area));
                }
            }
            search.next = area.end;
        }
        None
    }
}
