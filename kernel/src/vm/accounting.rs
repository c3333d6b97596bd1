//! Memory accounting of an address space, for /proc/PID/statm, status and smaps.

use core::ops::{AddAssign, Range};

use super::address_space::AddressSpace;
use super::page_tables::Kind;
use super::vma::Vma;
use crate::mm::PAGE_SIZE;
use crate::mm::allocator;

/// Pages of an address space, by kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// All mapped pages.
    pub all: u64,
    /// Private writable pages without stacks.
    pub data: u64,
    /// Pages of stacks.
    pub stack: u64,
    /// Pages of areas that are executable and not writable.
    pub code: u64,
    /// Present anonymous pages.
    pub present_anonymous: u64,
    /// Present file pages.
    pub present_file: u64,
    /// Present pages of shared memory without a file.
    pub present_shared: u64,
}

/// Present pages of one area.
#[derive(Clone, Copy, Debug, Default)]
pub struct Present {
    /// All present pages.
    pub pages: u64,
    /// Pages that no other mapping or file references.
    pub exclusive: u64,
    /// Anonymous pages, including private copies of file pages.
    pub anonymous: u64,
}

impl AddAssign for Present {
    fn add_assign(&mut self, more: Self) {
        self.pages += more.pages;
        self.exclusive += more.exclusive;
        self.anonymous += more.anonymous;
    }
}

impl AddressSpace {
    /// Counts the present pages of a range; the zero page isn't one (vm_normal_page in
    /// mm/memory.c).
    fn present(&self, range: Range<u64>) -> Present {
        let mut present = Present::default();
        let mut at = range.start;
        while let Some((address, mapped)) = self.tables.next_page(at, range.end) {
            at = address + PAGE_SIZE;
            if mapped.kind == Kind::Zero {
                continue;
            }
            present.pages += 1;
            let others = allocator::references(mapped.frame) - 1;
            present.anonymous += u64::from(mapped.kind == Kind::Anonymous);
            present.exclusive += u64::from(others == 0);
        }
        present
    }

    /// Calls `f` with each area in the lowest part of [start, end), with the number of its bytes
    /// there, and with its present pages there; returns the end of the part.
    pub fn present_part(&self, start: u64, end: u64, mut f: impl FnMut(&Vma, u64, Present)) -> u64 {
        let stop = self.end_of_part(start, end);
        for area in self.overlapping(start, stop) {
            let range = area.start.max(start)..area.end.min(stop);
            let bytes = range.end - range.start;
            f(area, bytes, self.present(range));
        }
        stop
    }

    /// Numbers of mapped and present pages by kind, which are counted as they change.
    pub fn usage(&self) -> Usage {
        let present = self.tables.counts;
        Usage {
            all: self.counts.all,
            data: self.counts.data,
            stack: self.counts.stack,
            code: self.counts.code,
            present_anonymous: present.of(Kind::Anonymous),
            present_file: present.of(Kind::File),
            present_shared: present.of(Kind::Shared),
        }
    }
}
