//! Debian's programs in Debian's root file system: each script prints in Trident what it prints
//! on the host's Linux, and ends with the same status.

use std::time::Duration;

use anyhow::Result;
use harness::debian::{self, Job};
use harness::{Case, Vm};

/// A name, the interpreter, and what it runs.
const SCRIPTS: &[(&str, &str, &str)] = &[
    ("bash", "bash", include_str!("../debian/shell.bash")),
    ("dash", "dash", include_str!("../debian/shell.dash")),
    ("coreutils", "sh", include_str!("../debian/coreutils.sh")),
    ("text", "sh", include_str!("../debian/text.sh")),
    ("tar", "bash", include_str!("../debian/tar.sh")),
    ("perl", "perl", include_str!("../debian/script.pl")),
    ("python", "python3", include_str!("../debian/script.py")),
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let case = |&(name, interpreter, script): &'static (_, _, _)| {
        Case::new(name, move || same(interpreter, script)).left_out(debian::unavailable())
    };
    SCRIPTS.iter().map(case).collect()
}

fn same(interpreter: &str, script: &str) -> Result<()> {
    let job = Job::new(format!("{interpreter} /case/script")).file("script", script);
    job.same(Vm::new().timeout(Duration::from_secs(240)))
}
