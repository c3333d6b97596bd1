//! The vDSO: system calls without a kernel entry. The kernel keeps the data that they need in a
//! page that programs may read.
//!
//! This crate is both sides of that page. Read it in this order:
//! [`page`] (the layout), [`sequence`] (the sequence lock), [`math`] (counter cycles to seconds),
//! [`reader`] (the program's side), [`writer`] (the side of the kernel's timer interrupt).
//!
//! The same source is built twice more, with `--cfg vdso_image`, into the two ELF shared objects
//! that the kernel maps into every process ([`images`]; their functions are in `src/image/`).
#![cfg_attr(not(test), no_std)]
#![cfg_attr(vdso_image, no_main)]
#![cfg_attr(vdso_image, allow(dead_code, missing_docs))]

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

/// The atomics that [`sequence`] is built on: the machine's own. (The loom test puts its
/// model of them in the same place.)
mod sync {
    pub use core::sync::atomic::{AtomicU32, Ordering, fence};
}
