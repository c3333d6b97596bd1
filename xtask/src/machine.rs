//! The machine that a command boots, as the user describes it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::ArgMatches;
use harness::Vm;
use harness::vm::QEMU;

use crate::options::{Options, find, get, value};

/// Range of the memory size, in MiB.
const MEMORY: std::ops::RangeInclusive<u64> = 4..=8192;
/// Range of the number of CPUs.
const CPUS: std::ops::RangeInclusive<u32> = 1..=4;
const MACHINES: [&str; 3] = ["pc", "q35", "microvm"];
const ACCELERATORS: [&str; 2] = ["tcg", "kvm"];
/// CPU models that the cases boot; QEMU has more.
const MODELS: [&str; 6] = ["max", "qemu64", "kvm64", "Haswell", "Nehalem", "EPYC"];

/// Options of `make run`, `make shell` and `make debug`, each also a variable of that name.
#[derive(Clone, Debug)]
pub struct Machine {
    accel: String,
    cpu: String,
    mem: Option<String>,
    machine: String,
    smp: String,
}

impl Options for Machine {
    fn declare(command: clap::Command) -> clap::Command {
        let accel = "Accelerator: tcg, or kvm where it works";
        let cpu = "CPU model: max, \"max,vendor=GenuineIntel\", qemu64, Haswell, ...";
        command
            .arg(value("accel", "ACCEL", accel).default_value("tcg"))
            .arg(value("cpu", "CPU", cpu).default_value("max"))
            .arg(value("mem", "MEM", "Memory: 4M to 8G"))
            .arg(value("machine", "MACHINE", "Machine: pc, q35, microvm").default_value("pc"))
            .arg(value("smp", "SMP", "Number of CPUs (Trident uses the first)").default_value("1"))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            accel: get(matches, "accel"),
            cpu: get(matches, "cpu"),
            mem: find(matches, "mem"),
            machine: get(matches, "machine"),
            smp: get(matches, "smp"),
        }
    }
}

impl Machine {
    /// Checks the values before anything is built.
    ///
    /// # Errors
    /// An unknown value; the error lists the known ones.
    pub fn check(&self) -> Result<()> {
        one_of("ACCEL", first(&self.accel), &ACCELERATORS)?;
        one_of("MACHINE", &self.machine, &MACHINES)?;
        self.cpus()?;
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
            .smp(self.cpus()?))
    }

    /// Whether the machine runs on the host's CPU.
    pub fn is_kvm(&self) -> bool {
        first(&self.accel) == "kvm"
    }

    fn cpus(&self) -> Result<u32> {
        let number = self.smp.parse().ok();
        let number = number.filter(|number| CPUS.contains(number));
        number.with_context(|| format!("SMP={}: 1 to 4", self.smp))
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
