//! Page table operations on ranges: drop, protect, share for fork(2), move for mremap(2).
//!
//! The upper levels are walked once per 2 MiB. TLB entries are flushed one by one up to
//! [`Flush::CEILING`] pages, above that all at once.

use core::ops::Range;

use x86_64::VirtAddr;

use super::page_tables::{PageCounts, PageTables, entries, release_counted, share, with_flags};
use crate::abi::errno::Errno;
use crate::mm::PAGE_SIZE;
use crate::mm::paging::{PageFlags, index};

/// Bytes of addresses per part of a long operation: one last-level table.
pub const PART: u64 = 2 << 20;

const WRITABLE: u64 = PageFlags::WRITABLE.bits();

/// Flushes the TLB entries of changed pages, if the tables are active.
struct Flush {
    active: bool,
    pages: u32,
}

impl Flush {
    /// Number of pages from which the whole TLB is flushed (Linux: tlb_single_page_flush_ceiling).
    const CEILING: u32 = 33;

    fn new(tables: &PageTables) -> Self {
        Self {
            active: tables.is_active(),
            pages: 0,
        }
    }

    fn page(&mut self, address: u64) {
        if self.active {
            self.pages += 1;
            if self.pages < Self::CEILING {
                x86_64::instructions::tlb::flush(VirtAddr::new(address));
            }
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        if self.pages >= Self::CEILING {
            x86_64::instructions::tlb::flush_all();
        }
    }
}

/// Shares the pages of `ours` with `theirs`, empty entries of another table; of the flags those in
/// `kept` stay, on both sides. Returns the number of pages.
// A function of its own: in the body of fork(2), which needs more registers than there are, the loop
// would keep its variables in memory.
#[inline(never)]
fn share_entries(ours: &mut [u64], theirs: &mut [u64], kept: u64) -> PageCounts {
    let (mut copied, mut others) = (0, PageCounts::default());
    for (our, their) in ours.iter_mut().zip(theirs) {
        let entry = *our;
        if entry != 0 {
            copied += 1;
            share(entry, &mut others);
            *our = entry & kept;
            *their = entry & kept;
        }
    }
    others.with_private(copied)
}

/// Whether all entries are 0.
fn is_empty(entries: &[u64]) -> bool {
    entries.iter().all(|entry| *entry == 0)
}

impl PageTables {
    /// Drops the pages in [start, end).
    pub fn drop_range(&mut self, start: u64, end: u64) {
        // Frames are freed before the flush: no program runs in between.
        let mut flush = Flush::new(self);
        let mut at = start;
        let (mut dropped, mut others) = (0, PageCounts::default());
        while let Some((from, entries)) = self.next_entries(at, end) {
            at = from;
            for entry in entries {
                if *entry != 0 {
                    dropped += 1;
                    release_counted(core::mem::take(entry), &mut others);
                    flush.page(at);
                }
                at += PAGE_SIZE;
            }
        }
        self.peak = self.peak.max(self.counts.resident());
        self.counts.remove_all(others.with_private(dropped));
    }

    /// Sets the flags of the pages in [start, end). `WRITABLE` is only kept or cleared, not set,
    /// unless `give_writable`: the page may be shared, and the first store decides about a copy.
    pub fn protect_range(&mut self, start: u64, end: u64, flags: PageFlags, give_writable: bool) {
        let mut flush = Flush::new(self);
        let given = if give_writable { WRITABLE } else { 0 };
        let mut at = start;
        while let Some((from, entries)) = self.next_entries(at, end) {
            at = from;
            for entry in entries {
                if *entry != 0 {
                    let writable = (*entry | given) & WRITABLE;
                    let taken = PageFlags::WRITABLE - PageFlags::from_bits_truncate(writable);
                    *entry = with_flags(*entry, flags - taken);
                    flush.page(at);
                }
                at += PAGE_SIZE;
            }
        }
    }

    /// Shares the pages of a range with `child`, which has none there; with `copy_on_write` they
    /// become read-only on both sides. Ends early when `tables` page tables were gone through, and
    /// subtracts those that were; returns where it ended. The caller calls
    /// [`PageTables::flush_all`] before the program runs again.
    ///
    /// # Errors
    /// `ENOMEM` without memory for the child's tables.
    pub fn share_range(
        &mut self,
        child: &mut Self,
        range: Range<u64>,
        copy_on_write: bool,
        tables: &mut usize,
    ) -> Result<u64, Errno> {
        let taken = if copy_on_write { WRITABLE } else { 0 };
        let Range { start: mut at, end } = range;
        while *tables > 0 {
            let Some((from, ours)) = self.next_entries(at, end) else {
                return Ok(end);
            };
            *tables -= 1;
            at = from + ours.len() as u64 * PAGE_SIZE;
            let Some(first) = ours.iter().position(|entry| *entry != 0) else {
                continue;
            };
            let table = child.make_table(from)?;
            // SAFETY: the child's table is live and has no other reference; the part from the same
            // index on has room for as many entries.
            let theirs = unsafe {
                core::slice::from_raw_parts_mut(entries(table).add(index(from, 1)), ours.len())
            };
            let copied = share_entries(&mut ours[first..], &mut theirs[first..], !taken);
            child.counts.add_all(copied);
        }
        Ok(at)
    }

    /// Creates the tables that [`PageTables::move_range`] needs, only for pages that are mapped.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn make_tables_to_move(&mut self, start: u64, end: u64, to: u64) -> Result<(), Errno> {
        let mut at = start;
        while let Some((from, ours)) = self.next_entries(at, end) {
            let is_empty = is_empty(ours);
            at = from + ours.len() as u64 * PAGE_SIZE;
            if !is_empty {
                // The pages of one table may go to two.
                self.make_table(from - start + to)?;
                self.make_table(at - PAGE_SIZE - start + to)?;
            }
        }
        Ok(())
    }

    /// Moves the pages in [start, end) to `to`, where no pages are mapped.
    /// [`PageTables::make_tables_to_move`] has created the tables.
    ///
    /// # Errors
    /// `ENOMEM` if a table is missing.
    pub fn move_range(&mut self, start: u64, end: u64, to: u64) -> Result<(), Errno> {
        let mut at = start;
        // The entries of one source table, which may go to two.
        let mut moved = [0_u64; 512];
        while let Some((from, ours)) = self.next_entries(at, end) {
            let count = ours.len();
            if is_empty(ours) {
                at = from + count as u64 * PAGE_SIZE;
                continue;
            }
            let mut target = from - start + to;
            // A whole table moves to where it is one too: the empty table there takes its place.
            if count == moved.len()
                && target.is_multiple_of(PART)
                && self.exchange_tables(from, target)
            {
                at = from + PART;
                continue;
            }
            let Some((_, ours)) = self.next_entries(from, end) else {
                break;
            };
            for (slot, entry) in moved.iter_mut().zip(ours) {
                *slot = core::mem::take(entry);
            }
            let mut rest = &moved[..count];
            while !rest.is_empty() {
                let table = self.make_table(target)?;
                let first = index(target, 1);
                let (part, behind) = rest.split_at(rest.len().min(512 - first));
                // SAFETY: a live table of 512 entries, none of them in use, and no other reference.
                let theirs = unsafe {
                    core::slice::from_raw_parts_mut(entries(table).add(first), part.len())
                };
                theirs.copy_from_slice(part);
                target += part.len() as u64 * PAGE_SIZE;
                rest = behind;
            }
            at = from + count as u64 * PAGE_SIZE;
        }
        self.flush_all();
        Ok(())
    }

    /// Flushes the TLB if these tables are active.
    pub fn flush_all(&self) {
        if self.is_active() {
            self.activate();
        }
    }
}
