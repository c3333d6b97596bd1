//! `make test`: all tests, in five parts, each with a `test result:` line.
//!
//! | part   | what runs |
//! |--------|-----------|
//! | host   | unit tests, doc tests, bounded fuzzing and loom, of crates that run on the host |
//! | vdso   | the vDSO's unit tests and loom, by the compiler that builds its two images |
//! | kernel | the kernel's own tests, inside QEMU |
//! | qemu   | the cases of `tests/cases/`, one machine or more each |
//! | labs   | the labs: starters fail, references have all points |
//!
//! The next part runs even if one fails.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use clap::builder::{EnumValueParser, PossibleValue};
use clap::{ArgAction, ArgMatches, ValueEnum};
use harness::paths;

use crate::book;
use crate::build;
use crate::counts::{Counts, follow};
use crate::labs;
use crate::options::{self, all, arguments_behind_dashes, positional};
use crate::rootfs;
use crate::setup::{self, needs};
use crate::stock;
use crate::toolchain::{BARE_64, Toolchain, host_cargo};
use crate::ui;

/// Options of `cargo xtask test`; `make test` uses none of them.
#[derive(Clone, Debug)]
pub struct Options {
    parts: Vec<Part>,
    arguments: Vec<String>,
}

impl options::Options for Options {
    fn declare(command: clap::Command) -> clap::Command {
        let parts = positional("parts", "Run these parts only").action(ArgAction::Append);
        let arguments = "Arguments for the tests themselves, such as a filter";
        command
            .arg(parts.value_parser(EnumValueParser::<Part>::new()))
            .arg(arguments_behind_dashes("arguments", arguments))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            parts: all(matches, "parts"),
            arguments: all(matches, "arguments"),
        }
    }
}

/// One part of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Host,
    Vdso,
    Kernel,
    Qemu,
    Labs,
}

impl ValueEnum for Part {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Host => "host",
            Self::Vdso => "vdso",
            Self::Kernel => "kernel",
            Self::Qemu => "qemu",
            Self::Labs => "labs",
        }))
    }
}

impl Part {
    const ALL: [Self; 5] = [Self::Host, Self::Vdso, Self::Kernel, Self::Qemu, Self::Labs];

    fn title(self) -> &'static str {
        match self {
            Self::Host => "Tests of the host's crates",
            Self::Vdso => "Tests of the vDSO",
            Self::Kernel => "The kernel's own tests, in QEMU",
            Self::Qemu => "Cases that boot a machine",
            Self::Labs => "Labs: starters and references",
        }
    }

    /// The commands that run it.
    fn commands(self, toolchain: &Toolchain) -> Result<Vec<Command>> {
        let on_host = |mut cargo: Command, words: &str| {
            cargo.args(["test", "--no-fail-fast", "--target", "host-tuple"]);
            cargo.args(words.split(' '));
            cargo
        };
        Ok(match self {
            Self::Host => vec![
                on_host(host_cargo(), "-p formats -p trident-boot -p xtask"),
                // Not its cases, which are a part of their own.
                on_host(host_cargo(), "-p tests --lib --test heap --test editor"),
                on_host(host_cargo(), "-p tests --doc"),
                on_host(host_cargo(), "-p costs"),
                on_host(host_cargo(), "-p microscope"),
                on_host(host_cargo(), "-p book"),
                on_host(host_cargo(), "-p labs"),
            ],
            Self::Vdso => vec![on_host(toolchain.cargo(), "-p vdso")],
            Self::Kernel => vec![kernel_tests(toolchain)?],
            Self::Qemu => {
                let mut cargo = on_host(host_cargo(), "-p tests --test qemu");
                // For the cases that run this program's own commands.
                cargo.env("XTASK", this_program()?);
                vec![cargo]
            }
            Self::Labs => vec![labs::program(&["prove", "quick"])?],
        })
    }
}

fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("cannot find this program")
}

/// `cargo test` of the kernel, with this very program as its runner (instead of a `cargo run`
/// inside of a `cargo test`).
fn kernel_tests(toolchain: &Toolchain) -> Result<Command> {
    let runner = serde_json::to_string(&[&this_program()?.to_string_lossy(), "runner"])?;
    let mut cargo = toolchain.cargo();
    cargo.args(["test", "-p", "trident", "--target", BARE_64]);
    cargo
        .arg("--config")
        .arg(format!("target.{BARE_64}.runner={runner}"));
    Ok(cargo)
}

/// Options of a test program that a value follows.
const WITH_VALUE: [&str; 6] = [
    "--skip",
    "--test-threads",
    "--logfile",
    "--color",
    "--format",
    "-Z",
];

/// Refuses a second filter, which the cases' program doesn't know, before anything is built.
fn check_filters(arguments: &[String]) -> Result<()> {
    let mut filters = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word.as_str()) {
            words.next();
        } else if !word.starts_with('-') {
            filters.push(word.as_str());
        }
    }
    ensure!(
        filters.len() <= 1,
        "the cases take one filter: {} are {}",
        filters.join(", "),
        filters.len()
    );
    Ok(())
}

/// Installs what is missing, builds, and runs the tests.
pub fn command(options: &Options) -> Result<ExitCode> {
    let parts = if options.parts.is_empty() {
        Part::ALL.to_vec()
    } else {
        options.parts.clone()
    };
    if parts.contains(&Part::Qemu) {
        check_filters(&options.arguments)?;
    }
    setup::packages(needs::of("test"))?;
    let toolchain = setup::toolchain()?;
    // Runs in parallel with everything before the cases.
    let mut stock = parts.contains(&Part::Qemu).then(stock::begin);
    build::everything(&toolchain)?;
    if parts.contains(&Part::Qemu) {
        build::checked_image(&toolchain)?;
        // For the cases `debugger::`.
        build::debugged(&toolchain)?;
    }
    if parts.contains(&Part::Qemu)
        && let Err(reason) = rootfs::ensure(&rootfs::Options::default())
    {
        ui::note(format!(
            "Cases of Debian's programs are skipped: {reason:#}"
        ));
    }

    if parts.contains(&Part::Host) {
        book::record_for_tests()?;
    }

    let mut all = Counts::default();
    let mut table = Vec::new();
    for part in parts {
        if part == Part::Qemu
            && let Some(Err(reason)) = stock.take().map(stock::Maker::finish)
        {
            ui::note(format!(
                "Cases of the stock bootloader are skipped: {reason:#}"
            ));
        }
        ui::note(format!("=== {}", part.title()));
        let mut counts = Counts::default();
        for mut cargo in part.commands(&toolchain)? {
            if part != Part::Labs {
                cargo.arg("--");
            }
            cargo.args(&options.arguments);
            counts = counts + follow(&mut cargo)?;
        }
        table.push((part, counts));
        all = all + counts;
    }

    println!();
    for (part, counts) in &table {
        println!("{:36} {counts}", part.title());
    }
    println!("\n{}", all.result_line());
    std::io::stdout().flush()?;
    all.save("test")?;
    if all.failed > 0 {
        bail!("{} failed", all.failed);
    }
    if all.passed == 0 && options.arguments.is_empty() {
        bail!("no test ran; see {}", paths::target().display());
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::check_filters;

    #[test]
    fn one_filter_is_taken() {
        let check = |words: &str| {
            let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
            check_filters(&words)
        };
        for right in [
            "",
            "a",
            "--exact a",
            "--skip b a",
            "--test-threads=1 a --skip c",
        ] {
            assert!(check(right).is_ok(), "{right}");
        }
        for wrong in ["a b", "--exact a b", "a --skip b c"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
