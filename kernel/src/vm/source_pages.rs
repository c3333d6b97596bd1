//! Mappings of one source of pages: a file, or shared memory. They are searched for in all address
//! spaces (`spaces.rs`), in parts, when the source loses pages or is sealed.

use alloc::sync::Arc;
use core::ops::Range;

use super::address_space::AddressSpace;
use super::page_ranges::PART;
use super::vma::{Backing, Prot, Vma};
use crate::mm::PAGE_SIZE;

/// A search for the mappings of some pages of a source, in one address space after the other.
pub struct Search {
    source: *const (),
    pages: Range<u64>,
    /// The address from which the present address space is searched; 0 at first.
    next: u64,
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

    /// A search for mappings of `pages` of the source at this address.
    pub fn new<T: ?Sized>(source: *const T, pages: Range<u64>) -> Self {
        Self {
            source: source.cast(),
            pages,
            next: 0,
            left: Self::LOOKS,
        }
    }

    /// Ends a part; returns whether it ended before the end of the address space.
    fn end_part(&mut self) -> bool {
        if self.left == 0 {
            self.left = Self::LOOKS;
            return true;
        }
        self.next = 0;
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

    /// Looks in a part of the address space for a shared mapping that is writable or may become so,
    /// and sets `found` then. Returns whether more remains.
    pub fn find_writable(&self, search: &mut Search, found: &mut bool) -> bool {
        while let Some((_, to, area)) = self.next_mapping(search) {
            search.next = to;
            *found |= area.shared && area.max_prot.contains(Prot::WRITE);
        }
        search.end_part()
    }

    fn drop_mappings(&mut self, search: &mut Search, even_copies: bool) -> bool {
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
                && core::ptr::addr_eq(Arc::as_ptr(source), search.source)
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
