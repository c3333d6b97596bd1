//! Shared code of the programs in `src/bin/`.
//!
//! - [`measure`]: measurement of costs; [`costs`]: the measured operations.
//! - [`doors_file`]: the kernel's counters of entries, `/proc/doors`.
//! - [`check`]: a probe's checks;
//!   [`terminal`]: a terminal's settings;
//!   [`named`]: probes with several cases; [`registers`]: calls with every register set.
#![no_std]

pub mod check;
pub mod costs;
pub mod doors_file;
pub mod measure;
pub mod named;
pub mod registers;
pub mod terminal;
