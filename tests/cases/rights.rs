//! Permissions of users, and of root without capabilities, as on the host; and random numbers,
//! which differ between two boots.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, cases, paths};
use regex_lite::Regex;

use crate::on_linux::{prints_as_recorded, prints_the_same, prints_the_same_with};

/// The programs with a row for each capability check.
const ROWS: [&str; 3] = [
    "rights_caps_files",
    "rights_caps_calls",
    "rights_caps_machine",
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = cases![random_numbers_differ, every_check_has_a_row];
    for compiler in [Compiler::Glibc64, Compiler::Glibc32] {
        for program in [
            "rights_ids",
            "rights_files",
            "rights_processes",
            "rights_exec",
            "rights_caps_files",
            "rights_caps_calls",
        ] {
            let name = format!("{program}::{}", compiler.name());
            cases.push(Case::new(name, move || {
                prints_the_same(program, compiler, "", Vm::new())
            }));
        }
        // The host's rules for links, terminals and ports may differ from Linux 6.1's, and its
        // console stays as it is.
        for program in [
            "rights_caps_machine",
            "rights_attacks",
            "accounting",
            "syslog",
        ] {
            let name = format!("{program}::{}", compiler.name());
            cases.push(Case::new(name, move || {
                prints_as_recorded(program, compiler, program, Vm::new())
            }));
        }
        let name = format!("rights_threads::{}", compiler.name());
        cases.push(Case::new(name, move || {
            let options = (compiler, &["-pthread"][..]);
            prints_the_same_with("rights_threads", options, "", Vm::new())
        }));
    }
    cases
}

/// All random values of one boot differ from each other and from the next boot's, with and without
/// the CPU's random source.
fn random_numbers_differ() -> Result<()> {
    let program = compile("random_numbers", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let mut seen = HashSet::new();
    for cpu in ["max", "max", "max,-rdrand,-rdseed", "max,-rdrand,-rdseed"] {
        let vm = Vm::new().cpu(cpu).initramfs(&files).append("quiet");
        let outcome = vm.run()?;
        outcome.expect(Verdict::Pass)?;
        let numbers: Vec<&str> = outcome.serial.lines().collect();
        ensure!(
            numbers.len() > 20,
            "too few numbers: {}",
            outcome.transcript()
        );
        for line in numbers {
            ensure!(seen.insert(line.to_owned()), "twice: {line} ({cpu})");
        }
    }
    Ok(())
}

/// The programs reach each capability check in the kernel's sources, with both results.
fn every_check_has_a_row() -> Result<()> {
    let line = Regex::new(r"^(kernel/src/\S+:\d+):(\d+) ([01]) ([01])$")?;
    // By place and column: whether the check was denied, and granted.
    let mut sites: BTreeMap<(String, String), [bool; 2]> = BTreeMap::new();
    for program in ROWS {
        let program = compile(program, Compiler::Glibc64)?;
        let files = Initramfs::new().executable_from("/init", &program)?;
        let vm = Vm::new().checked().initramfs(&files);
        let outcome = vm.append("quiet -- checks").run()?;
        outcome.expect(Verdict::Pass)?;
        for found in outcome
            .serial
            .lines()
            .filter_map(|text| line.captures(text))
        {
            let (_, [place, column, refused, granted]) = found.extract();
            let site = sites.entry((place.into(), column.into())).or_default();
            site[0] |= refused == "1";
            site[1] |= granted == "1";
        }
    }
    let mut missing = Vec::new();
    for (place, expected) in checks_in_sources()? {
        let here = sites.iter().filter(|(site, _)| site.0 == place);
        let reached = here.filter(|(_, answers)| **answers == [true; 2]).count();
        if reached < expected {
            missing.push(format!("{place}: {reached} of {expected}"));
        }
    }
    ensure!(missing.is_empty(), "checks without a row: {missing:#?}");
    Ok(())
}

/// The kernel's capability checks: file and line, and the number of checks in the line.
fn checks_in_sources() -> Result<Vec<(String, usize)>> {
    let check = Regex::new(
        r"\b(?:has|has_any|capable|require)\((?:Caps::[A-Z]|SEARCH_ANYWHERE)|\bcheck\(old.*Caps::",
    )?;
    let name = Regex::new(r"Caps::[A-Z]{2}")?;
    let mut checks = Vec::new();
    for path in sources(&paths::root().join("kernel/src"))? {
        let file = path.strip_prefix(paths::root())?.display().to_string();
        // The implementation of the sets.
        if file.ends_with("process/capability.rs") {
            continue;
        }
        for (number, text) in (1..).zip(fs::read_to_string(&path)?.lines()) {
            let found = check.find_iter(text).count();
            let is_other = text.contains("const ") || text.contains("Caps::FILE_SYSTEM");
            ensure!(
                found > 0 || is_other || !name.is_match(text),
                "{file}:{number}: an unknown form of check: {text}"
            );
            if found > 0 {
                checks.push((format!("{file}:{number}"), found));
            }
        }
    }
    ensure!(checks.len() > 50, "too few checks: {checks:?}");
    Ok(checks)
}

/// The Rust files below `directory`.
fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(directory).with_context(|| format!("{}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|name| name == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
