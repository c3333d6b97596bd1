//! Bootable CD images: GRUB for BIOS and UEFI, a multiboot2 kernel and its initramfs.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Writes the image to `iso`: it boots `kernel` with `initrd` and `command_line` at once.
pub fn make(iso: &Path, kernel: &Path, initrd: &[u8], command_line: &str) -> Result<()> {
    let directory = tempfile::Builder::new().prefix("trident-iso-").tempdir()?;
    let boot = directory.path().join("boot");
    fs::create_dir_all(boot.join("grub"))?;
    fs::copy(kernel, boot.join("trident.elf"))
        .with_context(|| format!("cannot read {}", kernel.display()))?;
    fs::write(boot.join("initramfs.cpio"), initrd)?;
    fs::write(boot.join("grub/grub.cfg"), configuration(command_line))?;

    let output = Command::new("grub-mkrescue")
        .arg("--output")
        .arg(iso)
        .arg(directory.path())
        .stdin(Stdio::null())
        .output()
        .context("cannot start grub-mkrescue (`make doctor` says what is missing)")?;
    if !output.status.success() || !iso.exists() {
        bail!(
            "grub-mkrescue failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// GRUB's configuration. Blanks in the command line separate words, as they do in the kernel.
fn configuration(command_line: &str) -> String {
    format!(
        "set timeout=0\n\
         set default=0\n\
         menuentry \"Trident\" {{\n\
         \tmultiboot2 /boot/trident.elf {command_line}\n\
         \tmodule2 /boot/initramfs.cpio\n\
         }}\n"
    )
}
