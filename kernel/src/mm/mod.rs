//! Memory management: page frames, page tables, kernel heap and stacks, programs' address spaces.
//!
//! Reading order: `frame.rs` and `allocator.rs` (page frames), `paging.rs`, `page_tables.rs` and
//! `page_ranges.rs` (page tables), `vma.rs` and `address_space.rs` (mappings), `fault.rs` (demand
//! paging). System calls that don't concern memory use none of it.

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

/// Initialises the frame allocator and the kernel's page tables from the loader's data. The heap
/// needs no more.
pub fn init(boot_info: &BootInfo) {
    frame::init(boot_info);
    paging::init();
}
