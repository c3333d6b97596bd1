//! The tour: what `make run` shows. Expected: exit 0, if every part of it held.
//!
//! In four parts, each in its own file: how the doors are set up (`setup.rs`), a greeting through
//! each (`hello.rs`), the vDSO (`clock.rs`), what each costs (`table.rs`). The 32-bit doors can
//! only be entered by 32-bit code: the same source built for 32 bits is that half of the tour,
//! `narrow.rs`, which the 64-bit half starts as a process (`wide.rs`).
#![no_std]
#![cfg_attr(bare, no_main)]

#[cfg(target_arch = "x86_64")]
mod clock;
mod hello;
#[cfg(target_arch = "x86")]
mod narrow;
mod report;
#[cfg(target_arch = "x86_64")]
mod setup;
#[cfg(target_arch = "x86_64")]
mod table;
#[cfg(target_arch = "x86_64")]
mod wide;

#[cfg(target_arch = "x86")]
use narrow::run;
#[cfg(target_arch = "x86_64")]
use wide::run;

sys::entry!(run);
