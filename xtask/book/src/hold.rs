//! All transcripts compared with what is printed today, or rewritten.

use std::collections::VecDeque;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};

use crate::transcript::{self, DIRECTORY, Finding, Recipe};
use crate::tree::Tree;

/// The versions of the host's tools with which the transcripts were made.
const TOOLS: &str = "book/transcripts/tools";
/// Machines that run side by side.
const AT_A_TIME: usize = 2;

/// The names of all transcripts, or of those that are asked for.
///
/// # Errors
/// One of them is unknown.
pub fn names(tree: &Tree, wanted: &[&str]) -> Result<Vec<String>> {
    let all = tree.names(DIRECTORY, ".toml");
    for name in wanted {
        ensure!(
            all.iter().any(|known| known == name),
            "there is no {DIRECTORY}/{name}.toml"
        );
    }
    Ok(all
        .into_iter()
        .filter(|name| wanted.is_empty() || wanted.contains(&name.as_str()))
        .collect())
}

/// Whether one of these transcripts needs the build of `make debug`.
///
/// # Errors
/// A recipe can't be read.
pub fn need_debug_build(tree: &Tree, names: &[String]) -> Result<bool> {
    let mut needed = false;
    for name in names {
        needed |= Recipe::read(tree, name)?.needs_debug_build();
    }
    Ok(needed)
}

/// Makes these transcripts, and compares or writes them; prints what was written.
///
/// # Errors
/// One can't be made, or differs: the message lists all.
pub fn all(tree: &Tree, names: &[String], is_update: bool) -> Result<()> {
    let tools = tools();
    let made_with = if tree.has(TOOLS) {
        tree.read(TOOLS)?
    } else {
        String::new()
    };
    let queue = Mutex::new(names.iter().collect::<VecDeque<_>>());
    let problems = Mutex::new(Vec::new());
    let work = || {
        while let Some(name) = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
        {
            let problem = match transcript::hold(tree, name, is_update) {
                Ok(Finding::Same) => continue,
                Ok(Finding::Written) => {
                    println!("Wrote {DIRECTORY}/{name}.txt");
                    continue;
                }
                Ok(Finding::Differs(how)) => how,
                Err(error) => format!("{DIRECTORY}/{name}.toml: {error:#}"),
            };
            problems
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(problem);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(work);
        }
    });
    let problems = problems
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if is_update && problems.is_empty() && tools != made_with {
        fs::write(tree.path(TOOLS), &tools).with_context(|| format!("cannot write {TOOLS}"))?;
    }
    if problems.is_empty() {
        return Ok(());
    }
    let list = problems.join("\n");
    // Programs hold parts of the host's C library, and gdb has its own words.
    if !is_update && tools != made_with {
        println!(
            "Transcripts were made with\n{made_with}and this host has\n{tools}with which they differ:\n{list}"
        );
        return Ok(());
    }
    bail!(
        "{} transcripts:\n{list}\n(`cargo xtask book --update NAME` rewrites one)",
        problems.len()
    )
}

/// The first lines of what the tools say about their versions.
fn tools() -> String {
    let first = |program: &str| {
        let output = Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        let output = output.map(|output| output.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&output).into_owned();
        text.lines().next().unwrap_or("none").to_owned() + "\n"
    };
    ["gcc", "ldd", "gdb"].map(first).concat()
}
