//! Processes, line for line as on Linux: exit, wait, signals, kill, ptrace and isolation.

use harness::programs::Compiler;
use harness::{Case, Vm};

use crate::on_linux::{prints_as_recorded, prints_the_same, prints_the_same_with};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let row = |compiler: Compiler, cpu: &'static str| {
        let name = format!("same_as_on_linux::{}_{cpu}", compiler.name());
        Case::new(name, move || {
            prints_the_same("processes", compiler, "", Vm::new().cpu(cpu))
        })
    };
    let traced = |compiler: Compiler, cpu: &'static str| {
        let name = format!("traced_as_on_linux::{}_{cpu}", compiler.name());
        Case::new(name, move || {
            prints_the_same("ptrace", compiler, "", Vm::new().cpu(cpu))
        })
    };
    // Kinds of stops, queued signals, debug registers.
    let tracers = |program: &'static str, compiler: Compiler, cpu: &'static str| {
        let name = format!("traced_as_on_linux::{program}_{}_{cpu}", compiler.name());
        Case::new(name, move || {
            prints_the_same(program, compiler, "", Vm::new().cpu(cpu))
        })
    };
    let recorded =
        |program: &'static str, compiler: Compiler, cpu: &'static str, answers: &'static str| {
            let name = format!("{program}::{}_{cpu}", compiler.name());
            Case::new(name, move || {
                prints_as_recorded(program, compiler, answers, Vm::new().cpu(cpu))
            })
        };
    let pidfd_race = |compiler: Compiler, cpu: &'static str| {
        let name = format!("pidfd_race::{}_{cpu}", compiler.name());
        Case::new(name, move || {
            prints_the_same("pidfd_race", compiler, "150 1", Vm::new().cpu(cpu))
        })
    };
    // Far returns, IRET and far calls: QEMU's fail under SMAP, so the kernel emulates them. Without
    // SMAP QEMU executes them, but differs from a CPU for bad operands: even under Linux 6.1 the
    // program is killed in its third form.
    let far = |compiler: Compiler, cpu: &'static str| {
        let name = format!("far_returns::{}_{cpu}", compiler.name());
        Case::new(name, move || {
            let options: &[&str] = match compiler {
                Compiler::Glibc64 => &["-mno-red-zone"],
                _ => &[],
            };
            prints_the_same_with("far", (compiler, options), "600 1", Vm::new().cpu(cpu))
        })
    };
    let sequences = |compiler: Compiler, cpu: &'static str| {
        let name = format!("restartable_sequences::{}_{cpu}", compiler.name());
        Case::new(name, move || {
            prints_the_same("rseq", compiler, "", Vm::new().cpu(cpu))
        })
    };
    let personality = |compiler: Compiler| {
        let name = format!("personality::{}", compiler.name());
        Case::new(name, move || {
            prints_the_same("personality", compiler, "", Vm::new())
        })
    };
    // Time in instructions: the children act at many points of the exit.
    let adopted = |compiler: Compiler| {
        let name = format!("adopted::{}", compiler.name());
        let vm = || {
            let vm = Vm::new().memory("512M");
            vm.args(["-icount", "shift=0,sleep=off"])
        };
        Case::new(name, move || prints_the_same("adopted", compiler, "", vm()))
    };
    vec![
        adopted(Compiler::Glibc64),
        adopted(Compiler::Glibc32),
        personality(Compiler::Glibc64),
        personality(Compiler::Glibc32),
        sequences(Compiler::Glibc64, "max"),
        sequences(Compiler::Glibc32, "max"),
        traced(Compiler::Glibc64, "max"),
        traced(Compiler::Glibc64, "qemu64"),
        traced(Compiler::Glibc32, "max"),
        traced(Compiler::Glibc32, "max,vendor=GenuineIntel"),
        recorded("io_ports", Compiler::Glibc64, "max", "io_ports_64"),
        tracers("tsc", Compiler::Glibc64, "max"),
        tracers("tsc", Compiler::Glibc32, "max,vendor=GenuineIntel"),
        recorded(
            "io_ports",
            Compiler::Glibc32,
            "max,vendor=GenuineIntel",
            "io_ports_32",
        ),
        recorded("io_ports", Compiler::Glibc64, "qemu64", "io_ports_64"),
        recorded("pkeys", Compiler::Glibc64, "max", "pkeys_64"),
        recorded(
            "pkeys",
            Compiler::Glibc32,
            "max,vendor=GenuineIntel",
            "pkeys_32",
        ),
        recorded("pkeys", Compiler::Glibc64, "qemu64", "pkeys_none"),
        recorded("pidfd", Compiler::Glibc64, "max", "pidfd"),
        recorded(
            "pidfd",
            Compiler::Glibc32,
            "max,vendor=GenuineIntel",
            "pidfd",
        ),
        recorded("pidfd_wait", Compiler::Glibc64, "max", "pidfd_wait"),
        recorded(
            "pidfd_wait",
            Compiler::Glibc32,
            "max,vendor=GenuineIntel",
            "pidfd_wait",
        ),
        recorded("pidfd_made", Compiler::Glibc64, "max", "pidfd_made"),
        recorded(
            "pidfd_made",
            Compiler::Glibc32,
            "max,vendor=GenuineIntel",
            "pidfd_made",
        ),
        recorded("ptrace_block", Compiler::Glibc64, "max", "ptrace_block"),
        recorded(
            "ptrace_block",
            Compiler::Glibc32,
            "max,vendor=GenuineIntel",
            "ptrace_block",
        ),
        recorded(
            "ptrace_segments",
            Compiler::Glibc64,
            "max",
            "ptrace_segments_64",
        ),
        recorded(
            "ptrace_segments",
            Compiler::Glibc64,
            "qemu64",
            "ptrace_segments_64_no_fsgsbase",
        ),
        recorded(
            "ptrace_segments",
            Compiler::Glibc32,
            "max,vendor=GenuineIntel",
            "ptrace_segments_32",
        ),
        recorded(
            "ptrace_segments",
            Compiler::Glibc32,
            "qemu64",
            "ptrace_segments_32_no_fsgsbase",
        ),
        pidfd_race(Compiler::Glibc64, "max"),
        pidfd_race(Compiler::Glibc32, "max,vendor=GenuineIntel"),
        far(Compiler::Glibc64, "max"),
        far(Compiler::Glibc64, "max,vendor=GenuineIntel"),
        far(Compiler::Glibc32, "max"),
        far(Compiler::Glibc32, "max,vendor=GenuineIntel"),
        tracers("ptrace_stops", Compiler::Glibc64, "max"),
        tracers("ptrace_stops", Compiler::Glibc32, "max,vendor=GenuineIntel"),
        tracers("ptrace_queue", Compiler::Glibc64, "max"),
        tracers("ptrace_queue", Compiler::Glibc32, "max,vendor=GenuineIntel"),
        tracers("ptrace_debug", Compiler::Glibc64, "max,vendor=GenuineIntel"),
        tracers("ptrace_debug", Compiler::Glibc32, "max"),
        row(Compiler::Glibc64, "max"),
        row(Compiler::Glibc64, "qemu64"),
        row(Compiler::Glibc32, "max"),
        row(Compiler::Glibc32, "max,vendor=GenuineIntel"),
        row(Compiler::Glibc32, "qemu64"),
    ]
}
