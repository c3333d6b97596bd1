//! `docs/ENTRY.md`: the listing of each entry path, phase by phase, from a record of getpid.
//!
//! Addresses and line numbers are left out: they change with each build. What the compiler makes of the
//! handler depends on its version and options; those parts stand between two marks, and the test of the
//! file leaves them out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use harness::gdb::Register;

use crate::images::{Images, Site};
use crate::notes::Notes;
use crate::phases::{self, Phase};
use crate::record::{Record, Session, Step};
use crate::still;
use crate::stubs::Stubs;

/// Start of a part that the compiler decides.
const COMPILED: &str = "<!-- compiled -->";
/// The mark behind such a part.
const END: &str = "<!-- end -->";

/// The paths: journey, heading, and what to say of the path.
const PATHS: [(&str, &str, &str); 5] = [
    (
        "syscall64-getpid",
        "SYSCALL",
        "from 64-bit code: `entry/syscall.rs`",
    ),
    (
        "syscall32-getpid",
        "SYSCALL32",
        "from 32-bit code, on AMD's CPUs: `entry/syscall.rs`, and `__kernel_vsyscall` of the vDSO",
    ),
    (
        "sysenter-getpid",
        "SYSENTER",
        "from 32-bit code, on Intel's CPUs: `entry/sysenter.rs`, and `__kernel_vsyscall` of the vDSO",
    ),
    (
        "int80-64-getpid",
        "INT 0x80 (64)",
        "from 64-bit code: `entry/int80.rs`",
    ),
    (
        "int80-32-getpid",
        "INT 0x80 (32)",
        "from 32-bit code: `entry/int80.rs`",
    ),
];

/// Whether a journey is one of the paths.
pub fn is_path(id: &str) -> bool {
    PATHS.iter().any(|(path, ..)| *path == id)
}

/// One path, looked up.
struct Path {
    title: &'static str,
    lines: Vec<Line>,
}

impl Path {
    fn boxes(&self) -> Vec<still::Box> {
        let lines = self.lines.iter().map(|line| still::Box {
            phase: line.phase,
            text: line.text.clone(),
            is_user: !line.is_kernel,
        });
        lines.collect()
    }
}

/// One instruction of a path.
struct Line {
    phase: Phase,
    text: String,
    purpose: String,
    is_kernel: bool,
}

/// The files below `docs`, with their content: the listing, and a picture of each path.
///
/// # Errors
/// A path was not recorded, or an address can't be looked up.
pub fn files(sessions: &[Session], stubs: &Stubs, notes: &Notes) -> Result<Vec<(String, String)>> {
    let mut paths = BTreeMap::new();
    for session in sessions {
        let mut images = Images::of(session, stubs)?;
        for record in &session.records {
            paths.insert(record.journey.id, path(record, &mut images, notes)?);
        }
    }
    let paths: Vec<&Path> = PATHS
        .iter()
        .map(|(id, ..)| paths.get(id).with_context(|| format!("no record of {id}")))
        .collect::<Result<_>>()?;
    let mut files = vec![("ENTRY.md".to_owned(), text(&paths)?)];
    for ((id, ..), path) in PATHS.iter().zip(&paths) {
        files.push((
            format!("entry/{id}.svg"),
            still::draw(path.title, &path.boxes(), true),
        ));
    }
    Ok(files)
}

/// The listing.
fn text(paths: &[&Path]) -> Result<String> {
    let mut text = String::from(HEAD);
    text.push_str(&counts(paths));
    for ((id, title, about), path) in PATHS.iter().zip(paths) {
        write!(text, "\n## {title}\n\ngetpid {about}.\n")?;
        write!(
            text,
            "\n![A box for each instruction, by phase](entry/{id}.svg)\n"
        )?;
        // The gate is the same from code of both widths: one listing is enough.
        let earlier = PATHS
            .iter()
            .zip(paths)
            .take_while(|((_, other, _), _)| other != title);
        let same = earlier
            .filter(|(_, other)| kernel_part(other) == kernel_part(path))
            .last();
        match same {
            Some(((_, other, _), _)) => {
                write!(
                    text,
                    "\nThe kernel's instructions are those of {other} above, one for one.\n"
                )?;
            }
            None => listing(&mut text, path)?,
        }
    }
    Ok(text)
}

const HEAD: &str = "\
# The entry paths, instruction by instruction

<!-- Written by `cargo xtask entry` from the running kernel. A test says when it is stale. -->

What each way into the kernel and back is made of: every instruction of one getpid, stepped through in QEMU, from the program's first
instruction to its next one. An instruction by which the CPU enters or returns counts as one. The phases are those of the microscope
(`make microscope`), which shows registers, stack and source lines beside each, and opens at a step by its name: `#syscall64-getpid/@save+3`.

";

/// The table of counts.
fn counts(paths: &[&Path]) -> String {
    let mut table = String::from("| phase |");
    for (_, title, _) in PATHS {
        let _ = write!(table, " {title} |");
    }
    table.push_str(" what it is for |\n|---|");
    table.push_str(&"--:|".repeat(PATHS.len()));
    table.push_str("---|\n");
    for phase in Phase::ALL {
        let _ = write!(table, "| {} |", phase.name());
        for path in paths {
            let count = path.lines.iter().filter(|line| line.phase == phase).count();
            let _ = write!(table, " {count} |");
        }
        let _ = writeln!(table, " {} |", phase.about());
    }
    table.push_str("| all |");
    for path in paths {
        let _ = write!(table, " {} |", path.lines.len());
    }
    table.push_str(" |\n");
    table
}

/// The listing of a path, a table for each run of a phase.
fn listing(text: &mut String, path: &Path) -> Result<()> {
    let runs = path.lines.chunk_by(|one, next| one.phase == next.phase);
    for run in runs {
        let phase = run[0].phase;
        let is_compiled = phase == Phase::Handler;
        if is_compiled {
            write!(text, "\n{COMPILED}")?;
        }
        let about = phase.about();
        write!(text, "\n**{}**, {}: {about}\n\n", phase.name(), run.len())?;
        text.push_str("| | instruction | what for |\n|---|---|---|\n");
        for (index, line) in run.iter().enumerate() {
            writeln!(text, "| +{index} | `{}` | {} |", line.text, line.purpose)?;
        }
        if is_compiled {
            writeln!(text, "{END}")?;
        }
    }
    Ok(())
}

fn kernel_part(path: &Path) -> Vec<(Phase, &str)> {
    let lines = path.lines.iter().filter(|line| line.is_kernel);
    lines.map(|line| (line.phase, line.text.as_str())).collect()
}

fn path(record: &Record, images: &mut Images, notes: &Notes) -> Result<Path> {
    let phases = phases::of(record, &images.kernel);
    let mut lines: Vec<Line> = Vec::new();
    let (mut last_comment, mut last_call) = (String::new(), None);
    for (step, phase) in record.steps.iter().zip(phases) {
        let site = images.site(step)?;
        let comment = site.origin.as_ref().map(|origin| origin.comment.clone());
        let comment = comment.unwrap_or_default();
        // A comment stands at the first instruction below it; the slot of the frame at each push.
        let mut purpose = Vec::new();
        if comment != last_comment && !comment.is_empty() {
            purpose.push(comment.clone());
        }
        last_comment = comment;
        let call = site.origin.as_ref().and_then(|origin| origin.call.clone());
        // `push!` is a push with a note for the debugger.
        let call = call.filter(|name| name != "push");
        if call != last_call
            && let Some(name) = &call
        {
            purpose.push(format!("(`{name}!`)"));
        }
        last_call = call;
        purpose.extend(slot(step, &site));
        // What the hardware does is in no comment of the source.
        if matches!(phase, Phase::HardwareIn | Phase::HardwareOut) {
            purpose.extend(
                notes
                    .find(phase, None, &site.text)
                    .map(|note| notes.text(note)),
            );
        }
        lines.push(Line {
            phase,
            text: site.text,
            purpose: purpose.join(" ").replace('|', "\\|"),
            is_kernel: step.level() == 0,
        });
    }
    ensure!(!lines.is_empty(), "an empty path");
    Ok(Path {
        title: record.journey.title,
        lines,
    })
}

/// The register that a push saves under another name: a constant, or one that holds another's value.
fn slot(step: &Step, site: &Site) -> Option<String> {
    let operand = site.text.strip_prefix("push ")?;
    let write = step.writes.last()?;
    if step.level() != 0 || step.before.get(Register::Rsp) != write.address + 8 {
        return None;
    }
    // The stack's top is at a page's end; frames are directly below it.
    let names = crate::data::frame().ok()?;
    let top = write.address.next_multiple_of(0x1000);
    let name = names.get(((top - write.address) / 8).checked_sub(1)? as usize)?;
    (name != operand).then(|| format!("To the frame's {name}."))
}

/// The parts of the file that don't depend on the compiler, for the test.
#[cfg(test)]
fn stable(text: &str) -> Vec<&str> {
    let mut is_compiled = false;
    let lines = text.lines().filter(|line| {
        is_compiled = *line == COMPILED || is_compiled && *line != END;
        !is_compiled && !line.starts_with("| handler |") && !line.starts_with("| all |")
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kernels;
    use crate::{journeys, sessions};

    #[test]
    fn the_listing_is_that_of_the_kernel() {
        let root = harness::paths::root();
        let stubs = Stubs::read(root).expect("the kernel's source");
        let notes = Notes::read().expect("notes");
        let paths: Vec<_> = journeys::ALL
            .iter()
            .filter(|journey| is_path(journey.id))
            .copied()
            .collect();
        let sessions = sessions(&paths, &Kernels::default()).expect("records");
        for (name, now) in files(&sessions, &stubs, &notes).expect("listings") {
            let kept = std::fs::read_to_string(root.join("docs").join(&name)).unwrap_or_default();
            let (now, kept) = (stable(&now), stable(&kept));
            let differs = now.iter().zip(&kept).find(|(now, kept)| now != kept);
            let stale = format!("docs/{name} is stale: `cargo xtask entry`");
            assert!(differs.is_none(), "{stale}: {differs:?}");
            assert_eq!(now.len(), kept.len(), "{stale}");
        }
    }

    #[test]
    fn the_compilers_parts_are_left_out() {
        let text = format!("a\n{COMPILED}\nb\n{END}\nc\n| handler | 7 |\n| all | 9 |\nd");
        assert_eq!(stable(&text), ["a", END, "c", "d"]);
    }
}
