//! Prefaulting (MAP_POPULATE, mlock(2)) and residency (mincore(2)).

use super::address_space::AddressSpace;
use super::fault::{Access, FaultError};
use super::vma::{Backing, Prot, Vma};
use crate::mm::PAGE_SIZE;
use crate::mm::paging::PageFlags;

impl AddressSpace {
    /// Faults in the pages of [start, end) with `access`; without it with the access that each area
    /// allows (populate_vma_page_range: a write for private writable areas, which copies).
    ///
    /// # Errors
    /// The error of the first fault that fails; `NotMapped` for a hole if `access` is given.
    pub fn populate(
        &mut self,
        start: u64,
        end: u64,
        access: Option<Access>,
    ) -> Result<(), FaultError> {
        let mut at = start;
        while at < end {
            // Without `access` the callers check for holes.
            let next = match access {
                Some(_) => self.find(at).ok_or(FaultError::NotMapped)?,
                None => match self.overlapping(at, end).next() {
                    Some(area) => area,
                    None => break,
                },
            };
            // The area decides, not the page tables, where execute implies read (check_vma_flags in
            // mm/gup.c).
            if access == Some(Access::Read) && !next.prot.contains(Prot::READ) {
                return Err(FaultError::NotAllowed);
            }
            let stop = next.end.min(end);
            at = at.max(next.start);
            let usual = if next.prot.contains(Prot::WRITE) && !next.shared {
                Access::Write
            } else {
                Access::Read
            };
            let skipped = next.is_kernels();
            let access = access.unwrap_or(usual);
            while at < stop && !skipped {
                if !self.is_ready(at, access) {
                    self.fault(at, access)?;
                }
                at += PAGE_SIZE;
            }
            at = stop;
        }
        Ok(())
    }

    /// Whether `page` is mapped for the access, so that it would not fault.
    fn is_ready(&self, page: u64, access: Access) -> bool {
        self.tables.lookup(page).is_some_and(|mapped| {
            let needed = match access {
                Access::Write => PageFlags::PRESENT | PageFlags::WRITABLE,
                Access::Read | Access::Execute => PageFlags::PRESENT,
            };
            mapped.flags.contains(needed)
        })
    }

    /// Sets the byte of each page of `area` that is resident, from `start` on: mapped, or among the
    /// file's pages.
    pub fn mark_in_memory(&self, area: &Vma, start: u64, bytes: &mut [u8]) {
        self.tables.mark_mapped(start, bytes);
        if let Backing::File { source, .. } = &area.backing {
            let first = area.page_index(start);
            source.in_memory(first, bytes.len() as u64, &mut |index, _| {
                bytes[(index - first) as usize] = 1;
            });
        }
    }
}
