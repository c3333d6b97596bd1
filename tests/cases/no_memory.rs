//! ENOMEM by fault injection: every system call, with each of its allocations failing in turn.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, paths};
use regex_lite::Regex;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let tables = [(Compiler::Glibc64, "x86_64"), (Compiler::Glibc32, "i386")];
    let cases = tables.map(|(compiler, table)| {
        Case::new(format!("fail_nth::{table}"), move || {
            every_allocation_fails_once(compiler, table)
        })
    });
    cases.into()
}

/// The program reads the rows of the kernel's table, and fails with the name of a call that it
/// doesn't know.
fn every_allocation_fails_once(compiler: Compiler, table: &str) -> Result<()> {
    let files = Initramfs::new()
        .executable_from("/init", &compile("fail_nth", compiler)?)?
        .file("/calls", rows(table)?);
    // Time by instructions: whether a call that waits allocates depends on when it is interrupted.
    let vm = Vm::new().args(["-icount", "shift=0,sleep=off"]);
    let vm = vm.checked().memory("256M").initramfs(&files);
    let outcome = vm.timeout(Duration::from_secs(900)).run()?;
    outcome
        .expect(Verdict::Pass)?
        .contains("all calls answer")?
        .contains("Out of memory: killed process")?;
    let path = paths::root().join(format!("tests/cases/no_memory/{table}.points"));
    let expected = fs::read_to_string(&path)?;
    let expected: BTreeSet<&str> = expected.lines().collect();
    let found = with_points(&outcome.serial)?;
    let lost: Vec<_> = expected.difference(&found).collect();
    let new: Vec<_> = found.difference(&expected).collect();
    ensure!(
        lost.is_empty() && new.is_empty(),
        "calls that allocate nothing any more: {lost:?}; calls missing in {}: {new:?}",
        path.display()
    );
    Ok(())
}

/// The calls with at least one point of failure, in a line such as `read (0): 2 points: ...`.
fn with_points(output: &str) -> Result<BTreeSet<&str>> {
    let line = Regex::new(r"(?m)^(\w+) \(\d+\): [1-9]\d* points: ")?;
    let calls = line.captures_iter(output).filter_map(|call| call.get(1));
    Ok(calls.map(|name| name.as_str()).collect())
}

/// The rows of a kernel table, one line each: number and name.
fn rows(table: &str) -> Result<String> {
    let path = paths::root().join(format!("kernel/src/syscall/table/{table}.rs"));
    let source =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut text = String::new();
    for line in source.lines().filter(|line| line.trim_end().ends_with(';')) {
        let number_and_name = line
            .split_once('(')
            .and_then(|(row, _)| row.trim().split_once(' '));
        if let Some((number, name)) = number_and_name
            && number.parse::<u32>().is_ok()
        {
            writeln!(text, "{number} {name}")?;
        }
    }
    Ok(text)
}
