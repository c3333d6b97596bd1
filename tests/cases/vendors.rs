//! Differences between CPU models: the door of `__kernel_vsyscall`, checked by the kernel's
//! counters (user/bin/src/bin/vsyscall_door.rs), and virtual-8086 mode, which long mode lacks.

use anyhow::Result;
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, paths};

/// CPU model, and its door of `__kernel_vsyscall`.
const ROWS: &[(&str, &str)] = &[
    ("max", "syscall32"),
    ("EPYC", "syscall32"),
    ("max,vendor=GenuineIntel", "sysenter"),
    ("Haswell", "sysenter"),
    // Another vendor: INT 0x80, which every CPU has.
    ("max,vendor=CentaurHauls", "int80"),
    // Intel's vendor string on a CPU without SYSENTER.
    ("max,vendor=GenuineIntel,-sep", "int80"),
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let row = |&(cpu, door)| Case::new(format!("{door}::{cpu}"), move || enters_by(cpu, door));
    let virtual_8086 = |cpu| {
        Case::new(format!("virtual_8086::{cpu}"), move || {
            virtual_8086_mode(cpu)
        })
    };
    let old = ["qemu64", "kvm64", "Haswell", "max,-smap"].map(virtual_8086);
    ROWS.iter().map(row).chain(old).collect()
}

/// Without SMAP the CPU itself executes a program's IRET.
fn virtual_8086_mode(cpu: &str) -> Result<()> {
    let program = compile("vm86", Compiler::Glibc32)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let outcome = Vm::new().cpu(cpu).initramfs(&files).append("quiet").run()?;
    outcome.expect(Verdict::Pass)?.contains("children ran")?;
    Ok(())
}

fn enters_by(cpu: &str, door: &str) -> Result<()> {
    let program = paths::program(32, "vsyscall_door");
    let files = Initramfs::new().executable_from("/init", &program)?;
    let outcome = Vm::new()
        .cpu(cpu)
        .initramfs(&files)
        .append(format!("-- {door}"))
        .run()?;
    outcome.expect(Verdict::Pass)?.contains(", 0 broken")?;
    Ok(())
}
