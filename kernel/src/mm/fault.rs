//! Pages that appear on first touch: zeros, a file's page, or a copy of a shared one.

use alloc::collections::BTreeMap;

use super::address_space::AddressSpace;
use super::allocator;
use super::frame::Frame;
use super::page_tables::PageTables;
use super::paging::PageFlags;
use super::reserve;
use super::vma::{Backing, PageSource, Prot, Vma};
use super::{PAGE_SIZE, layout, page_down};
use crate::syscall::errno::Errno;

/// Bytes around a touched page of a file that are mapped along with it; they never need a second
/// table.
const AROUND: u64 = 16 * PAGE_SIZE;

/// What the program tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
}

/// Why a touch cannot be satisfied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// Nothing is mapped there: SIGSEGV, SEGV_MAPERR.
    NotMapped,
    /// The mapping doesn't allow it: SIGSEGV, SEGV_ACCERR.
    NotAllowed,
    /// The program's rights to the mapping's protection key don't allow it: SIGSEGV, SEGV_PKUERR.
    Denied(u8),
    /// The file ends before that page: SIGBUS, BUS_ADRERR.
    PastEnd,
    /// No frame is left: the process is killed.
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
    /// Makes `address` accessible as `access` asks, if the program may.
    ///
    /// # Errors
    /// Why it may not, or why it cannot be done.
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
            // x86 has no write-only and no execute-only pages.
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
            // The entry allows it by now: a stale TLB entry, or a flag that mprotect changed.
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

    /// A store to a page that is present but read-only: copy it if somebody else has it.
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

    /// Extends the stack down to `address` if it lies within the stack's limit.
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
        // What can't be accessed is a gap by itself.
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

/// Maps what else of the file is in memory around a page just touched: its neighbours are likely to
/// be touched next, and each would be a fault (Linux: do_fault_around, fault_around_bytes).
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

/// The frame and flags of a page touched for the first time.
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
