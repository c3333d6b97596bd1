//! `make labs`, `make grade`, `make student-repo`, `make grade-all`: the labs.
//!
//! The program that grades is a crate of its own, `xtask/labs`, which reads more than each command
//! should wait for. It builds a graded tree by `lab-image` of this program.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::ArgMatches;

use crate::build;
use crate::options::{self, get, text};
use crate::setup::{self, needs};
use crate::toolchain::host_program;
use crate::ui;

/// Options of the labs' commands.
#[derive(Clone, Debug)]
pub struct Options {
    lab: String,
    seed: String,
    solution: String,
    dir: String,
    student: String,
}

impl options::Options for Options {
    fn declare(command: clap::Command) -> clap::Command {
        let lab = "The lab's number";
        let seed = "The number that decides the random values; a report names its own";
        let solution = "In the instructor's tree: starter, reference, answers, or the name of a wrong solution";
        command
            .arg(text("lab", "LAB", lab))
            .arg(text("seed", "SEED", seed))
            .arg(text("solution", "SOLUTION", solution))
            .arg(text(
                "dir",
                "DIR",
                "The folder to write, or the folder of submissions",
            ))
            .arg(text(
                "student",
                "STUDENT",
                "The student's name, which chooses the variants",
            ))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            lab: get(matches, "lab"),
            seed: get(matches, "seed"),
            solution: get(matches, "solution"),
            dir: get(matches, "dir"),
            student: get(matches, "student"),
        }
    }
}

/// The program with these words.
pub fn program(words: &[&str]) -> Result<Command> {
    let mut labs = host_program("labs");
    labs.args(words);
    let this = std::env::current_exe().context("cannot find this program")?;
    labs.env("XTASK", this);
    // A folder is the caller's, not the repository's.
    labs.current_dir(std::env::current_dir()?);
    Ok(labs)
}

fn start(words: &[&str]) -> Result<ExitCode> {
    let status = program(words)?
        .status()
        .context("cannot start the labs' program")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// Lists the labs.
pub fn list() -> Result<ExitCode> {
    start(&["list"])
}

/// Grades the working tree.
pub fn grade(options: &Options) -> Result<ExitCode> {
    ready()?;
    start(&[
        "grade",
        &options.lab,
        &options.seed,
        &options.solution,
        &options.student,
    ])
}

/// Writes a student's repository.
pub fn student_repo(options: &Options) -> Result<ExitCode> {
    start(&["student-repo", &options.dir, &options.student])
}

/// Grades a folder of submissions.
pub fn grade_all(options: &Options) -> Result<ExitCode> {
    ready()?;
    start(&["grade-all", &options.dir, &options.lab])
}

/// Grades all solutions of all labs: references, wrong ones, and references without one rule.
pub fn prove_all() -> Result<()> {
    ui::run_long(
        "All solutions of the labs",
        &mut program(&["prove", "all"])?,
    )
}

/// What a grading needs: its own build would find the tools missing one by one.
fn ready() -> Result<()> {
    setup::packages(needs::of("grade"))?;
    setup::toolchain()?;
    Ok(())
}

/// Builds the kernel of the tree that `TRIDENT_ROOT` names.
pub fn image() -> Result<()> {
    build::lab_image()
}
