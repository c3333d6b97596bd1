//! Types and constants of Linux's ABI: error numbers, the register frame, the doors and their
//! tables, signals, credentials and capabilities, resource limits, personalities, file modes and
//! `struct open_how`'s flags.
//!
//! Floor 1 of the kernel: constants and plain types, which every other folder may use. No unsafe
//! code; the code that acts on them is on higher floors. Read `frame.rs` first (what a door saves),
//! then `errno.rs` (what comes back).

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as
// unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

pub mod capability;
#[cfg(debug_assertions)]
pub mod capability_checks;
pub mod cred;
pub mod door;
pub mod errno;
pub mod frame;
pub mod limits;
pub mod metadata;
pub mod personality;
pub mod ready;
pub mod resolve;
pub mod signal;
