//! The labs: their list, the student's tree, and the grading of solutions.
//!
//! ```text
//! lab.rs       labs/NN-name/lab.toml        holes.rs, seal.rs    pieces cut out of the kernel
//! tree.rs      files in memory              student.rs           the student's tree
//! grade.rs     fresh tree, build, report    machine.rs, crash.rs the machines and their ends
//! graders/     the checks of each lab       solution.rs, prove.rs    references, wrong solutions
//! all.rs       a folder of submissions
//! ```
//!
//! `cargo xtask grade` and its neighbours start this program; CONTRIBUTING.md says how to add a lab.

#![forbid(unsafe_code)]

mod all;
mod crash;
mod grade;
mod graders;
mod holes;
mod lab;
mod machine;
mod prove;
mod report;
mod seal;
mod solution;
mod student;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use harness::paths;

use grade::Task;
use lab::{Lab, Verdict};
use solution::{Changes, Solutions};
use tree::Tree;

fn main() -> ExitCode {
    harness::child::end_at_closed_pipe();
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => list(),
        ["grade", number, seed, solution, name] => grade(number, seed, solution, name),
        ["student-repo", folder, name] => student_repo(Path::new(folder), name),
        ["grade-all", folder, number] => all::grade(Path::new(folder), number),
        ["prove", which] => prove::command(which, ""),
        ["prove", which, filter] => prove::command(which, filter),
        _ => bail!(
            "usage: labs list | grade LAB SEED SOLUTION NAME | student-repo DIR NAME | grade-all DIR LAB | prove all|quick|LAB"
        ),
    }
}

/// `make labs`: the labs, and the student's variants.
fn list() -> Result<ExitCode> {
    let root = paths::own_root();
    let tree = Tree::read(root)?;
    let student = student::name(&tree);
    let labs = Lab::all(root)?;
    for lab in &labs {
        let rules = &lab.rules;
        println!(
            "Lab {}: {} ({} h, {} points)",
            rules.number,
            rules.title,
            rules.hours,
            lab.points()
        );
        println!("    {}", rules.goal.trim());
        println!("    Text: labs/{}/README.md", lab.name);
        println!("    Your files: {}", rules.files.join(", "));
        if let Some(variant) = student.as_deref().and_then(|name| lab.variant(name)) {
            println!("    Yours: {}", variant.about);
        }
        println!();
    }
    match &student {
        Some(name) => println!("This tree is {name}'s. `make grade LAB=2` grades lab 2."),
        None => println!(
            "This tree has the solutions. `make student-repo DIR=... STUDENT=name` makes a student's."
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// The seed as given, or a new one.
fn seed_of(text: &str) -> Result<u64> {
    if text.is_empty() {
        return Ok(u64::from(fastrand::u32(..)));
    }
    text.parse()
        .with_context(|| format!("SEED={text} is not a number"))
}

fn number_of(text: &str) -> Result<u32> {
    text.parse().with_context(|| {
        format!("LAB={text}: `make labs` lists the labs, `make grade LAB=2` grades lab 2")
    })
}

/// `make grade LAB=n`.
fn grade(number: &str, seed: &str, solution: &str, name: &str) -> Result<ExitCode> {
    let root = paths::own_root();
    let lab = Lab::of_number(root, number_of(number)?)?;
    let seed = seed_of(seed)?;
    let working = Tree::read(root)?;
    let (starter, handed_in) = if student::is_student(&working) {
        ensure!(solution.is_empty(), "SOLUTION is for the instructor's tree");
        (Tree::first_commit(root)?, working)
    } else {
        let (starter, holes) = student::tree(&working, &Lab::all(root)?, or_trident(name))?;
        let solutions = Solutions::read(&lab, &holes)?;
        let solve = |more: &Changes| solutions.solve(&lab, &starter, &holes, more);
        let handed_in = match solution {
            "" | "reference" => solve(&Changes::default())?,
            "starter" | "answers" => starter.clone(),
            name => {
                let wrong = solutions.wrong.get(name);
                let names: Vec<&str> = solutions.wrong.keys().map(String::as_str).collect();
                let text = || format!("no solution {name}; there are {}", names.join(", "));
                let wrong = wrong.with_context(text)?;
                eprintln!("  {name}: {}", wrong.why);
                solve(&wrong.changes)?
            }
        };
        (starter, handed_in)
    };
    eprintln!("  Grading lab {}: {}", lab.rules.number, lab.rules.title);
    let report = grade::grade(Task {
        lab: &lab,
        starter: &starter,
        handed_in: &handed_in,
        seed,
    })?;
    if solution == "answers" {
        print!("{}", report.answers);
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", report.text());
    Ok(match report.verdict() {
        Verdict::Ok => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// A student's name, or the one whose variants the solutions are tried in.
fn or_trident(name: &str) -> &str {
    if name.is_empty() { "trident" } else { name }
}

/// `make student-repo DIR=...`.
fn student_repo(folder: &Path, name: &str) -> Result<ExitCode> {
    ensure!(
        !folder.as_os_str().is_empty(),
        "`make student-repo DIR=folder STUDENT=name`"
    );
    let name = or_trident(name);
    let root = paths::own_root();
    let labs = Lab::all(root)?;
    student::write_repository(&Tree::read(root)?, &labs, name, folder)?;
    println!(
        "{} is {name}'s repository. There: make labs",
        folder.display()
    );
    Ok(ExitCode::SUCCESS)
}
