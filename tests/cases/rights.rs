//! Rights: what a user may do and root may not, the same here and on the host; and random numbers,
//! which no two boots share.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, cases};

use crate::on_linux::{prints_the_same, prints_the_same_with};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = cases![random_numbers_differ];
    for compiler in [Compiler::Glibc64, Compiler::Glibc32] {
        for program in [
            "rights_ids",
            "rights_files",
            "rights_processes",
            "rights_exec",
            "rights_caps_files",
            "rights_caps_calls",
        ] {
            let name = format!("{program}::{}", compiler.name());
            cases.push(Case::new(name, move || {
                prints_the_same(program, compiler, "", Vm::new())
            }));
        }
        let name = format!("rights_threads::{}", compiler.name());
        cases.push(Case::new(name, move || {
            let options = (compiler, &["-pthread"][..]);
            prints_the_same_with("rights_threads", options, "", Vm::new())
        }));
    }
    cases
}

/// All that is random in one boot is different, and in the next boot, with the CPU's own source or
/// without.
fn random_numbers_differ() -> Result<()> {
    let program = compile("random_numbers", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let mut seen = HashSet::new();
    for cpu in ["max", "max", "max,-rdrand,-rdseed", "max,-rdrand,-rdseed"] {
        let vm = Vm::new().cpu(cpu).initramfs(&files).append("quiet");
        let outcome = vm.run()?;
        outcome.expect(Verdict::Pass)?;
        let numbers: Vec<&str> = outcome.serial.lines().collect();
        ensure!(numbers.len() > 20, "few numbers: {}", outcome.transcript());
        for line in numbers {
            ensure!(seen.insert(line.to_owned()), "twice: {line} ({cpu})");
        }
    }
    Ok(())
}
