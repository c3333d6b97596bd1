//! `make book`: the book of the course, `book/`, as pages that work without a network.
//!
//! The program that makes it is a crate of its own, `xtask/book`: mdBook is more than what each
//! command should wait for.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use clap::{Arg, ArgAction, ArgMatches};
use harness::paths;

use crate::build;
use crate::microscope;
use crate::options::{self, all, find, get, positional};
use crate::setup::{self, needs};
use crate::toolchain::host_program;
use crate::ui;

/// Options of `cargo xtask book`; `make book` uses none of them.
#[derive(Clone, Debug)]
pub struct Options {
    pages: bool,
    built: bool,
    update: bool,
    only: Option<String>,
    names: Vec<String>,
}

impl options::Options for Options {
    fn declare(command: clap::Command) -> clap::Command {
        let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        let names = positional("names", "Only these transcripts, and no pages");
        let only = Arg::new("only").long("only").value_name("WORD");
        command
            .arg(
                flag("pages")
                    .help("Make the pages, but compare no transcript: nothing is built or booted"),
            )
            .arg(flag("built").help("Boot what is built already"))
            .arg(flag("update").help("Rewrite the transcripts with what is printed today"))
            .arg(only.help("List only problems with this word, such as a part's folder"))
            .arg(names.action(ArgAction::Append))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            pages: get(matches, "pages"),
            built: get(matches, "built"),
            update: get(matches, "update"),
            only: find(matches, "only"),
            names: all(matches, "names"),
        }
    }
}

/// Builds what the transcripts run, compares or rewrites them, and makes the pages.
pub fn command(options: &Options) -> Result<()> {
    if !options.pages {
        setup::packages(needs::of("book"))?;
        if !options.built {
            build::everything(&setup::toolchain()?)?;
        }
        // The kernel of a students' tree has holes, and prints something else.
        if paths::root().join("book/answers").exists() {
            transcripts(options)?;
        }
    }
    if !options.names.is_empty() {
        return Ok(());
    }
    if !options.pages && !options.built && !is_recorded() {
        microscope::command()?;
    }
    let only = options.only.as_deref().unwrap_or("");
    run("Making the pages", &["pages", only])
}

/// `make pdf`: the book as pages and, printed by a browser, as a PDF document.
pub fn pdf(options: &Options) -> Result<()> {
    setup::packages(needs::of("pdf"))?;
    command(options)?;
    run("Printing the pages", &["pdf"])
}

fn transcripts(options: &Options) -> Result<()> {
    let with = |command: &'static str| -> Vec<&str> {
        [command]
            .into_iter()
            .chain(options.names.iter().map(String::as_str))
            .collect()
    };
    let mut ask = host_program("book");
    ask.args(with("needs-debug-build")).stderr(Stdio::inherit());
    let answer = ask.output().context("cannot start cargo")?;
    ensure!(answer.status.success(), "a transcript's toml can't be read");
    if answer.stdout.starts_with(b"true") && !options.built {
        build::debugged(&setup::toolchain()?)?;
    }
    let command = if options.update {
        "update"
    } else {
        "transcripts"
    };
    run("Transcripts", &with(command))
}

/// Runs the program with its own output.
fn run(title: &str, arguments: &[&str]) -> Result<()> {
    ui::note(format!("{title} ..."));
    let status = host_program("book")
        .args(arguments)
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("{title}: the problems are listed above");
    }
    Ok(())
}

/// Records the journeys of this kernel for the book's tests, unless they are newer than the kernel.
pub fn record_for_tests() -> Result<()> {
    let file = paths::scratch().join("microscope.json");
    if build::newer_than(&file, &[paths::boot_image()]) {
        return Ok(());
    }
    std::fs::create_dir_all(paths::scratch())?;
    let mut program = host_program("microscope");
    program.arg("records").arg(&file);
    ui::run_long("Recording the calls that the book shows", &mut program)
}

/// Whether the microscope's page is newer than the kernel.
fn is_recorded() -> bool {
    let parts: [PathBuf; 1] = [paths::boot_image()];
    build::newer_than(Path::new(&paths::target().join("microscope.html")), &parts)
}
