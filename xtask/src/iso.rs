//! `make iso`: the tour as a CD image that boots under BIOS and UEFI.

use std::fs;

use anyhow::{Context, Result};
use harness::{iso, paths};

use crate::build::{self, image};
use crate::setup::{self, needs};
use crate::ui;

/// Installs what is missing, builds, and writes `target/trident.iso`.
pub fn command() -> Result<()> {
    setup::packages(needs::of("iso"))?;
    build::everything(&setup::toolchain()?)?;
    let tour = image::tour();
    let initrd = fs::read(&tour).with_context(|| format!("cannot read {}", tour.display()))?;
    let file = paths::target().join("trident.iso");
    iso::make(&file, &paths::boot_image(), &initrd, "")?;
    ui::note(format!("Built {}", file.display()));
    ui::note("Boot it: qemu-system-x86_64 -cdrom target/trident.iso -serial stdio -display none");
    Ok(())
}
