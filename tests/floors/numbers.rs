//! Every call that takes a number is made with boundary values by `tests/programs/numbers_*.c`, or
//! `numbers.txt` says why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, ensure};
use harness::paths;
use regex_lite::Regex;

/// Kinds of arguments (`kernel/src/trace/kinds.rs`) that are or hold an offset, a length, a count or
/// a time.
const NUMBERS: &str = "FcntlValue FutexTimeout FutexTimeout64 InIovec InMmsghdr InMsghdr \
    InOutOffset InSockOpt Int ItimerIn ItimerspecIn ItimerspecIn64 Offset OffsetHigh OffsetLow \
    OldMmap OutIovec OutMmsghdr OutMsghdr OutSockLen PageOffset PrctlValue Rlimit64In RlimitIn Size \
    SpliceOffset SyslogSize Times Times64 Timespec Timespec64 Timeval UInt Utimbuf Utimes";

/// The calls of both tables with such an argument.
fn calls_with_numbers() -> Result<BTreeSet<String>> {
    let row = Regex::new(r"(?m)^ {4}\d+ (\w+)\(([\w\s,]*)\)\s*=")?;
    let kinds = fs::read_to_string(paths::root().join("kernel/src/trace/kinds.rs"))?;
    let numbers: BTreeSet<&str> = NUMBERS.split_whitespace().collect();
    for kind in &numbers {
        ensure!(kinds.contains(&format!("    {kind},\n")), "no kind {kind}");
    }
    let mut calls = BTreeSet::new();
    for table in ["x86_64", "i386"] {
        let path = paths::root().join(format!("kernel/src/syscall/table/{table}.rs"));
        let source = fs::read_to_string(path)?;
        let rows = source.lines().filter(|line| line.ends_with(';'));
        let found: Vec<_> = row.captures_iter(&source).collect();
        ensure!(found.len() > 280, "only {} rows of {table}", found.len());
        ensure!(
            rows.count() < found.len() + 20,
            "rows of {table} are not read"
        );
        for call in found {
            let mut kinds = call[2].split(',').map(str::trim);
            if kinds.any(|kind| numbers.contains(kind)) {
                calls.insert(call[1].to_owned());
            }
        }
    }
    Ok(calls)
}

/// The calls that the programs make: by a function of that name, or by number.
fn calls_made() -> Result<BTreeSet<String>> {
    let call = Regex::new(r"\bSYS_(\w+)|\b(\w+)\(")?;
    let mut made = BTreeSet::new();
    for entry in fs::read_dir(paths::root().join("tests/programs"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("numbers_") && name.ends_with(".c") {
            let text = fs::read_to_string(&path)?;
            let names = call.captures_iter(&text);
            made.extend(
                names.filter_map(|name| Some(name.get(1).or(name.get(2))?.as_str().to_owned())),
            );
        }
    }
    Ok(made)
}

/// The calls of `numbers.txt`, each with its reason.
fn reasons() -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(paths::root().join("tests/floors/numbers.txt"))?;
    text.lines()
        .map(|line| {
            let (call, reason) = line
                .split_once(": ")
                .with_context(|| format!("a call without a reason: {line}"))?;
            Ok((call.to_owned(), reason.to_owned()))
        })
        .collect()
}

#[test]
fn every_call_with_a_number_gets_boundary_values() -> Result<()> {
    let (calls, made, reasons) = (calls_with_numbers()?, calls_made()?, reasons()?);
    let missing: Vec<_> = calls
        .iter()
        .filter(|call| !made.contains(*call) && !reasons.contains_key(*call))
        .collect();
    ensure!(
        missing.is_empty(),
        "neither made nor in numbers.txt: {missing:?}"
    );
    let needless: Vec<_> = reasons
        .keys()
        .filter(|call| !calls.contains(*call) || made.contains(*call))
        .collect();
    ensure!(
        needless.is_empty(),
        "in numbers.txt without need: {needless:?}"
    );
    Ok(())
}
