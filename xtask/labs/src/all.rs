//! `make grade-all DIR=...`: a folder of submissions, each a student's tree, graded by the
//! instructor's tree: a table for a spreadsheet, and a text for each student.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use harness::paths;

use crate::grade::{Task, grade as grade_one};
use crate::lab::Lab;
use crate::student;
use crate::tree::Tree;

/// Grades each folder of `folder`: all labs, or the one of that number. The table is
/// `FOLDER/grades.csv`, the texts are `FOLDER/NAME.txt`.
pub fn grade(folder: &Path, number: &str) -> Result<ExitCode> {
    ensure!(
        !folder.as_os_str().is_empty(),
        "`make grade-all DIR=folder`, and LAB=2 for one lab"
    );
    let root = paths::own_root();
    let full = Tree::read(root)?;
    let labs = Lab::all(root)?;
    let chosen: Vec<&Lab> = if number.is_empty() {
        labs.iter().collect()
    } else {
        let number: u32 = number.parse().context("LAB is not a number")?;
        labs.iter()
            .filter(|lab| lab.rules.number == number)
            .collect()
    };
    ensure!(!chosen.is_empty(), "no lab {number}");
    let mut names = Vec::new();
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let entry = entry?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    let mut table = "student,lab,verdict,points,of,seed,remark\n".to_owned();
    for name in &names {
        eprintln!("  {name}");
        let mut text = String::new();
        for lab in &chosen {
            let seed = u64::from(fastrand::u32(..));
            let row = one(&full, &labs, lab, name, &folder.join(name), seed);
            let (verdict, points, remark) = match row {
                Ok(graded) => {
                    text += &graded.text;
                    text.push('\n');
                    (graded.verdict, graded.points, graded.remark)
                }
                Err(error) => {
                    let _ = writeln!(text, "Lab {}: not graded: {error:#}\n", lab.rules.number);
                    ("NOT GRADED", 0, format!("{error:#}"))
                }
            };
            let _ = writeln!(
                table,
                "{},{},{verdict},{points},{},{seed},{}",
                quoted(name),
                lab.rules.number,
                lab.points(),
                quoted(&remark)
            );
        }
        let path = folder.join(format!("{name}.txt"));
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        // After each one: a stopped run loses nothing.
        std::fs::write(folder.join("grades.csv"), &table)?;
    }
    println!(
        "{} submissions: {}",
        names.len(),
        folder.join("grades.csv").display()
    );
    Ok(ExitCode::SUCCESS)
}

struct Graded {
    verdict: &'static str,
    points: u32,
    remark: String,
    text: String,
}

fn one(
    full: &Tree,
    labs: &[Lab],
    lab: &Lab,
    name: &str,
    folder: &Path,
    seed: u64,
) -> Result<Graded> {
    let handed_in = Tree::read(folder)?;
    let claimed = student::name(&handed_in);
    let owner = claimed.clone().unwrap_or_else(|| name.to_owned());
    let (starter, _) = student::tree(full, labs, &owner)?;
    let mut remark = String::new();
    if owner != name {
        remark = format!("the tree is {owner}'s");
    } else if claimed.is_none() {
        "labs/student is missing".clone_into(&mut remark);
    }
    let report = grade_one(Task {
        lab,
        starter: &starter,
        handed_in: &handed_in,
        seed,
    })?;
    Ok(Graded {
        verdict: report.verdict().name(),
        points: report.points().0,
        remark,
        text: report.text(),
    })
}

/// A field of the table.
fn quoted(text: &str) -> String {
    let line = text.replace(['\n', '\r'], " ");
    format!("\"{}\"", line.replace('"', "\"\""))
}
