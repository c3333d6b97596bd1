//! `make soak`: tests that take too long for `make test`. A million random system calls through all
//! doors of both widths, by one process and by several at once, and tens of thousands of processes,
//! without a panic, a process that can't be killed or a leak. The labs with all wrong solutions. The seeds are printed: a seed repeats
//! its run.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{ArgMatches, value_parser};
use harness::programs::{Compiler, compile};
use harness::{Initramfs, Verdict, Vm, pauses};

use crate::build;
use crate::labs;
use crate::options::{self, find, get, positional, value};
use crate::setup::{self, needs};
use crate::ui::{self, Step};

/// Time limit of one machine.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Options of `cargo xtask soak`.
#[derive(Clone, Debug)]
pub struct Options {
    seed: Option<u32>,
    minutes: u64,
}

impl options::Options for Options {
    fn declare(command: clap::Command) -> clap::Command {
        let seed = "The first seed (default: another one each time)";
        let minutes = "Minutes for which races go on, with other seeds each time, after everything has run once";
        command
            .arg(positional("seed", seed).value_parser(value_parser!(u32)))
            .arg(
                value("minutes", "MINUTES", minutes)
                    .value_parser(value_parser!(u64))
                    .default_value("0"),
            )
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            seed: find(matches, "seed"),
            minutes: get(matches, "minutes"),
        }
    }
}

/// One machine: its init, and the line that init prints on success.
struct Run {
    title: &'static str,
    program: &'static str,
    compiler: Compiler,
    cpu: &'static str,
    memory: &'static str,
    /// On the kernel with checks.
    checked: bool,
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
        checked: false,
        words: "{seed} 250000 300",
        good_end: "all passed",
    },
    Run {
        title: "250,000 calls, an old CPU with little memory",
        program: "random_calls",
        compiler: Compiler::Glibc64,
        cpu: "qemu64",
        memory: "48M",
        checked: false,
        words: "{seed} 250000 1000",
        good_end: "all passed",
    },
    Run {
        title: "250,000 calls, 32-bit, INT 0x80 and SYSCALL",
        program: "random_calls",
        compiler: Compiler::Glibc32,
        cpu: "max",
        memory: "128M",
        checked: false,
        words: "{seed} 250000 300",
        good_end: "all passed",
    },
    Run {
        title: "250,000 calls, 32-bit, INT 0x80 and SYSENTER",
        program: "random_calls",
        compiler: Compiler::Glibc32,
        cpu: "max,vendor=GenuineIntel",
        memory: "64M",
        checked: false,
        words: "{seed} 250000 300",
        good_end: "all passed",
    },
    Run {
        title: "fork, exec and exit, 50,000 times",
        program: "leaks",
        compiler: Compiler::Glibc64,
        cpu: "max",
        memory: "64M",
        checked: false,
        words: "run_a_program 50000",
        good_end: "nothing was lost",
    },
    Run {
        title: "processes that start, stop, trace and kill each other",
        program: "storm",
        compiler: Compiler::Glibc64,
        cpu: "max",
        memory: "128M",
        checked: false,
        words: "200 {seed}",
        good_end: "nothing is lost",
    },
];

/// Races: several processes make random calls, as root and as another user, beside one that uses
/// memory up.
const RACES: &[Run] = &[
    race("64M", Compiler::Glibc64, "max", false),
    race("64M", Compiler::Glibc32, "max,vendor=GenuineIntel", true),
    race("512M", Compiler::Glibc64, "max,vendor=GenuineIntel", true),
    race("512M", Compiler::Glibc32, "max", false),
];

const fn race(memory: &'static str, compiler: Compiler, cpu: &'static str, checked: bool) -> Run {
    Run {
        title: "500,000 calls by six processes at a time, with little memory left",
        program: "random_race",
        compiler,
        cpu,
        memory,
        checked,
        words: "{seed} 500000 300 6",
        good_end: "all passed",
    }
}

/// Upper bound of the seeds that one race uses.
const SEEDS_EACH: u32 = 100_000;

/// Installs what is missing, builds, and runs all of it.
pub fn command(options: &Options) -> Result<()> {
    setup::packages(needs::of("soak"))?;
    let toolchain = setup::toolchain()?;
    build::everything(&toolchain)?;
    build::checked_image(&toolchain)?;
    let mut seed = options.seed.unwrap_or_else(|| std::process::id() * 1000);
    ui::note(format!(
        "Seed {seed}: `cargo xtask soak {seed}` repeats this run"
    ));
    boots_under_pauses()?;
    for run in RUNS.iter().chain(RACES) {
        run.go(seed)?;
    }
    labs::prove_all()?;
    let began = Instant::now();
    let limit = Duration::from_secs(options.minutes * 60);
    for run in RACES.iter().cycle() {
        if began.elapsed() >= limit {
            break;
        }
        seed = seed.wrapping_add(SEEDS_EACH);
        run.go(seed)?;
    }
    Ok(())
}

/// 50 boots on a host that stops the machine, half of them with the PIT alone.
fn boots_under_pauses() -> Result<()> {
    if !pauses::IS_KNOWN {
        return Ok(());
    }
    for machine in ["pc", "microvm"] {
        let step = Step::begin_long(format!("25 boots under pauses ({machine})"));
        let worst = pauses::measure_rates(machine, 25)?;
        step.end();
        ui::note(format!("The TSC's rate: {worst} ppm off at worst"));
    }
    Ok(())
}

impl Run {
    fn go(&self, seed: u32) -> Result<()> {
        let step = Step::begin_long(format!("{} ({}, seed {seed})", self.title, self.memory));
        let program = compile(self.program, self.compiler)?;
        let files = Initramfs::new().executable_from("/init", &program)?;
        let words = self.words.replace("{seed}", &seed.to_string());
        let vm = Vm::new();
        let vm = if self.checked { vm.checked() } else { vm };
        let outcome = vm
            .cpu(self.cpu)
            .memory(self.memory)
            .timeout(PATIENCE)
            .initramfs(&files)
            .append(format!("quiet -- {words}"))
            .run()?;
        step.end();
        outcome.expect(Verdict::Pass)?.contains(self.good_end)?;
        for line in outcome.serial.lines().filter(|line| line.contains(" lost")) {
            ui::note(line);
        }
        Ok(())
    }
}
