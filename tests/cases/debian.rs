//! Debian's programs in Debian's root file system: each script has the same output and exit status
//! in Trident as on the host's Linux.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use harness::debian::{self, Job};
use harness::programs::{Compiler, compile};
use harness::{Case, Vm};

/// Name, interpreter and script.
const SCRIPTS: &[(&str, &str, &str)] = &[
    ("bash", "bash", include_str!("../debian/shell.bash")),
    ("dash", "dash", include_str!("../debian/shell.dash")),
    ("coreutils", "sh", include_str!("../debian/coreutils.sh")),
    ("text", "sh", include_str!("../debian/text.sh")),
    ("tools", "bash", include_str!("../debian/tools.sh")),
    ("tar", "bash", include_str!("../debian/tar.sh")),
    ("watch", "bash", include_str!("../debian/watch.sh")),
    ("perl", "perl", include_str!("../debian/script.pl")),
    ("python", "python3", include_str!("../debian/script.py")),
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let case = |&(name, interpreter, script): &'static (_, _, _)| {
        Case::new(name, move || same(interpreter, script)).left_out(debian::unavailable())
    };
    let mut cases: Vec<Case> = SCRIPTS.iter().map(case).collect();
    for compiler in [Compiler::Glibc64, Compiler::Glibc32] {
        let case = Case::new(format!("gdb_{}", compiler.name()), move || {
            debugged(compiler)
        });
        cases.push(case.left_out(debian::unavailable()));
    }
    for compiler in [Compiler::Dynamic64, Compiler::Dynamic32] {
        let name = format!("libc_tour_{}", compiler.name());
        let case = Case::new(name, move || own_program("libc_tour", compiler));
        cases.push(case.left_out(debian::unavailable()));
    }
    cases
}

/// A static program in Debian's gdb.
fn debugged(compiler: Compiler) -> Result<()> {
    let job = Job::new("sh /case/script")
        .file("script", include_str!("../debian/gdb.sh"))
        .file("program", fs::read(compile("debugged", compiler)?)?);
    job.same(Vm::new())
}

/// A C program linked with the shared libraries of Debian's root file system.
fn own_program(name: &str, compiler: Compiler) -> Result<()> {
    let program = fs::read(compile(name, compiler)?)?;
    let job = Job::new("/case/program one two").file("program", program);
    job.same(Vm::new())
}

fn same(interpreter: &str, script: &str) -> Result<()> {
    let job = Job::new(format!("{interpreter} /case/script")).file("script", script);
    job.same(Vm::new().timeout(Duration::from_secs(240)))
}
