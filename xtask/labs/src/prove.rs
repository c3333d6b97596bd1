//! The proof that the labs' checks check: starters fail with their message, references have all
//! points, wrong solutions lose the check and get the message that they should, and a reference
//! without one of the lab's rules loses that rule's checks.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use harness::paths;

use crate::grade::{Task, grade};
use crate::graders::tour;
use crate::lab::{Lab, Verdict};
use crate::report::{Ending, Report};
use crate::solution::{Changes, Solutions};
use crate::student;
use crate::tree::{Tree, git};

/// The student whose variant the solutions are tried in.
const STUDENT: &str = "trident";
/// Further students of `quick`, whose variants change with the commit.
const OTHERS: usize = 2;

/// A grading with a known result.
struct Trial<'a> {
    lab: &'a Lab,
    name: String,
    student: String,
    /// Changes of the reference; `None` is the starter.
    changes: Option<Changes>,
    /// With the answers that a first grading finds in place of the reference's.
    answers: bool,
    expected: Expected,
}

/// The known result.
enum Expected {
    /// No points.
    Nothing,
    /// All points.
    Everything,
    /// This check fails with this message.
    Message(String, String),
    /// These checks fail.
    Loss(Vec<String>),
}

impl Expected {
    fn compare(&self, report: &Report) -> Result<()> {
        let (points, all) = report.points();
        match self {
            Self::Nothing if points > 0 || report.verdict() == Verdict::Ok => {
                bail!("it has points")
            }
            Self::Everything if points != all || report.verdict() != Verdict::Ok => {
                bail!("{points} of {all} points")
            }
            Self::Message(check, message) => match report.ending(check) {
                Some(Ending::Failed(found, _)) if found == message => Ok(()),
                other => bail!("{check} should say {message}: {other:?}"),
            },
            Self::Loss(checks) => {
                let lost = report.lost();
                let kept = checks.iter().find(|check| !lost.contains(&check.as_str()));
                match kept {
                    None if !checks.is_empty() => Ok(()),
                    _ => bail!("{kept:?} should fail; lost: {lost:?}"),
                }
            }
            _ => Ok(()),
        }
    }
}

/// `quick`: starters and references, and the references of further variants; `all`: wrong solutions
/// and mutations too; a number: all of that lab. Only those whose names contain `filter`. The last
/// line is that of a test program.
pub fn command(which: &str, filter: &str) -> Result<ExitCode> {
    let full = Tree::read(paths::own_root())?;
    let labs = Lab::all(paths::own_root())?;
    let (mut passed, mut failed) = (0, 0);
    for trial in trials(&full, &labs, which)? {
        let name = format!("lab {}, {}", trial.lab.rules.number, trial.name);
        if !name.contains(filter) {
            continue;
        }
        let begun = Instant::now();
        let report = run(&full, &labs, &trial)?;
        let seconds = begun.elapsed().as_secs_f64();
        let (points, all) = report.points();
        let verdict = report.verdict().name();
        print!("test {name} ... ");
        match trial.expected.compare(&report) {
            Ok(()) => {
                passed += 1;
                println!("ok ({verdict}, {points} of {all}; {seconds:.0} s)");
            }
            Err(error) => {
                failed += 1;
                println!("FAILED: {error:#}\n{}", report.text());
            }
        }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored");
    Ok(ExitCode::from(u8::from(failed > 0)))
}

fn trials<'a>(full: &Tree, labs: &'a [Lab], which: &str) -> Result<Vec<Trial<'a>>> {
    let number: Option<u32> = which.parse().ok();
    let mut trials = Vec::new();
    for lab in labs {
        if number.is_some_and(|number| number != lab.rules.number) {
            continue;
        }
        let trial = |name: &str, changes: Option<Changes>, expected: Expected| Trial {
            lab,
            name: name.to_owned(),
            student: STUDENT.to_owned(),
            changes,
            answers: false,
            expected,
        };
        let nothing = Some(Changes::default());
        trials.push(trial("starter", None, Expected::Nothing));
        trials.push(trial("reference", nothing.clone(), Expected::Everything));
        // A lab with a seed has other answers for each student.
        let has_seed = full.get(&student::seed_file(lab)).is_some();
        if !lab.rules.variant.is_empty() || has_seed {
            for student in others() {
                let name = format!("reference of variant {student}");
                let trial = trial(&name, nothing.clone(), Expected::Everything);
                trials.push(Trial {
                    student,
                    answers: has_seed,
                    ..trial
                });
            }
        }
        if which == "quick" {
            continue;
        }
        let (_, holes) = student::tree(full, labs, STUDENT)?;
        let solutions = Solutions::read(lab, &holes)?;
        for (name, wrong) in solutions.wrong {
            let expected = Expected::Message(wrong.check, wrong.message);
            trials.push(trial(
                &format!("wrong/{name}"),
                Some(wrong.changes),
                expected,
            ));
        }
        for mutation in solutions.mutations {
            let name = format!("without: {}", mutation.rule);
            trials.push(trial(
                &name,
                Some(mutation.changes),
                Expected::Loss(mutation.falls),
            ));
        }
    }
    Ok(trials)
}

/// Students with other variants: the commit decides which.
fn others() -> Vec<String> {
    let head = git(paths::own_root(), &["rev-parse", "--short", "HEAD"]).unwrap_or_default();
    let head = String::from_utf8_lossy(&head).trim().to_owned();
    (0..OTHERS)
        .map(|number| format!("{head}-{number}"))
        .collect()
}

fn run(full: &Tree, labs: &[Lab], trial: &Trial<'_>) -> Result<Report> {
    let (starter, holes) = student::tree(full, labs, &trial.student)?;
    let handed_in = match &trial.changes {
        None => starter.clone(),
        Some(changes) => {
            let solutions = Solutions::read(trial.lab, &holes)?;
            solutions.solve(trial.lab, &starter, &holes, changes)?
        }
    };
    let task = Task {
        lab: trial.lab,
        starter: &starter,
        handed_in: &handed_in,
        seed: u64::from(fastrand::u32(..)),
    };
    if !trial.answers {
        return grade(task);
    }
    let mut answered = handed_in.clone();
    answered.set(tour::ANSWERS, grade(task)?.answers);
    grade(Task {
        handed_in: &answered,
        ..task
    })
}
