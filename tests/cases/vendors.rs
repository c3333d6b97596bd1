//! Which way in a CPU's vendor decides on for 32-bit programs, proved by the kernel's counters:
//! the program itself says it (user/bin/src/bin/vsyscall_door.rs).

use anyhow::Result;
use harness::{Case, Initramfs, Verdict, Vm, paths};

/// CPU model, and the door behind `__kernel_vsyscall` there.
const ROWS: &[(&str, &str)] = &[
    ("max", "syscall32"),
    ("EPYC", "syscall32"),
    ("max,vendor=GenuineIntel", "sysenter"),
    ("Haswell", "sysenter"),
    // Nobody's in particular: the way that every CPU has.
    ("max,vendor=CentaurHauls", "int80"),
    // Intel's name on a CPU without the instruction.
    ("max,vendor=GenuineIntel,-sep", "int80"),
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let row = |&(cpu, door)| Case::new(format!("{door}::{cpu}"), move || enters_by(cpu, door));
    ROWS.iter().map(row).collect()
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
