//! A recorded run, which QEMU replays: each replay executes the same instructions, and gdb can go
//! backwards.
//!
//! QEMU records what comes from outside (input, interrupts, clocks) by the number of the
//! instruction. To go backwards it loads a snapshot from an otherwise empty disk, and replays up to
//! the instruction before.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::Vm;
use harness::child::{Leashed, leash};
use tempfile::TempDir;

use crate::setup::{self, needs};
use crate::ui::{self, Step};

/// Longest recording: what waits for input has none, and never ends.
const LONGEST: Duration = Duration::from_secs(120);

/// A recording's two files.
pub struct Recording(TempDir);

impl Recording {
    /// Runs the machine to its end, without input.
    ///
    /// # Errors
    /// It does not end.
    pub fn make(vm: &Vm) -> Result<Self> {
        setup::packages(needs::of("debug REPLAY=1"))?;
        let recording = Self(tempfile::Builder::new().prefix("trident-").tempdir()?);
        let mut disk = Command::new("qemu-img");
        disk.args(["create", "-q", "-f", "qcow2"]);
        disk.arg(recording.0.path().join("disk")).arg("1M");
        ui::run("Making the disk of snapshots", &mut disk)?;
        let (mut qemu, _files) = recording.machine(vm.clone(), "record").prepare()?;
        qemu.stdin(Stdio::null());
        let mut qemu = leash(&qemu).context("cannot start QEMU")?;
        qemu.stdin(Stdio::null());
        let step = Step::begin("Recording the run");
        let started = Instant::now();
        let mut child = Leashed::spawn(&mut qemu).context("cannot start QEMU")?;
        while child.try_wait()?.is_none() {
            if started.elapsed() > LONGEST {
                bail!(
                    "REPLAY=1: the run did not end within {} s",
                    LONGEST.as_secs()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        step.end();
        Ok(recording)
    }

    /// The machine, replaying.
    pub fn replay(&self, vm: Vm) -> Vm {
        self.machine(vm, "replay")
    }

    fn machine(&self, vm: Vm, mode: &str) -> Vm {
        let file = |name: &str| self.0.path().join(name).display().to_string();
        vm.args([
            "-icount",
            &format!(
                "shift=7,rr={mode},rrfile={},rrsnapshot=init",
                file("recording")
            ),
            "-drive",
            &format!("file={},if=none,id=rr", file("disk")),
        ])
    }
}
