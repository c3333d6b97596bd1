//! Parsers of the kernel's external formats.
//!
//! An executable, an initramfs and a command line are untrusted: all arithmetic on their fields is
//! checked, and no input makes this crate panic (`tests/fuzz` tries). The crate is separate from
//! the kernel and free of `unsafe`, so that it is built and tested on the host like other
//! libraries.
//!
//! - [`elf`]: ELF programs: validation, and the segments to map.
//! - [`script`]: scripts (`#!`): the interpreter and its argument.
//! - [`cpio`]: newc archives, from memory or from a stream; a writer for tools.
//! - [`gunzip`]: gzip decompression in a window of 32 KiB.
//! - [`initramfs`]: the sequence of plain and gzip archives from the boot loader.
//! - [`cmdline`]: the kernel's command line, and its words for init.
//!
//! Next: `kernel/src/fs/initramfs.rs` and `kernel/src/process/exec.rs` use these.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod cmdline;
pub mod cpio;
pub mod elf;
pub mod gunzip;
pub mod initramfs;
pub mod script;
