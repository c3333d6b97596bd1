//! The machine that a command boots, as the user describes it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use harness::Vm;
use harness::vm::QEMU;

/// Range of the memory size, in MiB.
const MEMORY: std::ops::RangeInclusive<u64> = 4..=8192;
/// Range of the number of CPUs.
const CPUS: std::ops::RangeInclusive<u32> = 1..=4;
const MACHINES: [&str; 3] = ["pc", "q35", "microvm"];
const ACCELERATORS: [&str; 2] = ["tcg", "kvm"];
/// CPU models that the cases boot; QEMU has more.
const MODELS: [&str; 6] = ["max", "qemu64", "kvm64", "Haswell", "Nehalem", "EPYC"];

/// Options of `make run`, `make shell` and `make debug`, each also a variable of that name.
#[derive(Args, Clone, Debug)]
pub struct Machine {
    /// Accelerator: tcg, or kvm where it works
    #[arg(long, env = "ACCEL", default_value = "tcg")]
    accel: String,
    /// CPU model: max, "max,vendor=GenuineIntel", qemu64, Haswell, ...
    #[arg(long, env = "CPU", default_value = "max")]
    cpu: String,
    /// Memory: 4M to 8G
    #[arg(long, env = "MEM")]
    mem: Option<String>,
    /// Machine: pc, q35, microvm
    #[arg(long, env = "MACHINE", default_value = "pc")]
    machine: String,
    /// Number of CPUs (Trident uses the first)
    #[arg(long, env = "SMP", default_value_t = 1)]
    smp: u32,
}

impl Machine {
    /// Checks the values before anything is built.
    ///
    /// # Errors
    /// An unknown value; the error lists the known ones.
    pub fn check(&self) -> Result<()> {
        one_of("ACCEL", first(&self.accel), &ACCELERATORS)?;
        one_of("MACHINE", &self.machine, &MACHINES)?;
        ensure!(CPUS.contains(&self.smp), "SMP={}: 1 to 4", self.smp);
        if let Some(mem) = &self.mem {
            let fits = mebibytes(mem).is_some_and(|size| MEMORY.contains(&size));
            ensure!(fits, "MEM={mem}: 4M to 8G, such as 64M, 512M, 2G");
        }
        let model = first(&self.cpu);
        if !MODELS.contains(&model) && !qemu_knows(model) {
            bail!(
                "CPU={}: QEMU has no such model. Tried here: {}; `{QEMU} -cpu help` lists all. \
                 Features follow behind commas, such as max,vendor=GenuineIntel",
                self.cpu,
                MODELS.join(", ")
            );
        }
        Ok(())
    }

    /// The machine, without initramfs and command line; `memory` is the default size.
    pub fn vm(&self, memory: &str) -> Result<Vm> {
        if self.accel.starts_with("kvm") {
            check_kvm()?;
        }
        Ok(Vm::new()
            .accel(&self.accel)
            .cpu(&self.cpu)
            .memory(self.mem.as_deref().unwrap_or(memory))
            .machine(&self.machine)
            .smp(self.smp))
    }
}

/// The text before the first comma.
fn first(value: &str) -> &str {
    value.split(',').next().unwrap_or_default()
}

fn one_of(variable: &str, value: &str, known: &[&str]) -> Result<()> {
    let list = known.join(", ");
    ensure!(known.contains(&value), "{variable}={value}: one of {list}");
    Ok(())
}

/// A size as QEMU reads it, in MiB, which is also the unit of a number without a letter.
fn mebibytes(size: &str) -> Option<u64> {
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match &size[digits.len()..] {
        "" | "M" | "m" => Some(number),
        "G" | "g" => number.checked_mul(1024),
        "K" | "k" => Some(number / 1024),
        _ => None,
    }
}

/// Whether QEMU lists this model; true where QEMU is missing, which a later step reports.
fn qemu_knows(model: &str) -> bool {
    let help = Command::new(QEMU).args(["-cpu", "help"]).output();
    let Ok(help) = help else { return true };
    let text = String::from_utf8_lossy(&help.stdout);
    text.lines()
        .filter_map(|line| line.strip_prefix("x86 ").or(line.strip_prefix("  ")))
        .any(|line| line.split_whitespace().next() == Some(model))
}

/// Checks that KVM can be opened, with a clearer error than QEMU's.
fn check_kvm() -> Result<()> {
    let device = Path::new("/dev/kvm");
    if !device.exists() {
        bail!(
            "ACCEL=kvm: there is no /dev/kvm here (no hardware virtualisation, or its module \
             is not loaded). Leave ACCEL=kvm out to emulate the CPU."
        );
    }
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(device)
        .map(drop)
        .context(
            "ACCEL=kvm: /dev/kvm cannot be opened (add yourself to group kvm, then log in again), \
         or leave ACCEL=kvm out to emulate the CPU",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_qemu_reads_them() {
        assert_eq!(mebibytes("64"), Some(64));
        assert_eq!(mebibytes("64M"), Some(64));
        assert_eq!(mebibytes("2G"), Some(2048));
        for wrong in ["", "M", "abc", "1T", "64MB", "-1", "1.5G"] {
            assert_eq!(mebibytes(wrong), None, "{wrong}");
        }
    }
}
