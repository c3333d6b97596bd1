//! Debian's busybox applets: a shell runs the table `tests/debian/applets.txt` in one machine, and
//! another on the host's Linux with the same root file system.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::debian::{self, Job};
use harness::{Case, Vm};

const TABLE: &str = include_str!("../debian/applets.txt");
const DRIVER: &str = include_str!("../debian/applets.sh");

/// The busybox binaries: static of both widths, and i386's dynamically linked one.
const BUSYBOXES: [(&str, &str); 3] = [
    ("static64", "/bin/busybox"),
    ("static32", "/opt/i386-static/bin/busybox"),
    ("dynamic32", "/opt/i386/bin/busybox"),
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let case = |(name, program): (&str, &'static str)| {
        Case::new(name, move || table(program)).left_out(debian::unavailable())
    };
    BUSYBOXES.map(case).into()
}

/// Every line of the table has the same output and exit status on both systems.
fn table(program: &str) -> Result<()> {
    let job = Job::new(format!(
        "busybox sh /case/applets.sh /case/applets.txt {program}"
    ))
    .file("applets.sh", DRIVER)
    .file("applets.txt", TABLE);
    let linux = job.on_linux()?;
    let (trident, _) = job.in_trident(Vm::new().timeout(Duration::from_secs(240)))?;
    let parts =
        |text: &str| -> Vec<String> { text.split("=== ").skip(1).map(str::to_owned).collect() };
    let (expected, printed) = (parts(&linux), parts(&trident));
    ensure!(
        expected.len() > 150,
        "the host ran only {} lines:\n{linux}",
        expected.len()
    );
    let mut failures = String::new();
    for (index, expected) in expected.iter().enumerate() {
        let printed = printed.get(index).map_or("(nothing)\n", String::as_str);
        if expected != printed {
            failures.push_str(&format!("--- Linux\n{expected}--- Trident\n{printed}"));
        }
    }
    let count = failures.matches("--- Linux").count();
    ensure!(
        count == 0,
        "{count} of {} lines differ\n{failures}",
        expected.len()
    );
    Ok(())
}
