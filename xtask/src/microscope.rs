//! `make microscope`: every instruction of a call, recorded on the running machine, as a page.
//!
//! The program that records is a crate of its own, `xtask/microscope`: a disassembler and a reader of
//! debug information are more than what each command should wait for.

use anyhow::{Result, ensure};
use harness::paths;

use crate::bench::linux;
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
    let page = paths::target().join("microscope.html");
    ui::note(format!("Open {} in a browser", page.display()));
    Ok(())
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
