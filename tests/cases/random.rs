//! Random tests: system calls (by one process, and by several while another uses up memory),
//! machine code, signal frames, sockets and pipes, and processes and threads that start, trace,
//! stop and kill each other. All of them can be killed, and the kernel survives. The programs print
//! their seeds: a run is reproducible by its seed, except for timer interrupts.

use anyhow::Result;
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm};

/// Number of random calls in each of the four machines; a million in `make soak`.
const CALLS: u32 = 15_000;
/// Calls per child.
const CALLS_EACH: u32 = 300;

/// Number of changed signal frames per machine.
const FRAMES: u32 = 2_000;

/// Number of rounds in which processes race with each other and are then killed.
const STORMS: u32 = 12;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    // The seed selects one of the doors of the program's width.
    let calls = [
        (Compiler::Glibc64, "max", "128M", 121),
        (Compiler::Glibc64, "qemu64", "48M", 10_001),
        (Compiler::Glibc32, "max", "128M", 20_001),
        (Compiler::Glibc32, "max,vendor=GenuineIntel", "48M", 30_001),
    ];
    let calls = calls.map(|(compiler, cpu, memory, first)| {
        let name = format!("calls::{}_{cpu}_{memory}", compiler.name());
        Case::new(name, move || {
            let files =
                Initramfs::new().executable_from("/init", &compile("random_calls", compiler)?)?;
            let words = format!("{first} {CALLS} {CALLS_EACH}");
            Vm::new()
                .cpu(cpu)
                .memory(memory)
                .initramfs(&files)
                .append(format!("quiet -- {words}"))
                .run()?
                .expect(Verdict::Pass)?
                .contains("all passed")?;
            Ok(())
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
    let storms = [
        (Compiler::Glibc64, "max", 11),
        (Compiler::Glibc32, "max,vendor=GenuineIntel", 22),
    ];
    let storms = storms.map(|(compiler, cpu, seed)| {
        Case::new(format!("storm::{}_{cpu}", compiler.name()), move || {
            let files = Initramfs::new().executable_from("/init", &compile("storm", compiler)?)?;
            Vm::new()
                .cpu(cpu)
                .initramfs(&files)
                .append(format!("quiet -- {STORMS} {seed}"))
                .run()?
                .expect(Verdict::Pass)?
                .contains("nothing is lost")?;
            Ok(())
        })
    });
    let frames = [
        (Compiler::Glibc64, "max", 1),
        (Compiler::Glibc64, "qemu64", 2),
        (Compiler::Glibc32, "max", 3),
        (Compiler::Glibc32, "max,vendor=GenuineIntel", 4),
    ];
    let frames = frames.map(|(compiler, cpu, seed)| {
        Case::new(format!("frames::{}_{cpu}", compiler.name()), move || {
            let program = compile("random_frames", compiler)?;
            let files = Initramfs::new().executable_from("/init", &program)?;
            Vm::new()
                .cpu(cpu)
                .initramfs(&files)
                .append(format!("quiet -- {seed} {FRAMES}"))
                .run()?
                .expect(Verdict::Pass)?
                .contains("all frames passed")?;
            Ok(())
        })
    });
    let sockets = [
        (Compiler::Glibc64, "128M", "30 1"),
        (Compiler::Glibc32, "48M", "30 99"),
    ];
    let sockets = sockets.map(|(compiler, memory, words)| {
        Case::new(format!("sockets::{}", compiler.name()), move || {
            let files =
                Initramfs::new().executable_from("/init", &compile("sock_storm", compiler)?)?;
            Vm::new()
                .memory(memory)
                .initramfs(&files)
                .append(format!("quiet -- {words}"))
                .run()?
                .expect(Verdict::Pass)?
                .contains("nothing was lost")?;
            Ok(())
        })
    });
    let races = [
        (Compiler::Glibc64, "max", "64M", 1),
        (Compiler::Glibc32, "max,vendor=GenuineIntel", "64M", 100_001),
    ];
    let races = races.map(|(compiler, cpu, memory, seed)| {
        Case::new(format!("race::{}_{cpu}", compiler.name()), move || {
            let files =
                Initramfs::new().executable_from("/init", &compile("random_race", compiler)?)?;
            Vm::new()
                .cpu(cpu)
                .memory(memory)
                .initramfs(&files)
                .append(format!("quiet -- {seed} {CALLS} {CALLS_EACH} 6"))
                .run()?
                .expect(Verdict::Pass)?
                .contains("all passed")?;
            Ok(())
        })
    });
    calls
        .into_iter()
        .chain(code)
        .chain(storms)
        .chain(frames)
        .chain(sockets)
        .chain(races)
        .collect()
}

/// Checks that the program has run all seeds, by its output.
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
        .contains(&format!("seeds from {first} to {last} passed"))?;
    Ok(())
}
