//! Signals, line for line as on Linux: handlers, their frames and stacks, exceptions, restarts, and
//! the old calls.

use harness::programs::Compiler;
use harness::{Case, Vm};

use crate::on_linux::prints_the_same;

/// The compilers: C libraries differ in how they install handlers.
const COMPILERS: [Compiler; 3] = [Compiler::Glibc64, Compiler::Glibc32, Compiler::Musl64];
/// 32-bit programs enter the kernel by SYSCALL on AMD's CPUs, by SYSENTER on Intel's.
const CPUS: [&str; 2] = ["max", "max,vendor=GenuineIntel"];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut row = |program: &'static str, compiler: Compiler, cpu: &'static str| {
        let name = format!("{program}::{}_{cpu}", compiler.name());
        cases.push(Case::new(name, move || {
            prints_the_same(program, compiler, "", Vm::new().cpu(cpu))
        }));
    };
    for compiler in COMPILERS {
        row("signals", compiler, "max");
        row("signal_restarts", compiler, "max");
        row("signal_frames", compiler, "max");
        row("signal_damage", compiler, "max");
        row("signal_faults", compiler, "max");
        row("signal_stacks", compiler, "max");
        row("signal_threads", compiler, "max");
        row("sigpending", compiler, "max");
        row("signal_waits", compiler, "max");
    }
    row("signal_edges", Compiler::Glibc64, "max");
    row("signal_edges", Compiler::Glibc64, "qemu64");
    row("signal_forks", Compiler::Glibc64, "max");
    row("signal_forks", Compiler::Glibc32, "max");
    row("orphaned_groups", Compiler::Glibc64, "max");
    row("orphaned_groups", Compiler::Glibc32, "max");
    // Both vendors' doors of 32-bit programs.
    for cpu in CPUS {
        row("signal_bad_return", Compiler::Glibc64, cpu);
        row("signal_bad_return", Compiler::Glibc32, cpu);
        row("signal_old", Compiler::Glibc32, cpu);
    }
    row(
        "signal_restarts",
        Compiler::Glibc32,
        "max,vendor=GenuineIntel",
    );
    row(
        "signal_faults",
        Compiler::Glibc32,
        "max,vendor=GenuineIntel",
    );
    // Without XSAVE.
    row("signal_stacks", Compiler::Glibc64, "qemu64");
    row("signal_stacks", Compiler::Glibc32, "qemu64");
    cases
}
