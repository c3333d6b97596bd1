//! Boot data from the loader: the ramdisk and the command line.
//!
//! `BootInfo` has no command line, so the loader prepends an archive with the single file
//! `kernel/trident/cmdline` to the initramfs, as Linux's loaders do with early cpio. With the
//! stock loader, the archive is part of the disk image's ramdisk.

use crate::dev::log::{self, log};
use crate::mm::{PAGE_SIZE, frame, paging};
use bootloader_api::BootInfo;
use formats::cmdline::{self, CommandLine};
use formats::cpio;
use formats::initramfs::Source;

/// The ramdisk; empty if the loader passed none.
pub fn ramdisk(boot_info: &BootInfo) -> &'static [u8] {
    match boot_info.ramdisk_addr.as_ref() {
        // SAFETY: the loader mapped `ramdisk_len` bytes at this address, for this use only.
        Some(&address) => unsafe {
            core::slice::from_raw_parts(address as *const u8, boot_info.ramdisk_len as usize)
        },
        None => &[],
    }
}

/// The ramdisk while it is unpacked. Its memory is freed page by page.
pub struct Ramdisk {
    start: *const u8,
    len: usize,
    /// Address of the first page not yet freed.
    kept: u64,
}

impl Ramdisk {
    /// Takes ownership of the ramdisk's memory (see [`ramdisk`]).
    ///
    /// # Safety
    /// `ramdisk` is not used any more.
    pub unsafe fn take(ramdisk: &[u8]) -> Self {
        let start = ramdisk.as_ptr();
        Self {
            start,
            len: ramdisk.len(),
            // A partial first page is not freed: the rest of it may be in use.
            kept: (start as u64).next_multiple_of(PAGE_SIZE),
        }
    }
}

impl Source for Ramdisk {
    fn bytes(&self, at: usize) -> &[u8] {
        let is_kept = at == self.len || self.start as u64 + at as u64 >= self.kept - PAGE_SIZE;
        assert!(
            at <= self.len && is_kept,
            "the ramdisk is read where it was freed"
        );
        // SAFETY: mapped by the loader and owned since `take`; no page from `at` on has been freed.
        unsafe { core::slice::from_raw_parts(self.start.add(at), self.len - at) }
    }

    fn release(&mut self, end: usize) {
        let end = (self.start as u64 + end.min(self.len) as u64) / PAGE_SIZE * PAGE_SIZE;
        while self.kept < end {
            if let Some(physical) = paging::kernel_to_phys(self.kept) {
                // SAFETY: owned since `take`, and no slice of the page is alive: `bytes` borrows
                // `self`, which `release` borrows mutably. The page stays mapped in the loader's
                // range, which nothing uses.
                unsafe { frame::donate(physical) };
            }
            self.kept += PAGE_SIZE;
        }
    }
}

impl Drop for Ramdisk {
    /// Frees the rest, also after an error in the archive.
    fn drop(&mut self) {
        self.release(self.len);
    }
}

/// Parses the command line and applies the options that come before the first log line: `quiet`,
/// `panic=`, address randomisation.
pub fn options(line: &[u8]) -> CommandLine {
    let options = cmdline::parse(line);
    // The log's lines are KERN_INFO (6); Linux's `quiet` is loglevel 4.
    log::set_quiet(options.loglevel <= 4);
    crate::dev::panic::set_timeout(options.panic_timeout);
    if options.norandmaps || options.nokaslr {
        crate::vm::randomize::set_fixed_addresses();
    }
    log!(
        "Command line: {}",
        alloc::string::String::from_utf8_lossy(line)
    );
    options
}

/// The command line: the body of the ramdisk's first file, if that has its name; else empty.
pub fn command_line(ramdisk: &[u8]) -> &'static [u8] {
    // At the very start: the zeros allowed between archives are not skipped here.
    if !ramdisk.starts_with(b"070701") {
        return &[];
    }
    match cpio::entries(ramdisk).next() {
        // A permanent copy: the ramdisk's memory is freed.
        Some(Ok(file)) if file.name == cmdline::FILE => file.body.to_vec().leak(),
        _ => &[],
    }
}
