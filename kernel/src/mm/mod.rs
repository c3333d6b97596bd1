//! RAM: page frames, the kernel's page tables, heap and stacks, and containers whose growth may
//! fail.
//!
//! Floor 3. Reading order: `frame.rs` and `allocator.rs` (who owns a page frame), `paging.rs` and
//! `layout.rs` (the kernel's half of each address space), `heap.rs` with `slab.rs` and `arena.rs`,
//! `reserve.rs` and `fallible.rs` (how a call learns that memory is short). Programs' address
//! spaces are in `vm/`.
//!
//! It may use `arch/`, `sync/` and `abi/`. To wait for memory it needs the OOM killer, which
//! `process/` hands over at boot (`reserve.rs`).
//!
//! Left out of Linux's mm: swap and reclaim, zones and NUMA nodes, huge pages for the kernel's
//! data, control groups.

pub mod allocator;
mod arena;
pub mod espfix;
pub mod fallible;
pub mod frame;
pub mod heap;
mod heap_pages;
#[cfg(debug_assertions)]
pub mod injection;
pub mod kstack;
pub mod layout;
pub mod paging;
#[cfg(debug_assertions)]
mod pattern;
pub mod reserve;
mod slab;

#[cfg(test)]
pub mod tests;

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
    frame::zero_page();
}
