//! `make soak`: what takes too long for `make test`. A million random system calls through all doors
//! of both widths, tens of thousands of processes, hours of mappings in minutes; with no panic, no
//! process that cannot be killed and no leak. The seeds are printed: the same ones do the same.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use harness::programs::{Compiler, compile};
use harness::{Initramfs, Verdict, Vm};

use crate::build;
use crate::setup::{self, needs};
use crate::ui::{self, Step};

/// Longest time that one machine may take.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What `cargo xtask soak` takes.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The first seed (default: another one each time)
    seed: Option<u32>,
}

/// One machine: the program that is its init, and what that says at a good end.
struct Run {
    title: &'static str,
    program: &'static str,
    compiler: Compiler,
    cpu: &'static str,
    memory: &'static str,
    /// `{seed}` stands for the seed.
    words: &'static str,
    good_end: &'static str,
}

const RUNS: &[Run] = &[
    Run {
        title: "250,000 calls, SYSCALL and INT 0x80",
        program: "random_calls",
        compiler: Compiler::Glibc64,
        cpu: "max",
        memory: "128M",
        words: "{seed} 250000 300",
        good_end: "all went by",
    },
    Run {
        title: "250,000 calls, an old CPU with little memory",
        program: "random_calls",
        compiler: Compiler::Glibc64,
        cpu: "qemu64",
        memory: "48M",
        words: "{seed} 250000 1000",
        good_end: "all went by",
    },
    Run {
        title: "250,000 calls, 32-bit, INT 0x80 and SYSCALL",
        program: "random_calls",
        compiler: Compiler::Glibc32,
        cpu: "max",
        memory: "128M",
        words: "{seed} 250000 300",
        good_end: "all went by",
    },
    Run {
        title: "250,000 calls, 32-bit, INT 0x80 and SYSENTER",
        program: "random_calls",
        compiler: Compiler::Glibc32,
        cpu: "max,vendor=GenuineIntel",
        memory: "64M",
        words: "{seed} 250000 300",
        good_end: "all went by",
    },
    Run {
        title: "fork, exec and exit, 50,000 times",
        program: "leaks",
        compiler: Compiler::Glibc64,
        cpu: "max",
        memory: "64M",
        words: "run_a_program 50000",
        good_end: "nothing was lost",
    },
    Run {
        title: "processes that start, stop, trace and kill each other",
        program: "storm",
        compiler: Compiler::Glibc64,
        cpu: "max",
        memory: "128M",
        words: "200 {seed}",
        good_end: "nothing is lost",
    },
];

/// Installs what is missing, builds, and runs all of it.
pub fn command(options: &Options) -> Result<()> {
    setup::packages(needs::RUN.iter().chain(needs::TEST))?;
    build::everything(&setup::toolchain()?)?;
    let seed = options.seed.unwrap_or_else(|| std::process::id() * 1000);
    ui::note(format!(
        "Seed {seed}: `cargo xtask soak {seed}` does the same again"
    ));
    for run in RUNS {
        let step = Step::begin_long(run.title);
        let files =
            Initramfs::new().executable_from("/init", &compile(run.program, run.compiler)?)?;
        let words = run.words.replace("{seed}", &seed.to_string());
        let outcome = Vm::new()
            .cpu(run.cpu)
            .memory(run.memory)
            .timeout(PATIENCE)
            .initramfs(&files)
            .append(format!("quiet -- {words}"))
            .run()?;
        step.end();
        outcome.expect(Verdict::Pass)?.contains(run.good_end)?;
        for line in outcome.serial.lines().filter(|line| line.contains(" lost")) {
            ui::note(line);
        }
    }
    Ok(())
}
