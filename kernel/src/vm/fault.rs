//! Page faults: demand-zero pages, file pages, copy-on-write, stack growth.
//!
//! A read of private memory that was never written maps the one zero page; the first store copies
//! it.

use alloc::collections::BTreeMap;
use core::ops::Range;

use super::address_space::AddressSpace;
use super::page_tables::{Kind, Mapped, PageTables};
use super::vma::{Backing, PageSource, Prot, Vma};
use crate::abi::errno::Errno;
use crate::mm::allocator;
use crate::mm::frame::Frame;
use crate::mm::paging::PageFlags;
use crate::mm::reserve;
use crate::mm::{PAGE_SIZE, layout, page_down};

/// Size and alignment in bytes of the window around a page whose pages are mapped with it by a
/// fault. By its alignment it is within one page table.
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
                self.make_writable(page, mapped, shared, flags)
            }
            // The entry allows the access: a stale TLB entry, or flags behind a long mprotect(2).
            Some(mapped) => {
                let writable = mapped.flags & PageFlags::WRITABLE;
                self.tables
                    .set_flags(page, (flags - PageFlags::WRITABLE) | writable);
                Ok(())
            }
            None if access != Access::Write && reads_zeros(area) => {
                // Pages around it too, as of a file.
                Ok(self.tables.map_zeros(page, window(area, page), flags)?)
            }
            None => {
                let (frame, flags, kind) = new_page(area, page, access)?;
                self.tables.map(page, frame, flags, kind)?;
                if let Backing::File { source, .. } = &area.backing
                    && (area.shared || access != Access::Write)
                {
                    around(&mut self.tables, area, &***source, page, flags);
                }
                Ok(())
            }
        }
    }

    /// Resolves a store to a present read-only page: a private page is copied, unless it is the
    /// program's own and has no other references.
    fn make_writable(
        &mut self,
        page: u64,
        mapped: Mapped,
        shared: bool,
        flags: PageFlags,
    ) -> Result<(), FaultError> {
        let is_own = || mapped.kind == Kind::Anonymous && allocator::references(mapped.frame) == 1;
        if shared || is_own() {
            self.tables.set_flags(page, flags);
            return Ok(());
        }
        let copy = if mapped.kind == Kind::Zero {
            Frame::zeroed()?
        } else {
            // SAFETY: the entry holds a reference.
            unsafe { Frame::share_raw(mapped.frame) }.duplicate()?
        };
        self.tables.map(page, copy, flags, Kind::Anonymous)?;
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

/// Whether reads of pages of `area` that were never written find the zero page.
fn reads_zeros(area: &Vma) -> bool {
    !area.shared && matches!(area.backing, Backing::Anonymous)
}

/// The part of `area` in the window around `page`.
fn window(area: &Vma, page: u64) -> Range<u64> {
    let start = page / AROUND * AROUND;
    start.max(area.start)..(start + AROUND).min(area.end)
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
    let Range { start, end } = window(area, page);
    let (first, kind) = (area.page_index(start), area.kind());
    source.in_memory(first, (end - start) / PAGE_SIZE, &mut |index, frame| {
        tables.map_if_free(start + (index - first) * PAGE_SIZE, frame, flags, kind);
    });
}

/// Frame, flags and kind of a page that isn't mapped yet.
fn new_page(area: &Vma, page: u64, access: Access) -> Result<(Frame, PageFlags, Kind), FaultError> {
    let (flags, kind) = (area.page_flags(), area.kind());
    match &area.backing {
        Backing::Anonymous => Ok((Frame::zeroed()?, flags, kind)),
        Backing::Kernel(frames, _) => {
            let frame = frames
                .get(area.page_index(page) as usize)
                .ok_or(FaultError::PastEnd)?;
            Ok((frame.clone(), flags - PageFlags::WRITABLE, kind))
        }
        Backing::File { source, .. } => {
            let frame = source.page(area.page_index(page))?;
            if area.shared {
                Ok((frame, flags, kind))
            } else if access == Access::Write {
                Ok((frame.duplicate()?, flags, Kind::Anonymous))
            } else {
                Ok((frame, flags - PageFlags::WRITABLE, kind))
            }
        }
    }
}
