//! Page tables of a program: mapping and lookup of single pages. `page_ranges.rs` works on ranges,
//! `free.rs` frees tables.
//!
//! Each non-zero entry of the last level holds a reference to a frame, with or without `PRESENT`
//! (PROT_NONE clears it).

use core::cell::Cell;

use x86_64::VirtAddr;
use x86_64::registers::control::Cr3;

use crate::abi::errno::Errno;
use crate::mm::allocator;
use crate::mm::allocator::phys_to_virt;
use crate::mm::frame::Frame;
use crate::mm::paging::{PageFlags, activate, index, kernel_root};
use crate::mm::{PAGE_SIZE, layout};

mod free;

/// Flags of entries that point to a table: all access, as the last level's entry decides.
const TABLE: u64 =
    PageFlags::PRESENT.bits() | PageFlags::WRITABLE.bits() | PageFlags::USER_ACCESSIBLE.bits();
/// Mask of the physical address in an entry (Intel SDM vol. 3, 4.5).
pub(super) const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// `PageTables::last` without a cached table.
const NOTHING: (u64, u64) = (u64::MAX, 0);

/// A program's page tables. Dropping them drops the references that their entries hold.
#[derive(Debug)]
pub struct PageTables {
    root: u64,
    /// Entries in use: the resident set in pages.
    pub(super) pages: u64,
    /// Maximum of `pages` before the last drop of pages.
    pub(super) peak: u64,
    /// Number of tables below the root.
    tables: u64,
    /// Cache of the last lookup: (address / 2 MiB, physical address of the last-level table).
    last: Cell<(u64, u64)>,
}

/// A decoded last-level entry.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// Physical address of the frame.
    pub frame: u64,
    /// Flags of the entry.
    pub flags: PageFlags,
}

impl Mapped {
    fn from_entry(entry: u64) -> Option<Self> {
        (entry != 0).then(|| Self {
            frame: entry & ADDRESS,
            flags: PageFlags::from_bits_truncate(entry),
        })
    }
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
            pages: 0,
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

    /// Exchanges the last-level tables of two addresses; returns whether there are entries for both.
    /// The caller flushes the TLB.
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
    pub fn map(&mut self, address: u64, frame: Frame, flags: PageFlags) -> Result<(), Errno> {
        let slot = slot(self.make_table(address)?, address, 1);
        // SAFETY: as in `find_table`.
        let old = unsafe { slot.replace(frame.into_raw() | flags.bits()) };
        if old == 0 {
            self.pages += 1;
        } else {
            self.flush(address);
            allocator::release(old & ADDRESS);
        }
        Ok(())
    }

    /// Maps a page if the last-level table exists and has no page there.
    pub fn map_if_free(&mut self, address: u64, frame: &Frame, flags: PageFlags) {
        let Some(table) = self.find_table(address) else {
            return;
        };
        let slot = slot(table, address, 1);
        // SAFETY: as in `find_table`.
        unsafe {
            if slot.read() == 0 {
                slot.write(frame.clone().into_raw() | flags.bits());
                self.pages += 1;
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
                slot.write(entry & ADDRESS | flags.bits());
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
        self.pages -= 1;
        self.flush(address);
        // SAFETY: the entry held this reference until the `replace`.
        Some(unsafe { Frame::from_raw(entry & ADDRESS) })
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

    /// End of the next part of work on the pages of [start, end): behind the first table with a page, or behind
    /// some without. Addresses that no table covers don't count.
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
            for (i, byte) in bytes[skipped..].iter_mut().take(len).enumerate() {
                // SAFETY: one of the `len` entries of a live page table.
                *byte |= u8::from(unsafe { first.add(i).read() } != 0);
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
