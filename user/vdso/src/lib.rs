//! The vDSO: system calls that make no entry, because the kernel left what they need in a
//! page that the program may read.
//!
//! This crate is both sides of that page. Read it in this order:
//! [`page`] (what lies where), [`sequence`] (how a reader notices that the kernel was writing),
//! [`math`] (counter cycles to seconds), [`reader`] (what a program runs), [`writer`] (what the
//! kernel's timer interrupt runs).
//!
//! The same source is built twice more, with `--cfg vdso_image`, into the two ELF shared objects
//! that every process finds mapped ([`images`]; their functions are in `src/image/`).
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
