//! `cargo xtask syscalls`: writes docs/SYSCALLS.md, the list of Linux's system calls with Trident's
//! support of each.
//!
//! Trident's numbers and names are read from the kernel's two tables, Linux's come from the
//! `syscalls` crate, and the state of each call comes from
//! `kernel/src/syscall/table/states.txt`. A row without a
//! state, a state without a row, and an outdated list each fail a test.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use harness::paths;

use crate::ui;

/// The list's head.
const HEAD: &str = "# System calls\n\n\
    Made by `cargo xtask syscalls` from the tables in `kernel/src/syscall/table/`; not written by \
    hand.\nA number in parentheses is Linux's; the call returns `ENOSYS` here.\n\n";

/// Numbers of each call, by name: Linux's, and whether there is a handler here.
type Numbers = BTreeMap<String, u32>;

/// The state of a call: full, or the missing part.
type States = BTreeMap<String, Option<String>>;

/// Writes the list.
pub fn command() -> Result<()> {
    let path = list();
    fs::create_dir_all(path.parent().context("the list has a directory")?)?;
    fs::write(&path, current()?).with_context(|| format!("cannot write {}", path.display()))?;
    ui::note(format!("Wrote {}", path.display()));
    Ok(())
}

fn list() -> PathBuf {
    paths::root().join("docs/SYSCALLS.md")
}

/// The list as it should be.
fn current() -> Result<String> {
    let directory = paths::root().join("kernel/src/syscall/table");
    let read = |name: &str| {
        let path = directory.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let wide = rows(&read("x86_64.rs")?)?;
    let narrow = rows(&read("i386.rs")?)?;
    let states = states(&read("states.txt")?)?;
    check(&wide, &linux_wide(), "x86_64")?;
    check(&narrow, &linux_narrow(), "i386")?;
    render(&wide, &narrow, &states)
}

/// Reads rows such as `    1 write(Fd, InBuf, Size) = io::write;`.
fn rows(source: &str) -> Result<Numbers> {
    let mut numbers = Numbers::new();
    let (_, body) = source.split_once("calls! {").context("there is no table")?;
    for line in body.lines() {
        let Some((number, rest)) = line.trim().split_once(' ') else {
            continue;
        };
        if let (Ok(number), Some((name, _))) = (number.parse(), rest.split_once('(')) {
            numbers.insert(name.to_owned(), number);
        }
    }
    ensure!(!numbers.is_empty(), "the table has no rows");
    Ok(numbers)
}

/// Reads lines of `NAME full` and `NAME partial: WHAT IS MISSING`.
fn states(source: &str) -> Result<States> {
    let mut states = States::new();
    for line in source.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, state) = line.split_once(' ').unwrap_or((line, ""));
        let missing = match state.trim() {
            "full" => None,
            state => match state.strip_prefix("partial: ") {
                Some(missing) => Some(missing.to_owned()),
                None => bail!("{line:?}: neither full nor partial: ..."),
            },
        };
        let old = states.insert(name.to_owned(), missing);
        ensure!(old.is_none(), "{name} has two states");
    }
    Ok(states)
}

/// Every row must be a call of Linux's, under its number.
fn check(rows: &Numbers, linux: &Numbers, table: &str) -> Result<()> {
    for (name, number) in rows {
        let real = linux.get(name);
        ensure!(
            real == Some(number),
            "{table}: {name} is {number} here, {real:?} on Linux"
        );
    }
    Ok(())
}

fn linux_wide() -> Numbers {
    use syscalls::x86_64::Sysno;
    (0..=Sysno::last().id() as usize)
        .filter_map(Sysno::new)
        .map(|call| (call.name().to_owned(), call.id() as u32))
        .collect()
}

fn linux_narrow() -> Numbers {
    use syscalls::x86::Sysno;
    (0..=Sysno::last().id() as usize)
        .filter_map(Sysno::new)
        .map(|call| (call.name().to_owned(), call.id() as u32))
        .collect()
}

fn render(wide: &Numbers, narrow: &Numbers, states: &States) -> Result<String> {
    let (linux_wide, linux_narrow) = (linux_wide(), linux_narrow());
    let is_here = |name: &String| wide.contains_key(name) || narrow.contains_key(name);
    if let Some(name) = states.keys().find(|name| !is_here(name)) {
        bail!("table/states.txt: {name} is in neither table");
    }
    let mut names: Vec<&String> = linux_wide.keys().chain(linux_narrow.keys()).collect();
    // By the x86_64 number, then what only i386 has.
    names.sort_by_key(|name| {
        let number = |numbers: &Numbers| numbers.get(*name).copied().unwrap_or(u32::MAX);
        (number(&linux_wide), number(&linux_narrow))
    });
    names.dedup();
    let (mut full, mut partial, mut absent) = (0, 0, 0);
    let mut table = String::from("| call | x86_64 | i386 | state |\n|---|--:|--:|---|\n");
    for name in names {
        let state = if !is_here(name) {
            absent += 1;
            "absent".to_owned()
        } else {
            match states.get(name) {
                None => bail!("table/states.txt lacks a line for {name}: full, or partial: ..."),
                Some(None) => {
                    full += 1;
                    "full".to_owned()
                }
                Some(Some(missing)) => {
                    partial += 1;
                    format!("partial: {missing}")
                }
            }
        };
        let number = |linux: &Numbers, here: &Numbers| match linux.get(name) {
            None => String::new(),
            Some(number) if here.contains_key(name) => number.to_string(),
            Some(number) => format!("({number})"),
        };
        table.push_str(&format!(
            "| {name} | {} | {} | {state} |\n",
            number(&linux_wide, wide),
            number(&linux_narrow, narrow)
        ));
    }
    Ok(format!(
        "{HEAD}{} calls: {full} full, {partial} partial, {absent} absent.\n\n{table}",
        full + partial + absent
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_up_to_date() {
        let current = current().expect("tables and states agree");
        let written = fs::read_to_string(list()).unwrap_or_default();
        assert!(
            written == current,
            "docs/SYSCALLS.md differs from the tables: `cargo xtask syscalls` writes it"
        );
    }

    #[test]
    fn rows_and_states_are_read() {
        let table = "calls! {\n    1 write(Fd) = io::write;\n    39 getpid() = ids::getpid;\n}";
        let rows = rows(table).expect("rows");
        assert_eq!((rows["write"], rows["getpid"]), (1, 39));
        let states = states("# why\nwrite full\ngetpid  partial: a thing\n").expect("states");
        assert_eq!(states["write"], None);
        assert_eq!(states["getpid"].as_deref(), Some("a thing"));
        assert!(super::states("write maybe\n").is_err());
    }

    #[test]
    fn mismatches_are_reported() {
        let one = |name: &str, number| Numbers::from([(name.to_owned(), number)]);
        let none = States::new();
        let error = render(&one("write", 1), &one("write", 4), &none).expect_err("no state");
        assert!(error.to_string().contains("lacks a line for write"));
        let error = check(&one("write", 2), &linux_wide(), "x86_64").expect_err("wrong number");
        assert!(error.to_string().contains("write is 2 here"));
    }
}
