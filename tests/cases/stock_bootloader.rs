//! The same kernel ELF file booted from a disk by the stock `bootloader` crate under BIOS, only
//! through `bootloader_api`. That loader has no command line, and passes memory regions that end
//! within a page, a lower half that isn't empty and other control register values.

use anyhow::Result;
use harness::programs::{Compiler, busybox, compile};
use harness::{Case, Initramfs, Outcome, Verdict, Vm, paths, stock, token};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let reason = (!stock::maker().exists()).then(|| {
        format!(
            "no {}: `make test` builds it, or prints why it can't",
            stock::maker().display()
        )
    });
    let mut cases = vec![Case::new("power_off", power_off)];
    for cpu in ["max", "qemu64"] {
        cases.push(Case::new(format!("defaults_{cpu}"), move || defaults(cpu)));
        cases.push(Case::new(format!("command_line_{cpu}"), move || {
            command_line(cpu)
        }));
    }
    cases
        .into_iter()
        .map(|case| case.left_out(reason.as_deref()))
        .collect()
}

/// An initramfs without a command line: /init runs, without arguments.
fn defaults(cpu: &'static str) -> Result<()> {
    let token = token::random();
    let files = Initramfs::new()
        .executable_from("/init", &compile("show", Compiler::Glibc64)?)?
        .file("/etc/motd", format!("{token}\n"));
    boot(cpu, &files.build())?
        .expect(Verdict::Pass)?
        .contains("argument [/init]\nenvironment [HOME=/]\nenvironment [TERM=linux]\n")?
        .contains(&format!("motd [{token}]"))?;
    Ok(())
}

/// An archive with a command line before it, which names a 32-bit program.
fn command_line(cpu: &'static str) -> Result<()> {
    let (token, value) = (token::random(), token::random());
    let files = Initramfs::new()
        .executable_from("/sbin/show", &compile("show", Compiler::Glibc32)?)?
        .build();
    let words = format!("quiet rdinit=/sbin/show VALUE={value} -- {token}");
    boot(cpu, &stock::with_command_line(&words, &files))?
        .expect(Verdict::Pass)?
        .contains("argument [/sbin/show]\n")?
        .contains(&format!("argument [{token}]\n"))?
        .contains(&format!("environment [VALUE={value}]\n"))?
        .lacks("Command line:")?;
    Ok(())
}

/// The ACPI tables are found through that loader's RSDP address.
fn power_off() -> Result<()> {
    let files = Initramfs::new().executable_from("/bin/busybox", &busybox()?)?;
    let words = "quiet rdinit=/bin/busybox -- poweroff -f";
    boot("max", &stock::with_command_line(words, &files.build()))?.expect(Verdict::PowerOff)?;
    Ok(())
}

/// Makes a disk of the kernel and `ramdisk`, and boots it.
fn boot(cpu: &'static str, ramdisk: &[u8]) -> Result<Outcome> {
    let directory = paths::scratch().join("stock-bootloader");
    std::fs::create_dir_all(&directory)?;
    // Cases run in parallel, each with its own disk.
    let image = directory.join(format!("{}.img", token::random()));
    stock::make(&image, &paths::kernel(), ramdisk)?;
    let drive = format!("format=raw,file={}", image.display());
    let outcome = Vm::new()
        .no_kernel()
        .cpu(cpu)
        .memory("64M")
        .args(["-drive", &drive])
        .run();
    std::fs::remove_file(&image)?;
    outcome
}
