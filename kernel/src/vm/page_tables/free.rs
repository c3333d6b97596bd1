//! Freeing page tables: those that a range no longer needs, and all with the address space.

use core::ops::Range;

use super::{ADDRESS, NOTHING, PageTables, entries, release, slot};
use crate::mm::allocator;
use crate::mm::paging::activate_kernel;

impl PageTables {
    /// Frees the tables of [start, end) whose whole range is between `floor` and `ceiling`, where
    /// nothing is mapped (free_pgd_range).
    pub fn prune(&mut self, start: u64, end: u64, floor: u64, ceiling: u64) {
        let before = self.tables;
        if start < end {
            self.prune_below(self.root, 4, 0, start..end, floor..ceiling);
        }
        if self.tables != before {
            self.last.set(NOTHING);
            if self.is_active() {
                // The CPU may have cached entries that point to the freed tables.
                self.activate();
            }
        }
    }

    /// Frees such tables below table `at` of `level`, which maps the addresses from `base` on.
    fn prune_below(
        &mut self,
        at: u64,
        level: u32,
        base: u64,
        range: Range<u64>,
        unmapped: Range<u64>,
    ) {
        let shift = 12 + 9 * (level - 1);
        let size = 1u64 << shift;
        let first = (range.start.max(base) - base) >> shift;
        let last = (range.end - 1 - base) >> shift;
        for i in first..=last.min(511) {
            let from = base + (i << shift);
            let slot = slot(at, from, level);
            // SAFETY: as in `PageTables::find_table`.
            let entry = unsafe { slot.read() };
            if entry == 0 {
                continue;
            }
            if level > 2 {
                let (range, unmapped) = (range.clone(), unmapped.clone());
                self.prune_below(entry & ADDRESS, level - 1, from, range, unmapped);
            }
            if unmapped.start <= from && from + size <= unmapped.end {
                // SAFETY: as in `PageTables::find_table`.
                unsafe { slot.write(0) };
                // Nothing is mapped in its range, so all its entries are 0.
                allocator::release_zeroed(entry & ADDRESS);
                self.tables -= 1;
            }
        }
    }
}

/// Frees the tables below `at`, and drops the last level's references to frames.
fn free(at: u64, level: u32, which: Range<usize>) {
    for i in which {
        // SAFETY: the tables are being dropped and not in use.
        let entry = unsafe { entries(at).add(i).read() };
        if entry == 0 {
            continue;
        }
        // The entry's reference, to a table or a page.
        if level > 1 {
            free(entry & ADDRESS, level - 1, 0..512);
            allocator::release(entry & ADDRESS);
        } else {
            release(entry);
        }
    }
}

impl Drop for PageTables {
    fn drop(&mut self) {
        if self.is_active() {
            activate_kernel();
        }
        if self.tables > 0 {
            free(self.root, 4, 0..256);
            allocator::release(self.root);
        } else {
            // SAFETY: the root has no other user; its lower half is empty.
            unsafe { entries(self.root).add(256).write_bytes(0, 256) };
            allocator::release_zeroed(self.root);
        }
    }
}
