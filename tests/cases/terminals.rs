//! Terminals, line for line as on Linux: input, echo, settings, sessions and job control.

use harness::programs::Compiler;
use harness::{Case, Vm};

use crate::on_linux::prints_the_same;

/// Programs, each built with several C libraries and in both widths.
const PROGRAMS: [&str; 4] = ["tty_lines", "tty_modes", "tty_jobs", "tty_libc"];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let compilers = [Compiler::Glibc64, Compiler::Glibc32, Compiler::Musl64];
    let rows = PROGRAMS
        .into_iter()
        .flat_map(|program| compilers.map(|compiler| (program, compiler)));
    rows.map(|(program, compiler)| {
        let name = format!("same_as_on_linux::{program}_{}", compiler.name());
        Case::new(name, move || {
            prints_the_same(program, compiler, "", Vm::new())
        })
    })
    .collect()
}
