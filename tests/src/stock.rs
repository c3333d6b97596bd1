//! Disk images that BIOS boots with the stock `bootloader` crate: a third-party loader for the same
//! kernel.
//!
//! A program around that crate, `tests/stock-bootloader`, makes the images; `cargo xtask test`
//! builds it where it can.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::initramfs::lone_file;
use crate::paths;

/// The program that makes the images.
pub fn maker() -> PathBuf {
    paths::target().join("stock-bootloader")
}

/// Puts a kernel command line before an initramfs, as our own loader does: that loader has no
/// other way to pass one, either.
pub fn with_command_line(words: &str, initramfs: &[u8]) -> Vec<u8> {
    let mut ramdisk = lone_file("kernel/trident/cmdline", words.as_bytes());
    ramdisk.extend_from_slice(initramfs);
    ramdisk
}

/// Writes `image`, which boots `kernel` with `ramdisk`.
pub fn make(image: &Path, kernel: &Path, ramdisk: &[u8]) -> Result<()> {
    let directory = tempfile::Builder::new()
        .prefix("trident-stock-")
        .tempdir()?;
    let file = directory.path().join("ramdisk");
    fs::write(&file, ramdisk)?;
    let output = Command::new(maker())
        .args([image, kernel, &file])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", maker().display()))?;
    if !output.status.success() {
        bail!(
            "no disk image was made:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
