//! What the programs in `src/bin/` share.
//!
//! - [`measure`]: how a cost is measured; [`costs`]: what is measured.
//! - [`doors_file`]: the kernel's own counters of entries, `/proc/doors`.
//! - [`check`]: how a probe reports what broke;
//!   [`named`]: probes with several cases; [`registers`]: calls with every register set.
#![no_std]

pub mod check;
pub mod costs;
pub mod doors_file;
pub mod measure;
pub mod named;
pub mod registers;
