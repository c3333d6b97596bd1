//! `make check`: format, lints and documentation with every warning an error, the list of the
//! kernel's allocations that can't fail, words and spelling.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use harness::paths;

use crate::allocations;
use crate::counts::Counts;
use crate::setup;
use crate::toolchain::{BARE_32, BARE_64, active_has_targets, host_cargo};
use crate::ui;
use crate::words;

/// Crates that run on the host.
const HOST_CRATES: [&str; 2] = ["xtask", "tests"];
/// Crates of the bare-metal half.
const BARE_CRATES: [&str; 6] = [
    "trident",
    "trident-boot",
    "formats",
    "vdso",
    "sys",
    "programs",
];

/// Runs every check and prints how many passed and failed.
pub fn command() -> Result<ExitCode> {
    // The vDSO's images are built even where it is only checked.
    let _ready = setup::toolchain()?;
    let mut counts = Counts::default();
    for (title, mut cargo) in checks() {
        match ui::run_long(title, &mut cargo) {
            Ok(()) => counts.passed += 1,
            Err(error) => {
                eprintln!("error: {error:#}");
                counts.failed += 1;
            }
        }
    }
    for check in [allocations::check, words::check] {
        match check() {
            Ok(()) => counts.passed += 1,
            Err(error) => {
                eprintln!("error: {error:#}");
                counts.failed += 1;
            }
        }
    }
    println!("{}", counts.result_line());
    counts.save("check")?;
    if counts.failed > 0 {
        bail!("{} checks failed", counts.failed);
    }
    Ok(ExitCode::SUCCESS)
}

fn checks() -> Vec<(&'static str, Command)> {
    let mut checks = Vec::new();
    let mut format = host_cargo();
    format.args(["fmt", "--all", "--check"]);
    checks.push(("Format (cargo fmt --check)", format));
    checks.push((
        "Lints of the host's crates",
        clippy("host-tuple", &HOST_CRATES),
    ));
    if active_has_targets() {
        checks.push(("Lints of the kernel's half", clippy(BARE_64, &BARE_CRATES)));
        checks.push((
            "Lints of the 32-bit programs",
            clippy(BARE_32, &["sys", "programs"]),
        ));
    } else {
        // The distribution's toolchain has no clippy, and rustup's lacks the targets: the code
        // is checked as if it were the host's.
        checks.push((
            "Lints of the kernel's half",
            clippy("host-tuple", &BARE_CRATES),
        ));
    }
    let mut doc = host_cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--target", "host-tuple"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    checks.push(("Documentation (rustdoc)", doc));
    let mut floors = host_cargo();
    floors.args(["test", "--quiet", "--target", "host-tuple"]);
    floors.args(["--package", "tests", "--test", "floors"]);
    checks.push(("Floors of the kernel (paths run down)", floors));
    match setup::typos::ensure() {
        Ok(program) => {
            let mut typos = Command::new(program);
            typos.current_dir(paths::root()).args(["--format", "brief"]);
            checks.push(("Spelling (typos)", typos));
        }
        Err(error) => ui::note(format!("Spelling is not checked: {error:#}")),
    }
    checks
}

fn clippy(target: &str, crates: &[&str]) -> Command {
    let mut cargo = host_cargo();
    cargo.args(["clippy", "--target", target]);
    // The loader embeds what the build made; it says so where there is nothing.
    let embedded = paths::boot_image().with_extension("kernel");
    if embedded.exists() {
        cargo.env("TRIDENT_KERNEL", embedded);
    }
    for name in crates {
        cargo.args(["--package", name]);
    }
    if crates == HOST_CRATES {
        cargo.arg("--all-targets");
    }
    cargo.args(["--", "-D", "warnings"]);
    cargo
}
