//! `make test`: every test there is, in four parts, one `test result:` line after another.
//!
//! | part   | what runs |
//! |--------|-----------|
//! | host   | unit tests, doc tests, bounded fuzzing and loom, of crates that run on the host |
//! | vdso   | the same of the vDSO, by the compiler that builds its two images |
//! | kernel | the kernel's own tests, inside QEMU |
//! | qemu   | the cases of `tests/cases/`, a machine or more each |
//!
//! A part that fails does not keep the next from running.

use std::io::Write;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use harness::paths;

use crate::build;
use crate::counts::{Counts, follow};
use crate::setup::{self, needs};
use crate::toolchain::{BARE_64, Toolchain, host_cargo};
use crate::ui;

/// What `cargo xtask test` takes; `make test` gives none of it.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Run these parts only
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Arguments for the tests themselves, such as a filter
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// One part of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Host,
    Vdso,
    Kernel,
    Qemu,
}

impl Part {
    const ALL: [Self; 4] = [Self::Host, Self::Vdso, Self::Kernel, Self::Qemu];

    fn title(self) -> &'static str {
        match self {
            Self::Host => "Tests of the host's crates",
            Self::Vdso => "Tests of the vDSO",
            Self::Kernel => "The kernel's own tests, in QEMU",
            Self::Qemu => "Cases that boot a machine",
        }
    }

    fn command(self, toolchain: &Toolchain) -> Result<Command> {
        let mut cargo = match self {
            Self::Host | Self::Qemu => host_cargo(),
            Self::Vdso | Self::Kernel => toolchain.cargo(),
        };
        cargo.arg("test");
        if self != Self::Kernel {
            cargo.args(["--target", "host-tuple"]);
        }
        match self {
            Self::Host => {
                cargo.args(["--package", "formats", "--package", "xtask"]);
                cargo.args(["--package", "programs", "--package", "tests"]);
                // Everything but the cases: those are a part of their own.
                cargo.args(["--lib", "--bins", "--test", "fuzz", "--test", "properties"]);
            }
            Self::Vdso => {
                cargo.args(["--package", "vdso"]);
            }
            Self::Kernel => {
                cargo.args(["--package", "trident", "--target", BARE_64]);
                // This very program, instead of a `cargo run` inside of a `cargo test`.
                let this = std::env::current_exe().context("cannot find this program")?;
                let runner = serde_json::to_string(&[&this.to_string_lossy(), "runner"])?;
                cargo
                    .arg("--config")
                    .arg(format!("target.{BARE_64}.runner={runner}"));
            }
            Self::Qemu => {
                cargo.args(["--package", "tests", "--test", "qemu"]);
            }
        }
        Ok(cargo)
    }
}

/// Installs what is missing, builds, and runs the tests.
pub fn command(options: &Options) -> Result<ExitCode> {
    setup::packages(needs::RUN.iter().chain(needs::ISO).chain(needs::TEST))?;
    let toolchain = setup::toolchain()?;
    build::everything(&toolchain)?;

    let parts = if options.parts.is_empty() {
        Part::ALL.to_vec()
    } else {
        options.parts.clone()
    };
    let mut all = Counts::default();
    let mut table = Vec::new();
    for part in parts {
        ui::note(format!("=== {}", part.title()));
        let mut cargo = part.command(&toolchain)?;
        // All of a part's binaries are run and counted, even where one fails.
        cargo
            .arg("--no-fail-fast")
            .arg("--")
            .args(&options.arguments);
        let counts = follow(&mut cargo)?;
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
