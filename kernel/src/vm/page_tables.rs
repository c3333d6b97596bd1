//! Page tables of a program: mapping and lookup of single pages. `page_ranges.rs` works on ranges,
//! `free.rs` frees tables.
//!
//! Each non-zero entry of the last level holds a reference to a frame, with or without `PRESENT`
//! (PROT_NONE clears it). Two of the bits that the CPU ignores tell what kind of page it is
//! ([`Kind`]), by which the resident pages are counted. An entry of the zero page holds no
//! reference, and is never writable; one that was mapped beside a page that was read counts as a
//! page only once it was accessed itself.

use core::cell::Cell;
use core::ops::Range;

use x86_64::VirtAddr;
use x86_64::registers::control::Cr3;

use crate::abi::errno::Errno;
use crate::mm::allocator::phys_to_virt;
use crate::mm::frame::{self, Frame};
use crate::mm::paging::{PageFlags, activate, index, kernel_root};
use crate::mm::{PAGE_SIZE, layout};

mod entry;
mod free;

use entry::{ACCESSED, is_page};
pub(super) use entry::{ADDRESS, release, release_counted, share, with_flags};
pub use entry::{Kind, Mapped, PageCounts};

/// Flags of entries that point to a table: all access, as the last level's entry decides.
const TABLE: u64 =
    PageFlags::PRESENT.bits() | PageFlags::WRITABLE.bits() | PageFlags::USER_ACCESSIBLE.bits();
/// `PageTables::last` without a cached table.
const NOTHING: (u64, u64) = (u64::MAX, 0);

/// A program's page tables. Dropping them drops the references that their entries hold.
#[derive(Debug)]
pub struct PageTables {
    root: u64,
    /// Entries in use.
    pub(super) counts: PageCounts,
    /// Maximum of the resident pages before the last drop of pages.
    pub(super) peak: u64,
    /// Number of tables below the root.
    tables: u64,
    /// Cache of the last lookup: (address / 2 MiB, physical address of the last-level table).
    last: Cell<(u64, u64)>,
}

/// The 512 entries of a table.
pub(super) fn entries(table: u64) -> *mut u64 {
    phys_to_virt(table).cast()
}

/// The entry for `address` in the table of `level` at `table`.
fn slot(table: u64, address: u64, level: u32) -> *mut u64 {
    entries(table).wrapping_add(index(address, level))
}

impl PageTables {
    /// Creates tables that map only the kernel's half.
    ///
    /// # Errors
    /// `ENOMEM` when there is no frame.
    pub fn new() -> Result<Self, Errno> {
        let root = Frame::zeroed()?.into_raw();
        // SAFETY: both are live tables of 512 entries, and the new one has no other user.
        unsafe {
            entries(root)
                .add(256)
                .copy_from_nonoverlapping(entries(kernel_root()).add(256), 256);
        }
        Ok(Self {
            root,
            counts: PageCounts::default(),
            peak: 0,
            tables: 0,
            last: Cell::new(NOTHING),
        })
    }

    /// Number of tables including the root.
    pub fn table_pages(&self) -> u64 {
        self.tables + 1
    }

    /// Loads these tables into the CPU (CR3).
    pub fn activate(&self) {
        activate(self.root);
    }

    /// Whether these tables are loaded in the CPU.
    pub(super) fn is_active(&self) -> bool {
        Cr3::read().0.start_address().as_u64() == self.root
    }

    fn flush(&self, address: u64) {
        if self.is_active() {
            x86_64::instructions::tlb::flush(VirtAddr::new(address));
        }
    }

    /// The last-level table for `address`.
    fn find_table(&self, address: u64) -> Option<u64> {
        let (prefix, table) = self.last.get();
        if prefix == address >> 21 {
            return Some(table);
        }
        let mut at = self.root;
        for level in [4, 3, 2] {
            // SAFETY: a live page table without other references: tables are accessed only in this
            // module and `page_ranges.rs`, one call at a time.
            let entry = unsafe { slot(at, address, level).read() };
            if entry == 0 {
                return None;
            }
            at = entry & ADDRESS;
        }
        self.last.set((address >> 21, at));
        Some(at)
    }

    /// The last-level table for `address`, created if missing.
    pub(super) fn make_table(&mut self, address: u64) -> Result<u64, Errno> {
        if let Some(table) = self.find_table(address) {
            return Ok(table);
        }
        let mut at = self.root;
        for level in [4, 3, 2] {
            let slot = slot(at, address, level);
            // SAFETY: as in `find_table`.
            let mut entry = unsafe { slot.read() };
            if entry == 0 {
                entry = Frame::zeroed()?.into_raw() | TABLE;
                self.tables += 1;
                // SAFETY: as in `find_table`.
                unsafe { slot.write(entry) };
            }
            at = entry & ADDRESS;
        }
        self.last.set((address >> 21, at));
        Ok(at)
    }

    /// The entry that points to the last-level table for `address`.
    fn directory_entry(&self, address: u64) -> Option<*mut u64> {
        let mut at = self.root;
        for level in [4, 3] {
            // SAFETY: as in `find_table`.
            let entry = unsafe { slot(at, address, level).read() };
            if entry == 0 {
                return None;
            }
            at = entry & ADDRESS;
        }
        Some(slot(at, address, 2))
    }

    /// Exchanges the last-level tables of two addresses; returns whether there are entries for
    /// both. The caller flushes the TLB.
    pub(super) fn exchange_tables(&mut self, one: u64, other: u64) -> bool {
        let (Some(one), Some(other)) = (self.directory_entry(one), self.directory_entry(other))
        else {
            return false;
        };
        self.last.set(NOTHING);
        // SAFETY: two entries of live page directories, without other references.
        unsafe { one.swap(other) };
        true
    }

    /// Maps a page with exactly these flags; the entry takes the reference. Replaces and drops a
    /// page mapped there.
    ///
    /// # Errors
    /// `ENOMEM` when a table is needed and there is no frame for it.
    pub fn map(
        &mut self,
        address: u64,
        frame: Frame,
        flags: PageFlags,
        kind: Kind,
    ) -> Result<(), Errno> {
        assert!(kind != Kind::Zero, "its entries hold no reference");
        let slot = slot(self.make_table(address)?, address, 1);
        // SAFETY: as in `find_table`.
        let old = unsafe { slot.replace(frame.into_raw() | kind.bits() | flags.bits()) };
        self.counts.add(kind);
        if old != 0 {
            self.counts.remove(Kind::of(old));
            self.flush(address);
            release(old);
        }
        Ok(())
    }

    /// Maps the zero page at `page`, which has no other, and at those of [start, end) without any:
    /// these count as pages once they are accessed. The range is within one last-level table.
    ///
    /// # Errors
    /// As [`PageTables::map`].
    pub fn map_zeros(
        &mut self,
        page: u64,
        around: Range<u64>,
        flags: PageFlags,
    ) -> Result<(), Errno> {
        debug_assert!(around.contains(&page) && around.start >> 21 == (around.end - 1) >> 21);
        let table = self.make_table(page)?;
        let entry = with_flags(frame::zero_page().address() | Kind::Zero.bits(), flags);
        for at in around.step_by(PAGE_SIZE as usize) {
            let slot = slot(table, at, 1);
            let was_accessed = if at == page { ACCESSED } else { 0 };
            // SAFETY: as in `find_table`.
            unsafe {
                let old = slot.read();
                if old == 0 {
                    self.counts.add(Kind::Zero);
                }
                if old == 0 || at == page {
                    debug_assert!(old == 0 || Kind::of(old) == Kind::Zero);
                    slot.write(entry | was_accessed);
                }
            }
        }
        Ok(())
    }

    /// Maps a page if the last-level table exists and has no page there.
    pub fn map_if_free(&mut self, address: u64, frame: &Frame, flags: PageFlags, kind: Kind) {
        assert!(kind != Kind::Zero, "its entries hold no reference");
        let Some(table) = self.find_table(address) else {
            return;
        };
        let slot = slot(table, address, 1);
        // SAFETY: as in `find_table`.
        unsafe {
            if slot.read() == 0 {
                slot.write(frame.clone().into_raw() | kind.bits() | flags.bits());
                self.counts.add(kind);
            }
        }
    }

    /// The page mapped at `address`.
    pub fn lookup(&self, address: u64) -> Option<Mapped> {
        let table = self.find_table(address)?;
        // SAFETY: as in `find_table`.
        Mapped::from_entry(unsafe { slot(table, address, 1).read() })
    }

    /// Changes an entry's flags. Without `PRESENT` the page stays but is inaccessible (PROT_NONE).
    pub fn set_flags(&mut self, address: u64, flags: PageFlags) {
        let Some(table) = self.find_table(address) else {
            return;
        };
        let slot = slot(table, address, 1);
        // SAFETY: as in `find_table`.
        unsafe {
            let entry = slot.read();
            if entry != 0 {
                slot.write(with_flags(entry, flags));
                self.flush(address);
            }
        }
    }

    /// Unmaps a page and returns its reference.
    pub fn unmap(&mut self, address: u64) -> Option<Frame> {
        let slot = slot(self.find_table(address)?, address, 1);
        // SAFETY: as in `find_table`.
        let entry = unsafe { slot.replace(0) };
        if entry == 0 {
            return None;
        }
        let kind = Kind::of(entry);
        self.counts.remove(kind);
        self.flush(address);
        Some(match kind {
            // SAFETY: the zero page is never freed.
            Kind::Zero => unsafe { Frame::share_raw(entry & ADDRESS) },
            // SAFETY: the entry held this reference until the `replace`.
            _ => unsafe { Frame::from_raw(entry & ADDRESS) },
        })
    }

    /// The first last-level table that covers part of [start, end): the address of its first entry
    /// in the range, that entry, and the number of entries in the range.
    fn find_entries(&self, start: u64, end: u64) -> Option<(u64, *mut u64, usize)> {
        // These tables contain the kernel's half too: never go there.
        let end = end.min(layout::TASK_SIZE);
        let mut address = start;
        'next: while address < end {
            let mut at = self.root;
            for level in [4, 3, 2] {
                // SAFETY: as in `find_table`.
                let entry = unsafe { slot(at, address, level).read() };
                if entry == 0 {
                    let size = 1u64 << (12 + 9 * (level - 1));
                    address = (address / size + 1) * size;
                    continue 'next;
                }
                at = entry & ADDRESS;
            }
            let table_end = ((address >> 21) + 1) << 21;
            let len = ((end.min(table_end) - address) / PAGE_SIZE) as usize;
            return Some((address, slot(at, address, 1), len));
        }
        None
    }

    /// The first last-level table that covers part of [start, end): the address of its first entry
    /// in the range, and its entries in the range. Addresses without a table are skipped, so that
    /// iterating costs by the number of tables.
    pub(super) fn next_entries(&mut self, start: u64, end: u64) -> Option<(u64, &mut [u64])> {
        let (address, first, len) = self.find_entries(start, end)?;
        // SAFETY: `len` entries of a live page table; the callers, all in `mm`, hold one such slice
        // at a time.
        let entries = unsafe { core::slice::from_raw_parts_mut(first, len) };
        Some((address, entries))
    }

    /// End of the next part of work on the pages of [start, end): behind the first table with a
    /// page, or behind some without. Addresses that no table covers don't count.
    pub(super) fn end_of_part(&self, start: u64, end: u64) -> u64 {
        /// Empty tables in one part.
        const EMPTY: usize = 16;
        let mut at = start;
        for _ in 0..EMPTY {
            let Some((from, first, len)) = self.find_entries(at, end) else {
                return end;
            };
            at = from + len as u64 * PAGE_SIZE;
            // SAFETY: one of the `len` entries of a live page table.
            if (0..len).any(|i| unsafe { first.add(i).read() } != 0) {
                break;
            }
        }
        at
    }

    /// Sets the byte of each page that is mapped, from `start` on.
    pub fn mark_mapped(&self, start: u64, bytes: &mut [u8]) {
        let end = start + bytes.len() as u64 * PAGE_SIZE;
        let mut at = start;
        while let Some((from, first, len)) = self.find_entries(at, end) {
            let skipped = ((from - start) / PAGE_SIZE) as usize;
            // SAFETY: `len` entries of a live page table, which nothing changes meanwhile.
            let entries = unsafe { core::slice::from_raw_parts(first, len) };
            for (byte, entry) in bytes[skipped..].iter_mut().zip(entries) {
                *byte = u8::from(is_page(*entry));
            }
            at = from + len as u64 * PAGE_SIZE;
        }
    }

    /// The first page mapped in [start, end), with its address.
    pub fn next_page(&self, start: u64, end: u64) -> Option<(u64, Mapped)> {
        let mut at = start;
        while let Some((from, first, len)) = self.find_entries(at, end) {
            for i in 0..len {
                // SAFETY: one of the `len` entries of a live page table.
                let entry = unsafe { first.add(i).read() };
                if let Some(page) = Mapped::from_entry(entry) {
                    return Some((from + i as u64 * PAGE_SIZE, page));
                }
            }
            at = from + len as u64 * PAGE_SIZE;
        }
        None
    }
}
