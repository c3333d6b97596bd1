//! A program's page tables: mapping, changing, walking and freeing them.

use core::ops::Range;

use x86_64::registers::control::Cr3;
use x86_64::structures::paging::PageTableFlags;
use x86_64::{PhysAddr, VirtAddr};

use super::PAGE_SIZE;
use super::frame::Frame;
use super::paging::{PageFlags, activate, activate_kernel, entry, kernel_root, slot, table};
use crate::syscall::errno::Errno;

/// Flags of entries that lead to a table: what a page may be used for is up to its own entry.
const TABLE: PageTableFlags = PageTableFlags::PRESENT
    .union(PageTableFlags::WRITABLE)
    .union(PageTableFlags::USER_ACCESSIBLE);

/// A program's page tables. Dropping them drops the references that their entries hold.
#[derive(Debug)]
pub struct PageTables {
    root: u64,
}

/// What a present entry says.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// Physical address of the frame.
    pub frame: u64,
    /// Its flags.
    pub flags: PageFlags,
}

impl PageTables {
    /// Tables that map the kernel's half only.
    ///
    /// # Errors
    /// `ENOMEM` when there is no frame.
    pub fn new() -> Result<Self, Errno> {
        let root = Frame::zeroed()?.into_raw();
        // SAFETY: both are live tables; the new one is ours alone.
        let (kernel, new) = unsafe { (&*table(kernel_root()), &mut *table(root)) };
        for i in 256..512 {
            new[i] = kernel[i].clone();
        }
        Ok(Self { root })
    }

    /// Makes these the CPU's tables.
    pub fn activate(&self) {
        activate(self.root);
    }

    /// Whether these are the CPU's tables now.
    fn is_active(&self) -> bool {
        Cr3::read().0.start_address().as_u64() == self.root
    }

    fn flush(&self, address: u64) {
        if self.is_active() {
            x86_64::instructions::tlb::flush(VirtAddr::new(address));
        }
    }

    /// Maps a page; the table takes the reference. A page that was mapped there is dropped.
    ///
    /// # Errors
    /// `ENOMEM` when a table is needed and there is no frame for it.
    pub fn map(&mut self, address: u64, frame: Frame, flags: PageFlags) -> Result<(), Errno> {
        let slot = entry(self.root, address, Some(TABLE))?.ok_or(Errno::EEXIST)?;
        // SAFETY: `entry` returned a live table's slot.
        let slot = unsafe { &mut *slot };
        let old = (!slot.is_unused()).then(|| slot.addr().as_u64());
        slot.set_addr(
            PhysAddr::new(frame.into_raw()),
            flags | PageTableFlags::PRESENT,
        );
        if let Some(old) = old {
            self.flush(address);
            // SAFETY: the entry held this reference and no longer does.
            drop(unsafe { Frame::from_raw(old) });
        }
        Ok(())
    }

    /// Makes the tables that pages in [start, end) need.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn make_tables(&mut self, start: u64, end: u64) -> Result<(), Errno> {
        let mut address = start;
        while address < end {
            entry(self.root, address, Some(TABLE))?;
            // The next one of the last level begins 2 MiB on.
            address = ((address >> 21) + 1) << 21;
        }
        Ok(())
    }

    /// What is mapped at `address`.
    pub fn lookup(&self, address: u64) -> Option<Mapped> {
        let slot = entry(self.root, address, None).ok()??;
        // SAFETY: `entry` returned a live table's slot.
        let slot = unsafe { &*slot };
        (!slot.is_unused()).then(|| Mapped {
            frame: slot.addr().as_u64(),
            flags: slot.flags(),
        })
    }

    /// Changes an entry's flags. Without `PRESENT` the page stays, out of the program's reach
    /// (PROT_NONE).
    pub fn set_flags(&mut self, address: u64, flags: PageFlags) {
        if let Ok(Some(slot)) = entry(self.root, address, None) {
            // SAFETY: `entry` returned a live table's slot.
            let slot = unsafe { &mut *slot };
            if !slot.is_unused() {
                slot.set_flags(flags);
                self.flush(address);
            }
        }
    }

    /// Unmaps a page and returns its reference.
    pub fn unmap(&mut self, address: u64) -> Option<Frame> {
        let slot = entry(self.root, address, None).ok()??;
        // SAFETY: `entry` returned a live table's slot.
        let slot = unsafe { &mut *slot };
        if slot.is_unused() {
            return None;
        }
        let frame = slot.addr().as_u64();
        slot.set_unused();
        self.flush(address);
        // SAFETY: the entry held this reference and no longer does.
        Some(unsafe { Frame::from_raw(frame) })
    }

    /// Frees the tables that [start, end) no longer needs: those whose whole range lies between
    /// `floor` and `ceiling`, where nothing is mapped any more.
    pub fn prune(&mut self, start: u64, end: u64, floor: u64, ceiling: u64) {
        if start < end && prune(self.root, 4, 0, start..end, floor..ceiling) && self.is_active() {
            // The CPU may have cached entries that led to the freed tables.
            self.activate();
        }
    }

    /// The first page in [start, end) that an entry holds, and its address. What no table covers is
    /// skipped, so that going on from there until `None` takes as long as there are tables.
    pub fn next_page(&self, start: u64, end: u64) -> Option<(u64, Mapped)> {
        let mut address = start;
        'next: while address < end {
            let mut at = self.root;
            for level in [4, 3, 2] {
                // SAFETY: a live page table, read only.
                let slot = unsafe { &*slot(at, address, level) };
                if slot.is_unused() {
                    let size = 1u64 << (12 + 9 * (level - 1));
                    address = (address / size + 1) * size;
                    continue 'next;
                }
                at = slot.addr().as_u64();
            }
            // The last level is one table of 512 pages: look through it without walking again.
            let table_end = ((address >> 21) + 1) << 21;
            while address < end.min(table_end) {
                // SAFETY: a live page table, read only.
                let slot = unsafe { &*slot(at, address, 1) };
                if !slot.is_unused() {
                    let page = Mapped {
                        frame: slot.addr().as_u64(),
                        flags: slot.flags(),
                    };
                    return Some((address, page));
                }
                address += PAGE_SIZE;
            }
        }
        None
    }
}

/// Frees the tables below `at` (which maps from `base` on) whose range overlaps `range` and lies
/// in `unmapped`; returns whether there were any.
fn prune(at: u64, level: u32, base: u64, range: Range<u64>, unmapped: Range<u64>) -> bool {
    let size = 1u64 << (12 + 9 * (level - 1));
    let (first, last) = (
        (range.start.max(base) - base) / size,
        (range.end - 1 - base) / size,
    );
    let mut any = false;
    for i in first..=last.min(511) {
        let from = base + i * size;
        // SAFETY: a live page table that nothing else refers to.
        let slot = unsafe { &mut *slot(at, from, level) };
        if slot.is_unused() {
            continue;
        }
        let next = slot.addr().as_u64();
        if level > 2 {
            any |= prune(next, level - 1, from, range.clone(), unmapped.clone());
        }
        if unmapped.start <= from && from + size <= unmapped.end {
            slot.set_unused();
            // SAFETY: the entry held this reference, to a table without entries.
            drop(unsafe { Frame::from_raw(next) });
            any = true;
        }
    }
    any
}

/// Frees the tables below `at`, and the frames that the last level references.
fn free(at: u64, level: u32, entries: Range<usize>) {
    // SAFETY: the tables are being dropped: nothing uses them any more.
    let table = unsafe { &*table(at) };
    for i in entries {
        let slot = &table[i];
        if slot.is_unused() {
            continue;
        }
        let next = slot.addr().as_u64();
        if level > 1 {
            free(next, level - 1, 0..512);
        }
        // SAFETY: the entry held this reference, to a table or to a page.
        drop(unsafe { Frame::from_raw(next) });
    }
}

impl Drop for PageTables {
    fn drop(&mut self) {
        if self.is_active() {
            activate_kernel();
        }
        free(self.root, 4, 0..256);
        // SAFETY: the root's own reference, made in `new`.
        drop(unsafe { Frame::from_raw(self.root) });
    }
}
