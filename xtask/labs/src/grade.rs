//! Grading: the student's files in a fresh tree, its build, its machines, the report.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use harness::paths;
use regex_lite::Regex;

use crate::crash::Crash;
use crate::graders;
use crate::holes;
use crate::lab::{Lab, Variant};
use crate::machine::{Bench, Kernel, compile};
use crate::report::{Marks, Report};
use crate::student;
use crate::tree::Tree;

/// Lines of a compiler's message that a report has.
const MOST_LINES: usize = 14;

/// Edited files that a report names.
const MOST_FILES: usize = 8;

/// One grading.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The lab.
    pub lab: &'a Lab,
    /// The student's tree as handed out.
    pub starter: &'a Tree,
    /// The student's tree as handed in.
    pub handed_in: &'a Tree,
    /// What decides the random values.
    pub seed: u64,
}

/// What a grader gets.
#[derive(Debug)]
pub struct Context<'a> {
    /// The student's tree as handed in.
    pub handed_in: &'a Tree,
    /// The student's variant.
    pub variant: Option<&'a Variant>,
    /// Random values.
    pub random: fastrand::Rng,
    /// The lab's own program for the machine.
    pub program: &'a Path,
}

/// The tree to be graded.
enum Fresh {
    /// It, and the checks whose holes have the given pieces, with the holes' names.
    Tree(Tree, Vec<(String, String)>),
    /// No hole has been begun.
    NotBegun,
    /// The marks of a hole are damaged: in what way.
    Refused(String),
}

/// Grades one lab.
pub fn grade(task: Task<'_>) -> Result<Report> {
    // All gradings of this tree build in one folder.
    std::fs::create_dir_all(paths::target())?;
    let turn = std::fs::File::create(paths::target().join("labs.lock"))?;
    turn.lock()?;
    let mut marks = Marks::new(task.lab);
    let mut notes = Vec::new();
    let left_out = left_out(task)?;
    if !left_out.is_empty() {
        notes.push(format!(
            "these edits are not part of lab {}, and were left out: {}",
            task.lab.rules.number,
            left_out.join(", ")
        ));
    }
    match fresh(task)? {
        Fresh::NotBegun => {
            let letters = task.lab.rules.hole.keys().map(char::to_string);
            let letters: Vec<String> = letters.collect();
            let files = task.lab.rules.files.join(", ");
            marks.end(
                "not-begun",
                &[("holes", letters.join(", ")), ("files", files)],
            )?;
        }
        Fresh::Refused(why) => marks.end("marks", &[("why", why)])?,
        Fresh::Tree(tree, given) => {
            for (check, holes) in given {
                marks.fail(&check, "hole-not-begun", &[("holes", holes)])?;
            }
            match image(&tree)? {
                Ok(kernel) => run(task, kernel, &mut marks, &mut notes)?,
                Err(output) if left_out.is_empty() => {
                    marks.end("build", &[("error", compiler_errors(&output))])?;
                }
                Err(output) => {
                    let error = compiler_errors(&output);
                    let files = left_out.join(", ");
                    marks.end("refused", &[("error", error), ("files", files)])?;
                }
            }
        }
    }
    let mut report = marks.report();
    report.notes = notes;
    report.again = format!(
        "make grade LAB={} SEED={}",
        task.lab.rules.number, task.seed
    );
    Ok(report)
}

/// Boots the kernel with the lab's program, and marks the checks.
fn run(
    task: Task<'_>,
    kernel: Kernel,
    marks: &mut Marks<'_>,
    notes: &mut Vec<String>,
) -> Result<()> {
    let program = compile(
        &task.lab.folder.join(&task.lab.rules.program),
        64,
        &options(task),
    )?;
    let bench = match Bench::calibrate(kernel, &program)? {
        Ok(bench) => bench,
        Err(crash) => return end_by(task.lab, marks, &crash),
    };
    notes.push(format!(
        "a boot took {:.1} s here; a machine had {:.0} s",
        bench.boot.as_secs_f64(),
        bench.limit.as_secs_f64()
    ));
    let student = student::student_of(task.handed_in);
    let mut context = Context {
        handed_in: task.handed_in,
        variant: task.lab.variant(&student),
        random: fastrand::Rng::with_seed(task.seed),
        program: &program,
    };
    match graders::of(task.lab.rules.number)?(&mut context, &bench, marks)? {
        Some(crash) => end_by(task.lab, marks, &crash),
        None => Ok(()),
    }
}

/// The seed of a lab whose program has one: the student's, from the tree as it was handed out.
fn options(task: Task<'_>) -> Vec<String> {
    let seed = task.starter.text(&student::seed_file(task.lab));
    let seed = seed.unwrap_or_default().split_whitespace().nth(2);
    seed.map(|seed| format!("-DSEED={seed}"))
        .into_iter()
        .collect()
}

/// The machine's end decides the checks that are still open.
fn end_by(lab: &Lab, marks: &mut Marks<'_>, crash: &Crash) -> Result<()> {
    let text = format!("{}: {}", crash.kind, crash.cause);
    let mut message = crash.kind.to_owned();
    for rule in &lab.rules.crash {
        if Regex::new(&rule.pattern)?.is_match(&text) {
            message.clone_from(&rule.message);
            break;
        }
    }
    marks.end(&message, &[("cause", crash.cause.clone())])
}

/// The starter with the student's files of the lab in it.
fn fresh(task: Task<'_>) -> Result<Fresh> {
    let number = task.lab.rules.number;
    let mut tree = task.starter.clone();
    let mut given = Vec::new();
    let mut begun = 0;
    for path in &task.lab.rules.files {
        let starter = task.starter.text(path).unwrap_or_default();
        let holes = holes::of_file(path, starter)?;
        let holes: Vec<_> = holes.iter().filter(|hole| hole.lab == number).collect();
        if holes.is_empty() {
            match task.handed_in.get(path) {
                Some(bytes) => tree.set(path, bytes),
                None => tree.remove(path),
            }
            continue;
        }
        let handed_in = match task.handed_in.text(path) {
            Ok(text) => text,
            Err(error) => return Ok(Fresh::Refused(format!("{error:#}"))),
        };
        let theirs = match holes::of_file(path, handed_in) {
            Ok(holes) => holes,
            Err(error) => return Ok(Fresh::Refused(format!("{error:#}"))),
        };
        for hole in holes {
            let same = |other: &&holes::Hole| (other.lab, other.letter) == (number, hole.letter);
            let Some(their) = theirs.iter().find(same) else {
                let letter = hole.letter;
                let why = format!(
                    "{path} lacks the lines \"// LAB {number} HOLE {letter}\" and \"END {letter}\""
                );
                return Ok(Fresh::Refused(why));
            };
            if holes::is_given(&their.text, &hole.name()) {
                given.push(hole.letter);
                continue;
            }
            begun += 1;
            let text = holes::fill(path, tree.text(path)?, number, hole.letter, &their.text)?;
            tree.set(path, text);
            tree.remove(&format!("labs/given/{}.sealed", hole.name()));
        }
    }
    if begun == 0 && !given.is_empty() {
        return Ok(Fresh::NotBegun);
    }
    let checks = task.lab.rules.check.iter().filter_map(|check| {
        let open: Vec<String> = given
            .iter()
            .filter(|letter| check.holes.contains(**letter))
            .map(char::to_string)
            .collect();
        (!open.is_empty()).then(|| (check.id.clone(), open.join(", ")))
    });
    Ok(Fresh::Tree(tree, checks.collect()))
}

/// The files with edits that don't belong to the lab: of a file with holes, edits outside of them.
/// Files of other labs and files that are no source are not among them.
fn left_out(task: Task<'_>) -> Result<Vec<String>> {
    let number = task.lab.rules.number;
    let labs = Lab::all(paths::own_root())?;
    let others = labs.iter().filter(|lab| lab.rules.number != number);
    let of_others: Vec<&String> = others.flat_map(|lab| &lab.rules.files).collect();
    let is_source = |path: &str| {
        let endings = [".rs", ".toml", ".ld", ".lds", ".map", ".h"];
        let folders = ["kernel/", "user/", "boot/", "xtask/", "tests/src/"];
        folders.iter().any(|folder| path.starts_with(folder))
            && endings.iter().any(|ending| path.ends_with(ending))
    };
    let mut found = Vec::new();
    for path in task.starter.differences(task.handed_in) {
        // A submission may have the lab's files alone.
        if task.handed_in.get(&path).is_none() {
            continue;
        }
        if task.lab.rules.files.contains(&path) {
            // Of another lab's hole in the same file the edits are that lab's.
            let without_holes = |tree: &Tree| -> Option<String> {
                let mut text = tree.text(&path).ok()?.to_owned();
                let holes = holes::of_file(&path, &text).ok()?;
                for hole in &holes {
                    text = holes::fill(&path, &text, hole.lab, hole.letter, "").ok()?;
                }
                (!holes.is_empty()).then_some(text)
            };
            let (before, after) = (without_holes(task.starter), without_holes(task.handed_in));
            if before.is_some() && after.is_some() && before != after {
                found.push(format!("{path} (outside of the holes)"));
            }
        } else if is_source(&path) && !of_others.contains(&&path) {
            found.push(path);
        }
    }
    let more = found.len().saturating_sub(MOST_FILES);
    if more > 0 {
        found.truncate(MOST_FILES);
        found.push(format!("and {more} more"));
    }
    Ok(found)
}

/// Builds a tree's kernel in the folder that all gradings share. A failure of the build is the
/// result's: the compiler's text.
pub fn image(tree: &Tree) -> Result<Result<Kernel, String>> {
    let folder = paths::target().join("labs/tree");
    let target = paths::target().join("labs/build");
    tree.write(&folder)?;
    let xtask = std::env::var_os("XTASK").context("XTASK is not set: start this by make")?;
    let mut command = Command::new(xtask);
    command.arg("lab-image").current_dir(&folder);
    command
        .env("TRIDENT_ROOT", &folder)
        .env("CARGO_TARGET_DIR", &target);
    command
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null());
    let output = command.output().context("cannot start the build")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Ok(Err(text));
    }
    let image = target.join("trident-lab.elf");
    let elf = target.join("kernel-lab.elf");
    if !image.exists() || !elf.exists() {
        bail!("the build made no {}", image.display());
    }
    Ok(Ok(Kernel { image, elf }))
}

/// The first errors of a compiler's output, as lines of program text.
fn compiler_errors(output: &str) -> String {
    // A misspelt register is an unknown symbol to the linker, whose whole command line comes first.
    let is_said = |line: &&str| {
        line.len() < 200
            && !line.contains("use `--verbose`")
            && !line.starts_with("error: could not compile")
            && !line.starts_with("error: Building")
    };
    let lines = output.lines().filter(is_said);
    let from = lines.skip_while(|line| !line.starts_with("error"));
    let from: Vec<&str> = from.take(MOST_LINES).collect();
    let lines = if from.is_empty() {
        let mut last: Vec<&str> = output.lines().rev().take(MOST_LINES).collect();
        last.reverse();
        last
    } else {
        from
    };
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
    format!("\n{}", lines.join("\n"))
}
