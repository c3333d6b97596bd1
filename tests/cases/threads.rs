//! Threads, line for line as on Linux: segments, futexes and thread groups.

use harness::programs::Compiler;
use harness::{Case, Vm};

use crate::on_linux::prints_the_same;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let row = |program: &'static str, compiler: Compiler, cpu: &'static str| {
        let name = format!("{program}::{}_{cpu}", compiler.name());
        Case::new(name, move || {
            prints_the_same(program, compiler, "", Vm::new().cpu(cpu))
        })
    };
    // Time in instructions: what a busy host takes from the machine is no CPU time of the program.
    let usage = |compiler: Compiler| {
        let name = format!("usage::{}_max", compiler.name());
        let vm = || Vm::new().args(["-icount", "shift=3,sleep=off"]);
        Case::new(name, move || prints_the_same("usage", compiler, "", vm()))
    };
    vec![
        row("ldt", Compiler::Glibc64, "max"),
        row("ldt", Compiler::Glibc32, "max"),
        row("ldt", Compiler::Glibc32, "qemu64"),
        row("stack16", Compiler::Glibc32, "max"),
        row("stack16", Compiler::Glibc32, "qemu64"),
        row("futexes", Compiler::Glibc64, "max"),
        row("futexes", Compiler::Glibc32, "max"),
        row("clones", Compiler::Glibc64, "max"),
        row("clones", Compiler::Glibc32, "max,vendor=GenuineIntel"),
        row("threads", Compiler::Glibc64, "max"),
        row("threads", Compiler::Glibc32, "max,vendor=GenuineIntel"),
        row("threads", Compiler::Musl64, "qemu64"),
        row("attributes", Compiler::Glibc64, "max"),
        row("attributes", Compiler::Glibc32, "max"),
        usage(Compiler::Glibc64),
        usage(Compiler::Glibc32),
    ]
}
