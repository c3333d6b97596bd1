//! What the loader brought along: a ramdisk, and in front of it the command line.
//!
//! `BootInfo` has no command line, so the loader prepends an archive with the one file
//! `kernel/trident/cmdline` to the initramfs, as Linux's loaders do with early cpio. The
//! stock loader's ramdisk has it where whoever made the disk image put it there.

use bootloader_api::BootInfo;
use formats::cmdline::{self, CommandLine};
use formats::cpio;
use formats::initramfs::Source;
use spin::Once;

use crate::log;
use crate::mm::{PAGE_SIZE, frame, paging};

/// The file's name in the archive.
pub const CMDLINE: &[u8] = b"kernel/trident/cmdline";

static LINE: Once<&'static [u8]> = Once::new();

/// The ramdisk's bytes; empty without one.
pub fn ramdisk(boot_info: &BootInfo) -> &'static [u8] {
    match boot_info.ramdisk_addr.as_ref() {
        // SAFETY: the loader mapped that many bytes there, and nothing else uses them.
        Some(&address) => unsafe {
            core::slice::from_raw_parts(address as *const u8, boot_info.ramdisk_len as usize)
        },
        None => &[],
    }
}

/// The command line as it was given, for /proc/cmdline.
pub fn line() -> &'static [u8] {
    LINE.get().copied().unwrap_or_default()
}

/// The ramdisk while it is unpacked: its memory is given back piece by piece.
pub struct Ramdisk {
    start: *const u8,
    len: usize,
    /// Address of the first page that was not given back.
    kept: u64,
}

impl Ramdisk {
    /// Takes over the ramdisk, which the loader put there (see [`ramdisk`]).
    ///
    /// # Safety
    /// Nothing refers to `ramdisk` any more.
    pub unsafe fn take(ramdisk: &[u8]) -> Self {
        let start = ramdisk.as_ptr();
        Self {
            start,
            len: ramdisk.len(),
            // What lies in part of a page stays: the rest of that page may be somebody else's.
            kept: (start as u64).next_multiple_of(PAGE_SIZE),
        }
    }
}

impl Source for Ramdisk {
    fn bytes(&self, at: usize) -> &[u8] {
        let is_kept = at == self.len || self.start as u64 + at as u64 >= self.kept - PAGE_SIZE;
        assert!(
            at <= self.len && is_kept,
            "the ramdisk is read where it was given back"
        );
        // SAFETY: mapped by the loader and nobody else's since `take`; what lies before `at` may have
        // been released, what follows not.
        unsafe { core::slice::from_raw_parts(self.start.add(at), self.len - at) }
    }

    fn release(&mut self, end: usize) {
        let end = (self.start as u64 + end.min(self.len) as u64) / PAGE_SIZE * PAGE_SIZE;
        while self.kept < end {
            if let Some(physical) = paging::kernel_to_phys(self.kept) {
                // SAFETY: `take`'s caller gave the pages up, and no slice of them is left: `bytes`
                // borrows what `release` changes. They stay mapped in the loader's range, which
                // nothing uses.
                unsafe { frame::donate(physical) };
            }
            self.kept += PAGE_SIZE;
        }
    }
}

impl Drop for Ramdisk {
    /// Gives back what is left, damaged archives too.
    fn drop(&mut self) {
        self.release(self.len);
    }
}

/// The command line, parsed; sets what must be set before anything else is printed.
pub fn options(ramdisk: &'static [u8]) -> CommandLine {
    // A copy, for good: the ramdisk's memory is given back.
    let line = *LINE.call_once(|| command_line(ramdisk).to_vec().leak());
    let options = cmdline::parse(line);
    // KERN_INFO is 6: a lower level of interest keeps it off the console.
    log::set_quiet(options.loglevel <= 4);
    crate::panic::set_timeout(options.panic_timeout);
    if options.norandmaps || options.nokaslr {
        crate::process::placement::set_fixed_addresses();
    }
    log!(
        "Command line: {}",
        alloc::string::String::from_utf8_lossy(line)
    );
    options
}

/// The content of the first archive's file if it is the command line.
fn command_line(ramdisk: &[u8]) -> &[u8] {
    // Nothing may come before it, not even the zeros that may lie between archives.
    if !ramdisk.starts_with(b"070701") {
        return &[];
    }
    match cpio::entries(ramdisk).next() {
        Some(Ok(file)) if file.name == CMDLINE => file.body,
        _ => &[],
    }
}
