//! Random system calls and random machine code: whatever the children do, they can be killed,
//! and the kernel goes on. The seeds are printed; the same ones do the same again.

use anyhow::Result;
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm};

/// Calls that each child makes.
const CALLS: u32 = 300;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    // Even seeds go through SYSCALL, odd ones through INT 0x80.
    let calls = [("max", "128M", 121, 100), ("qemu64", "48M", 1001, 80)];
    let calls = calls.map(|(cpu, memory, first, seeds)| {
        Case::new(format!("calls::{cpu}_{memory}"), move || {
            let vm = Vm::new().cpu(cpu).memory(memory);
            survives("random_calls", Compiler::Glibc64, vm, first, seeds, CALLS)
        })
    });
    let code = [
        (Compiler::Glibc64, "max", 1),
        (Compiler::Glibc64, "Haswell", 1001),
        (Compiler::Glibc64, "kvm64", 2001),
        (Compiler::Glibc32, "max", 3001),
        (Compiler::Glibc32, "max,vendor=GenuineIntel", 4001),
        (Compiler::Glibc32, "qemu64", 5001),
    ];
    let code = code.map(|(compiler, cpu, first)| {
        Case::new(format!("code::{}_{cpu}", compiler.name()), move || {
            survives("random_code", compiler, Vm::new().cpu(cpu), first, 500, 0)
        })
    });
    calls.into_iter().chain(code).collect()
}

/// The program says which seeds it went through: all must have been.
fn survives(
    program: &str,
    compiler: Compiler,
    vm: Vm,
    first: u32,
    seeds: u32,
    size: u32,
) -> Result<()> {
    let files = Initramfs::new().executable_from("/init", &compile(program, compiler)?)?;
    let vm = vm
        .initramfs(&files)
        .append(format!("quiet -- {first} {seeds} {size}"));
    let last = first + seeds - 1;
    vm.run()?
        .expect(Verdict::Pass)?
        .contains(&format!("seeds from {first} to {last} went by"))?;
    Ok(())
}
