//! The microscope: records every instruction of a call on the running machine, and makes a page of the
//! records, and `docs/ENTRY.md`.
//!
//! ```text
//! journeys.rs  which calls             record.rs  steps through them by QEMU's gdb stub
//! decode.rs, symbols.rs, stubs/, vdso.rs, images.rs    an instruction's text, function and source line
//! phases.rs    what a stretch is for   notes.rs   explanations of single instructions
//! data.rs      all of it as JSON       page.rs    the page around it
//! ```
//!
//! `cargo xtask microscope` builds what is recorded, and calls this program. Apart from the explanations
//! everything on the page comes from the running image: it is never older than the kernel.

#![forbid(unsafe_code)]

#[cfg(test)]
mod browser;
mod data;
mod decode;
mod entry;
mod images;
mod journeys;
mod notes;
mod page;
mod phases;
mod record;
mod still;
mod stubs;
mod symbols;
mod vdso;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use harness::paths;

use journeys::{ALL, Journey};
use record::{Kernels, Linux, Session};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    match (command.as_str(), arguments.next(), arguments.next()) {
        ("page", Some(kernel), Some(append)) => write_page(Some(Linux {
            kernel: PathBuf::from(kernel),
            append,
        })),
        ("page", None, None) => write_page(None),
        ("records", Some(file), None) => write_records(&PathBuf::from(file)),
        ("assemble", None, None) => assemble(),
        ("entry", None, None) => write_entry(),
        ("doors", Some(kernel), Some(append)) => print_doors(Linux {
            kernel: PathBuf::from(kernel),
            append,
        }),
        _ => bail!(
            "usage: microscope page [LINUX COMMAND-LINE] | records FILE | assemble | entry | doors LINUX COMMAND-LINE"
        ),
    }
}

/// Records all journeys, those on Linux if there is one, and writes `target/microscope.html`.
fn write_page(linux: Option<Linux>) -> Result<()> {
    let wanted: Vec<Journey> = ALL
        .iter()
        .filter(|journey| linux.is_some() || !journey.machine.is_linux)
        .copied()
        .collect();
    let kernels = Kernels {
        linux,
        ..Kernels::default()
    };
    let path = records();
    std::fs::write(&path, page_data(&wanted, &kernels)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    assemble()
}

/// Records all journeys of this kernel, and writes the data without a page: the book's tests look for
/// the steps in it that chapters name.
fn write_records(file: &Path) -> Result<()> {
    let wanted = ALL.iter().filter(|journey| !journey.machine.is_linux);
    let wanted: Vec<Journey> = wanted.copied().collect();
    std::fs::write(file, page_data(&wanted, &Kernels::default())?)
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Records these journeys; returns the page's data.
fn page_data(wanted: &[Journey], kernels: &Kernels) -> Result<String> {
    let stubs = stubs::Stubs::read(paths::root())?;
    let notes = notes::Notes::read()?;
    let mut data = data::Data::new(&stubs, &notes);
    for session in sessions(wanted, kernels)? {
        data.add(&session)?;
    }
    // A note for code that is gone would explain nothing.
    let unused = notes.unused(kernels.linux.is_some());
    let is_whole = ALL
        .iter()
        .filter(|journey| !journey.machine.is_linux)
        .count()
        <= wanted.len();
    ensure!(
        !is_whole || unused.is_empty(),
        "no step has the notes {}",
        unused.join(", ")
    );
    data.finish(wanted.iter().map(|journey| journey.id))
}

/// The data of the last page.
fn records() -> PathBuf {
    paths::target().join("microscope.json")
}

/// Makes the page of the last records, for work on its scripts and style.
fn assemble() -> Result<()> {
    let records = records();
    let json = std::fs::read_to_string(&records)
        .with_context(|| format!("cannot read {}", records.display()))?;
    let path = paths::target().join("microscope.html");
    std::fs::write(&path, page::make(&json)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// Records getpid by each door, and writes `docs/ENTRY.md` and its pictures.
fn write_entry() -> Result<()> {
    let wanted: Vec<Journey> = ALL
        .iter()
        .filter(|journey| entry::is_path(journey.id))
        .copied()
        .collect();
    let notes = notes::Notes::read()?;
    let stubs = stubs::Stubs::read(paths::root())?;
    for (name, text) in entry::files(&sessions(&wanted, &Kernels::default())?, &stubs, &notes)? {
        let file = paths::root().join("docs").join(name);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        println!("Wrote {}", file.display());
    }
    Ok(())
}

/// Records getpid by each door on both kernels. A line for each has the number of instructions from the
/// one that enters to the program's next one, and the kernel's symbol at which it enters.
fn print_doors(linux: Linux) -> Result<()> {
    let is_door = |id: &str| entry::is_path(id.strip_prefix("linux-").unwrap_or(id));
    let wanted: Vec<Journey> = ALL
        .iter()
        .filter(|journey| is_door(journey.id))
        .copied()
        .collect();
    let kernels = Kernels {
        linux: Some(linux),
        ..Kernels::default()
    };
    for session in sessions(&wanted, &kernels)? {
        let symbols = match &session.kallsyms {
            Some(text) => symbols::of_kallsyms(text),
            None => symbols::of_file(&paths::kernel())?,
        };
        for record in &session.records {
            let inside = record.steps.iter().filter(|step| step.level() == 0);
            let first = inside.clone().next().context("it never enters")?;
            let (name, _) = symbols.near(first.rip).context("it enters nowhere")?;
            let (id, steps) = (record.journey.id, 1 + inside.count());
            println!("door: {id} {steps} {name}");
        }
    }
    Ok(())
}

/// Records on all machines, two at a time: most of a record's time is QEMU's and Linux's boot.
fn sessions(journeys: &[Journey], kernels: &Kernels) -> Result<Vec<Session>> {
    let machines = journeys::machines(journeys);
    let record = |part: usize| -> Result<Vec<Session>> {
        let own = machines.iter().skip(part).step_by(2);
        own.map(|machine| record::record(*machine, journeys, kernels))
            .collect()
    };
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| record(1));
        (record(0), other.join())
    });
    let other = other.map_err(|_| anyhow::anyhow!("the recorder panicked"))?;
    Ok(one?.into_iter().chain(other?).collect())
}
