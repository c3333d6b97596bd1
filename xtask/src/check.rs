//! `make check`: format, lints and documentation with every warning an error, the list of the
//! kernel's allocations that can't fail, words and spelling.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use harness::paths;

use crate::allocations;
use crate::counts::Counts;
use crate::setup::{self, wheel};
use crate::sources;
use crate::toolchain::{BARE_32, BARE_64, active_has_targets, host_cargo, host_program};
use crate::ui;
use crate::words;

/// Crates that run on the host.
const HOST_CRATES: [&str; 6] = ["xtask", "tests", "costs", "microscope", "book", "labs"];
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
        checks.push(("Lints of its tests", clippy("host-tuple", &BARE_CRATES)));
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
    let mut pages = host_program("book");
    pages.arg("pages");
    checks.push(("The book (listings, terms, links)", pages));
    match spelling() {
        Ok(typos) => checks.push(("Spelling (typos)", typos)),
        Err(error) => ui::note(format!("Spelling is not checked: {error:#}")),
    }
    match c_format() {
        Ok(format) => checks.push(("Format of the C programs (clang-format)", format)),
        Err(error) => ui::note(format!(
            "The format of the C programs is not checked: {error:#}"
        )),
    }
    checks
}

fn spelling() -> Result<Command> {
    let mut typos = Command::new(wheel::ensure(&wheel::TYPOS)?);
    typos.current_dir(paths::root()).args(["--format", "brief"]);
    Ok(typos)
}

fn c_format() -> Result<Command> {
    let mut format = Command::new(wheel::ensure(&wheel::CLANG_FORMAT)?);
    format.args(["--dry-run", "-Werror"]);
    let is_c = |path: &PathBuf| path.extension().is_some_and(|end| end == "c" || end == "h");
    for programs in ["tests/programs", "book/programs"] {
        let programs = sources::files(&paths::root().join(programs))?;
        format.args(programs.into_iter().filter(is_c));
    }
    Ok(format)
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
    // The bare targets have no `test` crate; the kernel's own tests are linted as the host's.
    if target == "host-tuple" {
        cargo.arg("--all-targets");
    }
    cargo.args(["--", "-D", "warnings"]);
    cargo
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// Every crate of the workspace is linted, by the workspace's lints.
    #[test]
    fn every_crate_is_linted() {
        let mut cargo = host_cargo();
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
        let metadata = cargo.output().expect("cargo runs").stdout;
        let metadata: Value = serde_json::from_slice(&metadata).expect("JSON");
        let mut members = BTreeSet::new();
        for package in metadata["packages"].as_array().expect("packages") {
            let manifest = package["manifest_path"].as_str().expect("a path");
            let text = std::fs::read_to_string(manifest).expect(manifest);
            assert!(text.contains("[lints]\nworkspace = true"), "{manifest}");
            members.insert(package["name"].as_str().expect("a name").to_owned());
        }
        let linted = HOST_CRATES.iter().chain(&BARE_CRATES);
        let linted: BTreeSet<_> = linted.map(|name| (*name).to_owned()).collect();
        assert_eq!(linted, members);
    }
}
