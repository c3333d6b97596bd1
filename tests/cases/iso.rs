//! The same boot image on a CD, booted by GRUB (multiboot2) under BIOS and UEFI firmware.

use std::path::Path;

use anyhow::{Context, Result};
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, cases, iso, paths, token};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    cases![seabios, ovmf, ovmf_intel_q35]
}

fn seabios() -> Result<()> {
    boots("seabios", Vm::new())
}

fn ovmf() -> Result<()> {
    boots("ovmf", with_ovmf(Vm::new())?)
}

fn ovmf_intel_q35() -> Result<()> {
    let vm = Vm::new()
        .machine("q35")
        .cpu("max,vendor=GenuineIntel")
        .memory("512M");
    boots("ovmf-q35", with_ovmf(vm)?)
}

/// UEFI firmware: OVMF's code in flash, without a variable store.
fn with_ovmf(vm: Vm) -> Result<Vm> {
    let code = [
        "/usr/share/OVMF/OVMF_CODE.fd",
        "/usr/share/OVMF/OVMF_CODE_4M.fd",
        "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
        "/usr/share/edk2/ovmf/OVMF_CODE.fd",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
    .context("no OVMF on this machine: `make doctor` prints how to install it")?;
    Ok(vm.arg("-drive").arg(format!(
        "if=pflash,format=raw,unit=0,readonly=on,file={code}"
    )))
}

/// Makes a CD whose init prints a token, and boots it.
fn boots(name: &str, vm: Vm) -> Result<()> {
    let token = token::random();
    let files = Initramfs::new().executable_from("/init", &compile("hello", Compiler::Glibc64)?)?;
    let directory = paths::scratch().join("iso");
    std::fs::create_dir_all(&directory)?;
    // Cases run in parallel, each with its own image.
    let image = directory.join(format!("{name}-{token}.iso"));
    let command_line = format!("quiet -- {token}");
    iso::make(&image, &paths::boot_image(), &files.build(), &command_line)?;
    let vm = vm
        .no_kernel()
        .arg("-cdrom")
        .arg(image.display().to_string());
    let outcome = vm.run();
    std::fs::remove_file(&image)?;
    outcome?
        .expect(Verdict::Pass)?
        .contains(&format!("Hello, {token}!"))?;
    Ok(())
}
