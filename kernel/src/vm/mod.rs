//! Address spaces of programs: areas, page tables, page faults, mappings, and the two vDSO images.
//!
//! Floor 6; below it are frames and the kernel's own memory (`mm`). Reading order: `vma.rs` (an
//! area) and `address_space.rs` (all of a program's), `mapping.rs` (mmap, munmap, mprotect),
//! `fault.rs` (pages that appear on first touch), `page_tables.rs` and `page_ranges.rs`, then
//! `vdso/`. None of it is on the way of a system call that doesn't deal in memory.
//!
//! Left out of Linux's: swap, huge pages, NUMA, userfaultfd.

pub mod accounting;
pub mod address_space;
pub mod areas;
pub mod copying;
pub mod fault;
pub mod foreign_access;
pub mod keys;
pub mod ldt;
pub mod leftovers;
pub mod limits;
pub mod mapped;
pub mod mappers;
pub mod mapping;
pub mod page_ranges;
pub mod page_tables;
pub mod placement;
pub mod populate;
pub mod randomize;
pub mod remap;
pub mod shared;
pub mod source_pages;
pub mod unmapping;
pub mod vdso;
pub mod vma;

#[cfg(test)]
mod tests;
