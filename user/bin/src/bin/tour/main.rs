//! The tour: the demonstration that `make run` shows. Expected: exit 0, if all its checks pass.
//!
//! Its four parts are the setup of the doors (`setup.rs`), a greeting through each (`hello.rs`),
//! the vDSO (`clock.rs`) and the costs (`table.rs`). A second machine, with a CPU of the other
//! vendor, adds the door that the first one's lacks (`words.rs`). Only 32-bit code can use the
//! 32-bit doors: the 64-bit half (`wide.rs`) runs the 32-bit build of the same source (`narrow.rs`)
//! as a process.
#![no_std]
#![cfg_attr(bare, no_main)]

#[cfg(target_arch = "x86_64")]
mod clock;
mod hello;
#[cfg(target_arch = "x86")]
mod narrow;
mod report;
#[cfg(target_arch = "x86_64")]
mod screen;
#[cfg(target_arch = "x86_64")]
mod setup;
#[cfg(target_arch = "x86_64")]
mod table;
#[cfg(target_arch = "x86_64")]
mod wide;
mod words;

#[cfg(target_arch = "x86")]
use narrow::run;
#[cfg(target_arch = "x86_64")]
use wide::run;

sys::entry!(run);
