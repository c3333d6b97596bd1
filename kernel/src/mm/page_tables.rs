//! A program's page tables: mapping and looking up. Work on whole ranges is in `page_ranges.rs`, and
//! how tables are given back in `free.rs`.
//!
//! An entry of the last level that isn't 0 holds a reference to a frame, whether the program may
//! reach it (`PRESENT`) or not (PROT_NONE hides it).

use core::cell::Cell;

use x86_64::VirtAddr;
use x86_64::registers::control::Cr3;

use super::allocator;
use super::frame::{Frame, phys_to_virt};
use super::paging::{PageFlags, activate, index, kernel_root};
use super::{PAGE_SIZE, layout};
use crate::syscall::errno::Errno;

mod free;

/// Flags of entries that lead to a table: what a page may be used for is up to its own entry.
const TABLE: u64 =
    PageFlags::PRESENT.bits() | PageFlags::WRITABLE.bits() | PageFlags::USER_ACCESSIBLE.bits();
/// The part of an entry that is a physical address (Intel SDM vol. 3, 4.5).
pub(super) const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// No table is remembered.
const NOTHING: (u64, u64) = (u64::MAX, 0);

/// A program's page tables. Dropping them drops the references that their entries hold.
#[derive(Debug)]
pub struct PageTables {
    root: u64,
    /// Entries in use: pages that are there, the program's resident set.
    pub(super) pages: u64,
    /// The most there were before some were dropped.
    pub(super) peak: u64,
    /// Tables below the root.
    tables: u64,
    /// The table found last: (address / 2 MiB, its physical address).
    last: Cell<(u64, u64)>,
}

/// What an entry says.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// Physical address of the frame.
    pub frame: u64,
    /// Its flags.
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
    /// Tables that map the kernel's half only.
    ///
    /// # Errors
    /// `ENOMEM` when there is no frame.
    pub fn new() -> Result<Self, Errno> {
        let root = Frame::zeroed()?.into_raw();
        // SAFETY: both are live tables, 512 entries long, and the new one is ours alone.
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

    /// How many there are, the root included.
    pub fn table_pages(&self) -> u64 {
        self.tables + 1
    }

    /// Makes these the CPU's tables.
    pub fn activate(&self) {
        activate(self.root);
    }

    /// Whether these are the CPU's tables now.
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
            // SAFETY: a live page table, and nobody else holds a reference into it: tables are
            // reached through this module and `page_ranges.rs`, one call at a time.
            let entry = unsafe { slot(at, address, level).read() };
            if entry == 0 {
                return None;
            }
            at = entry & ADDRESS;
        }
        self.last.set((address >> 21, at));
        Some(at)
    }

    /// The same, made if it isn't there.
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
                // SAFETY: as above.
                unsafe { slot.write(entry) };
            }
            at = entry & ADDRESS;
        }
        self.last.set((address >> 21, at));
        Ok(at)
    }

    /// Maps a page with exactly these flags; the table takes the reference. A page that was mapped
    /// there is dropped.
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

    /// Maps a page of a table that is there, unless something is mapped there already.
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

    /// What is mapped at `address`.
    pub fn lookup(&self, address: u64) -> Option<Mapped> {
        let table = self.find_table(address)?;
        // SAFETY: as in `find_table`.
        Mapped::from_entry(unsafe { slot(table, address, 1).read() })
    }

    /// Changes an entry's flags. Without `PRESENT` the page stays, out of the program's reach
    /// (PROT_NONE).
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
        // SAFETY: the entry held this reference and no longer does.
        Some(unsafe { Frame::from_raw(entry & ADDRESS) })
    }

    /// The first last-level table that covers some of [start, end): the address of its first entry
    /// in the range, that entry, and how many lie in the range.
    fn find_entries(&self, start: u64, end: u64) -> Option<(u64, *mut u64, usize)> {
        // The kernel's half hangs in these tables too, and no range of a program's is about it.
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

    /// The first last-level table that covers some of [start, end): the address of its first entry
    /// in the range, and those of its entries that lie in it. What no table covers is skipped, so
    /// that going on from the entries' end until `None` takes as long as there are tables.
    pub(super) fn next_entries(&mut self, start: u64, end: u64) -> Option<(u64, &mut [u64])> {
        let (address, first, len) = self.find_entries(start, end)?;
        // SAFETY: a live page table with that many entries from there on; the callers, all in
        // `mm`, hold one such slice at a time.
        let entries = unsafe { core::slice::from_raw_parts_mut(first, len) };
        Some((address, entries))
    }

    /// The first page in [start, end) that an entry holds, and its address.
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
