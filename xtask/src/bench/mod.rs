//! `make bench`: the cost of each call in instructions, beside Linux's recorded figures.
//!
//! Under `-icount shift=0,sleep=off` QEMU's time stamp counter advances by one for each guest
//! instruction, so that a figure repeats to the instruction. It does not show the hardware's work
//! inside one instruction: the interrupt gate's own cost, the TLB flush of a CR3 write. The
//! programs print `bench: NAME COUNT` lines: `bench` for the doors ([`rows`]),
//! `workloads` for processes, memory and files ([`workloads`]), which Linux runs too ([`linux`]).
//! The rows of `tests/programs/costs/` are compared with their published figures ([`kept`]).
//! A figure that misses its goal fails the command.

mod boot;
pub mod compare;
mod door_paths;
mod kept;
pub mod linux;
mod programs;
mod rows;
pub mod silicon;
pub mod steps;
mod workloads;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use harness::{Initramfs, Outcome, Verdict, Vm, paths};
use serde_json::{Value, json};

use crate::build::{self, write_if_changed};
use crate::setup::{self, needs};
use crate::ui::{self, Step};
use rows::{ROWS, Row, Run};

/// A figure for each name that the program printed.
type Figures = BTreeMap<String, f64>;

/// Installs what is missing, builds, measures, prints the tables and writes the JSON file.
pub fn command() -> Result<()> {
    setup::packages(needs::of("bench"))?;
    build::everything(&setup::toolchain()?)?;

    let mut measured: BTreeMap<Run, Figures> = BTreeMap::new();
    for run in Run::ALL {
        let step = Step::begin_long(format!("Counting instructions, {}", run.title()));
        measured.insert(run, measure(run)?);
        step.end();
    }
    let step = Step::begin_long("Stepping through one getpid at each door");
    let stepped: Vec<(steps::Door, u32)> = steps::DOORS
        .into_iter()
        .map(|door| Ok((door, steps::count(door)?)))
        .collect::<Result<_>>()?;
    step.end();
    let work = workloads::measure()?;
    let dearer = kept::missed()?;
    let step = Step::begin_long("Timing the boot, finding the smallest memory");
    let boot = boot::measure()?;
    step.end();

    println!("{}", table(&measured, &stepped));
    println!("{work}");
    println!("{boot}");
    println!("{}", rows::EXPLANATION);
    let file = paths::target().join("bench.json");
    let text = serde_json::to_string_pretty(&report(&measured, &stepped, &work, &boot))?;
    write_if_changed(&file, format!("{text}\n").as_bytes())?;
    ui::note(format!("Also in {}", file.display()));
    let mut missed = work.missed();
    missed.extend(doors_missed(&measured));
    missed.extend(dearer);
    ensure!(missed.is_empty(), "missed:\n  {}", missed.join("\n  "));
    Ok(())
}

/// Boots the program once, and reads its figures.
fn measure(run: Run) -> Result<Figures> {
    let program = paths::program(run.width(), "bench");
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new()
        .cpu(run.cpu())
        .initramfs(&files)
        .append(run.command_line());
    let outcome = counted(vm).run()?;
    outcome.expect(Verdict::Pass)?;
    figures(&outcome)
}

/// The machine with a clock that counts instructions.
fn counted(vm: Vm) -> Vm {
    // ANCHOR: counted
    vm.args([
        "-icount",
        "shift=0,sleep=off",
        "-rtc",
        "base=2024-01-01T00:00:00,clock=vm",
    ])
    // ANCHOR_END: counted
}

/// The figures in a program's output.
fn figures(outcome: &Outcome) -> Result<Figures> {
    let figures: Figures = outcome.serial.lines().filter_map(figure).collect();
    ensure!(
        !figures.is_empty(),
        "the benchmark printed no figure{}",
        outcome.transcript()
    );
    Ok(figures)
}

/// The doors' figures above their ceilings.
fn doors_missed(measured: &BTreeMap<Run, Figures>) -> Vec<String> {
    let missed = |row: &&Row| ours(row, measured).is_none_or(|count| count > row.most);
    ROWS.iter()
        .filter(missed)
        .map(|row| format!("{}: at most {}", row.title, row.most))
        .collect()
}

/// Reads `bench: NAME COUNT`.
fn figure(line: &str) -> Option<(String, f64)> {
    let (name, count) = line.trim().strip_prefix("bench: ")?.split_once(' ')?;
    Some((name.to_owned(), count.trim().parse().ok()?))
}

fn ours(row: &Row, measured: &BTreeMap<Run, Figures>) -> Option<f64> {
    measured.get(&row.run)?.get(row.name).copied()
}

fn table(measured: &BTreeMap<Run, Figures>, stepped: &[(steps::Door, u32)]) -> String {
    let mut text = format!(
        "{:64} {:>8} {:>8} {:>7}\n",
        "instructions", "Trident", "Linux", "ratio"
    );
    for row in ROWS {
        let found = ours(row, measured);
        let count = found.map_or("-".into(), |count| format!("{count:.0}"));
        let ratio = found.map_or("-".into(), |count| format!("{:.2}", count / row.linux));
        text.push_str(&format!(
            "{:64} {count:>8} {:>8} {ratio:>7}\n",
            row.title, row.linux
        ));
    }
    for (door, count) in stepped {
        let ratio = f64::from(*count) / f64::from(door.linux);
        let linux = door.linux;
        text.push_str(&format!(
            "{:64} {count:>8} {linux:>8} {ratio:>7.2}\n",
            door.title
        ));
    }
    text
}

fn report(
    measured: &BTreeMap<Run, Figures>,
    stepped: &[(steps::Door, u32)],
    work: &workloads::Measured,
    boot: &boot::Boot,
) -> Value {
    let rows: Vec<Value> = ROWS
        .iter()
        .map(|row| {
            let found = ours(row, measured);
            json!({
                "name": row.name,
                "title": row.title,
                "cpu": row.run.cpu(),
                "bits": row.run.width(),
                "clear_registers": row.run.clears(),
                "trident": found,
                "linux": row.linux,
                "ratio": found.map(|count| count / row.linux),
            })
        })
        .collect();
    let steps: Vec<Value> = stepped
        .iter()
        .map(|(door, count)| json!({ "title": door.title, "trident": count, "linux": door.linux }))
        .collect();
    json!({
        "unit": "guest instructions",
        "rows": rows,
        "steps": steps,
        "workloads": work.report(),
        "boot": boot.report(),
    })
}

/// The named archive must exist before anything is measured with it.
pub(crate) fn init(name: &str) -> Result<Initramfs> {
    let program = paths::program(64, name);
    Initramfs::new()
        .executable_from("/init", &program)
        .context("the programs are not built")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_their_lines_only() {
        assert_eq!(
            figure("bench: getpid_syscall 97"),
            Some(("getpid_syscall".into(), 97.0))
        );
        assert_eq!(
            figure("bench: call_empty 2.5\r"),
            Some(("call_empty".into(), 2.5))
        );
        assert_eq!(figure("bench: broken"), None);
        assert_eq!(figure("[    0.1] bench: x 1"), None);
    }

    #[test]
    fn every_row_has_its_own_name() {
        let names: std::collections::BTreeSet<_> =
            ROWS.iter().map(|row| (row.run, row.name)).collect();
        assert_eq!(names.len(), ROWS.len());
    }
}
