//! Memory: frames, page tables, the kernel's heap and stacks, and programs' address spaces.
//!
//! Reading order: `frame.rs` and `allocator.rs` (who owns a page frame), `paging.rs`,
//! `page_tables.rs` and `page_ranges.rs`, `vma.rs` and
//! `address_space.rs` (what a program has mapped), `fault.rs` (pages that appear on first
//! touch). None of it is on the way of a system call that doesn't deal in memory.

pub mod address_space;
mod allocator;
mod areas;
mod arena;
mod content;
pub mod espfix;
pub mod fallible;
pub mod fault;
pub mod frame;
pub mod heap;
mod heap_pages;
#[cfg(debug_assertions)]
pub mod injection;
pub mod keys;
pub mod kstack;
pub mod layout;
pub mod leftovers;
pub mod limits;
pub mod mapped;
pub mod mapping;
pub mod page_ranges;
pub mod page_tables;
pub mod paging;
mod placement;
mod populate;
pub mod remap;
pub mod reserve;
pub mod shared;
mod slab;
pub mod usage;
pub mod vma;

#[cfg(test)]
mod tests;

use bootloader_api::BootInfo;

/// Bytes of a page.
pub const PAGE_SIZE: u64 = 4096;

/// `address` rounded down to a page.
pub const fn page_down(address: u64) -> u64 {
    address & !(PAGE_SIZE - 1)
}

/// `address` rounded up to a page; `None` past the end of the address range.
pub const fn page_up(address: u64) -> Option<u64> {
    match address.checked_add(PAGE_SIZE - 1) {
        Some(sum) => Some(page_down(sum)),
        None => None,
    }
}

/// Takes the memory over from the loader: frames first, then page tables. The heap needs nothing else.
pub fn init(boot_info: &BootInfo) {
    frame::init(boot_info);
    paging::init();
}
