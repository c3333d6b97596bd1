//! Memory accounting of an address space, for /proc/PID/statm, status and smaps.

use core::ops::{AddAssign, Range};

use super::address_space::AddressSpace;
use super::vma::{Backing, Prot, Role, Vma};
use crate::mm::PAGE_SIZE;
use crate::mm::allocator;

/// Pages of an address space, by kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// All mapped pages.
    pub all: u64,
    /// Private writable pages without the stack.
    pub data: u64,
    /// Pages of the stack.
    pub stack: u64,
    /// Pages of executable areas.
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
    /// Counts the present pages of a range of an area.
    fn present(&self, area: &Vma, range: Range<u64>) -> Present {
        let mut present = Present::default();
        let mut at = range.start;
        while let Some((address, mapped)) = self.tables.next_page(at, range.end) {
            present.pages += 1;
            let others = allocator::references(mapped.frame) - 1;
            let is_own = match area.backing {
                Backing::Anonymous => true,
                // A written page of a private mapping is a copy, without another reference.
                Backing::File { .. } => !area.shared && others == 0,
                Backing::Kernel(..) => false,
            };
            present.anonymous += u64::from(is_own);
            present.exclusive += u64::from(others == 0);
            at = address + PAGE_SIZE;
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
            f(area, bytes, self.present(area, range));
        }
        stop
    }

    /// Adds the pages of the lowest part from `start` on to `usage`; returns the end of the part,
    /// which is `task_size` behind the last area.
    pub fn usage_part(&self, start: u64, usage: &mut Usage) -> u64 {
        self.present_part(start, self.task_size, |area, bytes, present| {
            let pages = bytes / PAGE_SIZE;
            usage.all += pages;
            match area.role {
                Role::Stack => usage.stack += pages,
                _ if area.prot.contains(Prot::EXEC) => usage.code += pages,
                _ if !area.shared && area.prot.contains(Prot::WRITE) => usage.data += pages,
                _ => {}
            }
            let rest = present.pages - present.anonymous;
            usage.present_anonymous += present.anonymous;
            match &area.backing {
                Backing::File { source, .. } if source.file_id() == (0, 0) => {
                    usage.present_shared += rest;
                }
                _ => usage.present_file += rest,
            }
        })
    }
}
