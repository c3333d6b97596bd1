//! `make microscope`: every instruction of a call, recorded on the running machine, as a page.
//!
//! The program that records is a crate of its own, `xtask/microscope`: a disassembler and a reader
//! of debug information are more than what each command should wait for.

use anyhow::{Context, Result, ensure};
use harness::paths;
use serde_json::Value;

use crate::bench::{linux, steps};
use crate::build;
use crate::setup::{self, needs};
use crate::toolchain::host_program;
use crate::ui;

/// Builds, records all calls, those on Linux too where it can be fetched, and writes the page.
pub fn command() -> Result<()> {
    prepare()?;
    let mut program = host_program("microscope");
    program.arg("page");
    match linux::kernel() {
        Ok(kernel) => {
            program.arg(kernel).arg(linux::LEAN);
        }
        Err(why) => ui::note(format!("Without Linux's calls ({why:#})")),
    }
    ui::run_long("Recording every instruction of the calls", &mut program)?;
    compare()?;
    let page = paths::target().join("microscope.html");
    ui::note(format!("Open {} in a browser", page.display()));
    Ok(())
}

/// The records have as many instructions as `make bench` counts by its own steps.
fn compare() -> Result<()> {
    let records = std::fs::read(paths::target().join("microscope.json"))?;
    let records: Value = serde_json::from_slice(&records)?;
    let journeys = records["journeys"].as_array().context("no journeys")?;
    for door in steps::DOORS {
        let journey = journeys
            .iter()
            .find(|journey| journey["id"] == door.journey);
        let recorded = journey.and_then(entered).context(door.journey)?;
        let counted = u64::from(steps::count(door)?);
        ensure!(
            recorded == counted,
            "{}: {recorded} instructions recorded, {counted} counted",
            door.title
        );
    }
    Ok(())
}

/// The number of a journey's instructions from the one that enters: the second phase begins with
/// it.
fn entered(journey: &Value) -> Option<u64> {
    let first = journey["phases"].get(1)?.get(1)?.as_u64()?;
    Some(journey["steps"].as_array()?.len() as u64 - first)
}

/// `cargo xtask entry`: writes `docs/ENTRY.md`, the listing of each entry path.
pub fn entry() -> Result<()> {
    prepare()?;
    let status = host_program("microscope").arg("entry").status()?;
    ensure!(status.success(), "the paths are not recorded");
    Ok(())
}

fn prepare() -> Result<()> {
    setup::packages(needs::of("microscope"))?;
    build::everything(&setup::toolchain()?)
}
