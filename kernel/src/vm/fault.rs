//! Page faults: demand-zero pages, file pages, copy-on-write, stack growth.

use alloc::collections::BTreeMap;

use super::address_space::AddressSpace;
use super::page_tables::PageTables;
use super::vma::{Backing, PageSource, Prot, Vma};
use crate::abi::errno::Errno;
use crate::mm::allocator;
use crate::mm::frame::Frame;
use crate::mm::paging::PageFlags;
use crate::mm::reserve;
use crate::mm::{PAGE_SIZE, layout, page_down};

/// Size and alignment in bytes of the window around a faulting file page that is mapped with it. By
/// its alignment it is within one page table.
const AROUND: u64 = 16 * PAGE_SIZE;

/// Kind of access that faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
}

/// Reason why a page fault can't be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// No area at the address: SIGSEGV, SEGV_MAPERR.
    NotMapped,
    /// The area's protection denies the access: SIGSEGV, SEGV_ACCERR.
    NotAllowed,
    /// The area's protection key (the value) denies the access: SIGSEGV, SEGV_PKUERR.
    Denied(u8),
    /// The page is past the end of the file: SIGBUS, BUS_ADRERR.
    PastEnd,
    /// No free frame: OOM kill.
    OutOfMemory,
}

impl From<Errno> for FaultError {
    fn from(errno: Errno) -> Self {
        if errno == Errno::ENOMEM {
            Self::OutOfMemory
        } else {
            Self::PastEnd
        }
    }
}

impl AddressSpace {
    /// Resolves a page fault at `address`: maps the page for `access` if the area allows it.
    ///
    /// # Errors
    /// See [`FaultError`].
    pub fn fault(&mut self, address: u64, access: Access) -> Result<(), FaultError> {
        if address >= self.task_size {
            return Err(FaultError::NotMapped);
        }
        let mut area = covering(&self.areas, address);
        if area.is_none() {
            self.grow_stack(address)?;
            area = covering(&self.areas, address);
        }
        let area = area.ok_or(FaultError::NotMapped)?;
        let allowed = match access {
            // Page tables can't express write-only or execute-only.
            Access::Read => !area.prot.is_empty(),
            Access::Write => area.prot.contains(Prot::WRITE),
            Access::Execute => area.prot.contains(Prot::EXEC),
        };
        if !allowed {
            return Err(FaultError::NotAllowed);
        }
        let page = page_down(address);
        let flags = area.page_flags();
        match self.tables.lookup(page) {
            Some(mapped)
                if access == Access::Write && !mapped.flags.contains(PageFlags::WRITABLE) =>
            {
                let shared = area.shared;
                self.make_writable(page, mapped.frame, shared, flags)
            }
            // The entry allows the access: a stale TLB entry, or flags behind a long mprotect(2).
            Some(mapped) => {
                let writable = mapped.flags & PageFlags::WRITABLE;
                self.tables
                    .set_flags(page, (flags - PageFlags::WRITABLE) | writable);
                Ok(())
            }
            None => {
                let (frame, flags) = new_page(area, page, access)?;
                self.tables.map(page, frame, flags)?;
                if let Backing::File { source, .. } = &area.backing
                    && (area.shared || access != Access::Write)
                {
                    around(&mut self.tables, area, &**source, page, flags);
                }
                Ok(())
            }
        }
    }

    /// Resolves a store to a present read-only page: copies it if the frame has other references.
    fn make_writable(
        &mut self,
        page: u64,
        frame: u64,
        shared: bool,
        flags: PageFlags,
    ) -> Result<(), FaultError> {
        if shared || allocator::references(frame) == 1 {
            self.tables.set_flags(page, flags);
        } else {
            // SAFETY: the entry holds a reference.
            let copy = unsafe { Frame::share_raw(frame) }.duplicate()?;
            self.tables.map(page, copy, flags)?;
        }
        Ok(())
    }

    /// Grows the area above `address` down to it if the area grows down and its limits allow it.
    fn grow_stack(&mut self, address: u64) -> Result<(), FaultError> {
        let above = self
            .areas
            .range(address..)
            .next()
            .map(|(_, a)| (a.start, a.end, a.flags, a.grows_down()));
        let Some((start, end, flags, true)) = above else {
            return Err(FaultError::NotMapped);
        };
        let new_start = page_down(address);
        let pages = (start - new_start) / PAGE_SIZE;
        let allowed = end - new_start <= self.limits.stack
            && new_start >= layout::MMAP_MIN
            && self.check_limits(pages, false).is_ok()
            && self.check_lock(pages, flags).is_ok();
        if !allowed {
            return Err(FaultError::NotMapped);
        }
        // Linux keeps a gap of 256 pages below a growing stack (stack_guard_gap).
        let gap = 256 * PAGE_SIZE;
        // An inaccessible area below counts as the gap.
        let below = self
            .areas
            .range(..start)
            .next_back()
            .map(|(_, area)| (area.end, area.prot.is_empty()));
        if let Some((end, is_gap)) = below
            && new_start < end.saturating_add(if is_gap { 0 } else { gap })
        {
            return Err(FaultError::NotMapped);
        }
        reserve::top_up()?;
        if let Some(mut stack) = self.areas.remove(&start) {
            self.counts.remove(&stack);
            stack.start = new_start;
            self.counts.add(&stack);
            self.areas.insert(new_start, stack);
        }
        Ok(())
    }
}

/// The area that covers `address`.
fn covering(areas: &BTreeMap<u64, Vma>, address: u64) -> Option<&Vma> {
    let (_, area) = areas.range(..=address).next_back()?;
    (address < area.end).then_some(area)
}

/// Maps the resident file pages around a faulting one, to save their faults (Linux:
/// do_fault_around, fault_around_bytes).
fn around(
    tables: &mut PageTables,
    area: &Vma,
    source: &dyn PageSource,
    page: u64,
    flags: PageFlags,
) {
    let window = page / AROUND * AROUND;
    let start = window.max(area.start);
    let count = ((window + AROUND).min(area.end) - start) / PAGE_SIZE;
    let first = area.page_index(start);
    source.in_memory(first, count, &mut |index, frame| {
        tables.map_if_free(start + (index - first) * PAGE_SIZE, frame, flags);
    });
}

/// Frame and flags for a page that isn't mapped yet.
fn new_page(area: &Vma, page: u64, access: Access) -> Result<(Frame, PageFlags), FaultError> {
    let flags = area.page_flags();
    match &area.backing {
        Backing::Anonymous => Ok((Frame::zeroed()?, flags)),
        Backing::Kernel(frames, _) => {
            let frame = frames
                .get(area.page_index(page) as usize)
                .ok_or(FaultError::PastEnd)?;
            Ok((frame.clone(), flags - PageFlags::WRITABLE))
        }
        Backing::File { source, .. } => {
            let frame = source.page(area.page_index(page))?;
            if area.shared {
                Ok((frame, flags))
            } else if access == Access::Write {
                Ok((frame.duplicate()?, flags))
            } else {
                Ok((frame, flags - PageFlags::WRITABLE))
            }
        }
    }
}
