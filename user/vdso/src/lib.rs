//! The vDSO: system calls without a kernel entry. The kernel keeps their data in a page that
//! programs can read.
//!
//! This crate is both sides of that page. In reading order: [`page`] (the layout), [`sequence`]
//! (the sequence lock), [`math`] (counter cycles to seconds), [`reader`] and `count` (the program's
//! side), [`writer`] (the kernel's side, its timer interrupt).
//!
//! The same source is built twice more, with `--cfg vdso_image`, into the two ELF shared objects
//! that the kernel maps into every process ([`images`]; their functions are in `src/image/`).
#![cfg_attr(not(test), no_std)]
#![cfg_attr(vdso_image, no_main)]
#![cfg_attr(vdso_image, allow(dead_code, missing_docs))]

#[cfg(target_arch = "x86_64")]
pub mod count;
#[cfg(vdso_image)]
mod image;
#[cfg(not(vdso_image))]
pub mod images;
pub mod math;
pub mod page;
pub mod reader;
pub mod sequence;
#[cfg(not(vdso_image))]
pub mod writer;

/// The atomics of [`sequence`]: those of `core`. (The loom test replaces this module by its models
/// of them.)
mod sync {
    pub use core::sync::atomic::{AtomicU32, Ordering, fence};
}
