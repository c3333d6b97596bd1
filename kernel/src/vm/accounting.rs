//! Memory accounting of an address space, for /proc/PID/statm, status and smaps.

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

impl AddressSpace {
    /// Counts the present pages of an area.
    pub fn present(&self, area: &Vma) -> Present {
        let mut present = Present::default();
        let mut at = area.start;
        while let Some((address, mapped)) = self.tables.next_page(at, area.end) {
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

    /// Whether a shared mapping of `source` is writable or may become so.
    pub fn maps_writable(&self, source: *const ()) -> bool {
        self.areas().any(|area| match &area.backing {
            Backing::File { source: of, .. } => {
                let of = alloc::sync::Arc::as_ptr(of).cast::<()>();
                core::ptr::eq(of, source) && area.shared && area.max_prot.contains(Prot::WRITE)
            }
            _ => false,
        })
    }

    /// Counts all pages of the address space.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for area in self.areas() {
            let pages = area.len() / PAGE_SIZE;
            usage.all += pages;
            match area.role {
                Role::Stack => usage.stack += pages,
                _ if area.prot.contains(Prot::EXEC) => usage.code += pages,
                _ if !area.shared && area.prot.contains(Prot::WRITE) => usage.data += pages,
                _ => {}
            }
            let present = self.present(area);
            let rest = present.pages - present.anonymous;
            usage.present_anonymous += present.anonymous;
            match &area.backing {
                Backing::File { source, .. } if source.file_id() == (0, 0) => {
                    usage.present_shared += rest;
                }
                _ => usage.present_file += rest,
            }
        }
        usage
    }
}
