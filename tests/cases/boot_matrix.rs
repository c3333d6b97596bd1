//! One boot per supported machine: memory sizes, machine types, CPU models and numbers of CPUs.
//! Each machine runs C programs of both widths. The kernel measures the TSC's rate correctly even
//! if the host pauses the machine repeatedly (50 such boots in `make soak`).

use anyhow::{Result, ensure};
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, pauses, token};

const MEMORY: &[&str] = &[
    "32M", "48M", "64M", "100M", "512M", "1G", "2G", "3G", "4G", "8G",
];
const MACHINES: &[&str] = &["pc", "q35", "microvm"];
const CPUS: &[&str] = &[
    "max",
    "max,vendor=GenuineIntel",
    "qemu64",
    "Haswell",
    "kvm64",
    "Nehalem",
    "EPYC",
    "max,-xsave",
    "max,-smap,-smep",
    "max,-fsgsbase,-rdtscp,-rdpid",
    "max,-la57,-umip,-pku",
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let memory = MEMORY
        .iter()
        .map(|size| row("memory", size, Vm::new().memory(*size)));
    let machines = MACHINES.iter().flat_map(|machine| {
        CPUS[..4]
            .iter()
            .map(move |cpu| row(machine, cpu, Vm::new().machine(*machine).cpu(*cpu)))
    });
    let cpus = CPUS[4..]
        .iter()
        .map(|cpu| row("cpu", cpu, Vm::new().cpu(*cpu)));
    let smp = (2..=4).map(|count| row("smp", &count.to_string(), Vm::new().smp(count)));
    let corners = [
        row(
            "corner",
            "q35_smp4_8G",
            Vm::new().machine("q35").smp(4).memory("8G"),
        ),
        row(
            "corner",
            "microvm_32M",
            Vm::new().machine("microvm").memory("32M"),
        ),
        row(
            "corner",
            "qemu64_32M_q35",
            Vm::new().machine("q35").cpu("qemu64").memory("32M"),
        ),
    ];
    // `pc` has the ACPI timer, `microvm` only the PIT.
    let paused = ["pc", "microvm"].map(|machine| {
        let name = format!("rate_under_pauses::{machine}");
        let case = Case::new(name, move || pauses::measure_rates(machine, 3).map(drop));
        case.left_out((!pauses::IS_KNOWN).then_some("the host has no TSC"))
    });
    memory
        .chain(machines)
        .chain(cpus)
        .chain(smp)
        .chain(corners)
        .chain(paused)
        .collect()
}

fn row(group: &str, what: &str, vm: Vm) -> Case {
    Case::new(format!("{group}::{what}"), move || works(&vm))
}

/// A program of each width, linked with a real C library, prints a token: one boot per width.
fn works(vm: &Vm) -> Result<()> {
    for compiler in [Compiler::Glibc64, Compiler::Glibc32] {
        let token = token::random();
        let files = Initramfs::new().executable_from("/init", &compile("hello", compiler)?)?;
        let outcome = vm
            .clone()
            .initramfs(&files)
            .append(format!("-- {token}"))
            .run()?;
        outcome
            .expect(Verdict::Pass)?
            .contains(&format!("Hello, {token}!"))?;
        ensure!(
            !outcome.serial.contains("WARNING"),
            "a warning{}",
            outcome.transcript()
        );
    }
    Ok(())
}
