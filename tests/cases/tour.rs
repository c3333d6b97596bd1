//! The tour of `make run`, on CPUs with different doors and in little memory.

use anyhow::Context;
use harness::{Case, Verdict, Vm, paths};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let intel: &[&str] = &["SYSENTER by way of __kernel_vsyscall"];
    vec![
        row("amd", Vm::new(), &["SYSCALL by way of __kernel_vsyscall"]),
        row("intel", Vm::new().cpu("max,vendor=GenuineIntel"), intel),
        row("qemu64", Vm::new().cpu("qemu64"), &[]),
        row("32_megabytes", Vm::new().memory("32M"), &[]),
        row(
            "q35_haswell",
            Vm::new().machine("q35").cpu("Haswell"),
            intel,
        ),
        row("microvm", Vm::new().machine("microvm"), &[]),
    ]
}

fn row(name: &str, vm: Vm, texts: &'static [&'static str]) -> Case {
    Case::new(name, move || {
        let archive = paths::target().join("tour.cpio");
        let archive = std::fs::read(&archive)
            .with_context(|| format!("cannot read {}: `make build` makes it", archive.display()))?;
        let outcome = vm.initrd(archive).run()?;
        outcome
            .expect(Verdict::Pass)?
            .contains("Hello, World!")?
            .lacks("FAILED")?;
        for text in texts {
            outcome.contains(text)?;
        }
        Ok(())
    })
}
