//! Boundary values of offsets, lengths, counts and times: the results equal Linux's, and the test
//! build, which has overflow checks, doesn't panic.

use harness::programs::Compiler;
use harness::{Case, Vm};

use crate::on_linux::prints_the_same;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let programs = [
        "numbers_files",
        "numbers_ids",
        "numbers_memory",
        "numbers_sizes",
        "numbers_times",
    ];
    let compilers = [Compiler::Glibc64, Compiler::Glibc32];
    programs
        .into_iter()
        .flat_map(|program| compilers.map(|compiler| (program, compiler)))
        .map(|(program, compiler)| {
            Case::new(format!("{program}::{}", compiler.name()), move || {
                prints_the_same(program, compiler, "", Vm::new().checked())
            })
        })
        .collect()
}
