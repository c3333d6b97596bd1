//! The machine that a command boots, as the user describes it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use harness::Vm;

/// What `make run`, `make shell` and `make debug` take, each as an option or as a variable of
/// that name.
#[derive(Args, Clone, Debug)]
pub struct Machine {
    /// Accelerator: tcg, or kvm where it works
    #[arg(long, env = "ACCEL", default_value = "tcg")]
    accel: String,
    /// CPU model: max, "max,vendor=GenuineIntel", qemu64, Haswell, ...
    #[arg(long, env = "CPU", default_value = "max")]
    cpu: String,
    /// Memory, from 32M
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
    /// The machine, with no initramfs and no command line yet, and with this much memory where
    /// the user said nothing about it.
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

/// KVM was asked for: say what is wrong before QEMU does.
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
