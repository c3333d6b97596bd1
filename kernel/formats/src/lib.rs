//! Readers of the kernel's external formats, with every field checked.
//!
//! An executable, an initramfs and a command line come from the user of the kernel and are not
//! trusted: all arithmetic on their fields is checked, and no input makes this crate panic
//! (`tests/fuzz` tries). It is a crate of its own, without `unsafe`, so that it is built
//! and tested on the host like any other library.
//!
//! - [`elf`]: may this program be loaded, and where does each part of it go?
//! - [`script`]: which program runs this one, and with what argument?
//! - [`cpio`]: the members of a newc archive, from memory or from a stream; a writer for tools.
//! - [`gunzip`]: inflates one gzip member in a window of 32 KiB.
//! - [`initramfs`]: the mix of plain and gzip archives that a boot loader hands over.
//! - [`cmdline`]: the kernel's command line and what it leaves for init.
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
