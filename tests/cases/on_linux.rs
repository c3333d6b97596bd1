//! The host's Linux as the oracle: a C program has the same output in the machine and on the host.
//!
//! Only root can change its user ID, change a file's owner and make device nodes, as these programs
//! do. Where the tests don't run as root, or the host is no x86_64 Linux, nothing is compared: the
//! case prints that, and passes.

use anyhow::{Result, ensure};
use harness::programs::{Compiler, compile, compile_with};
use harness::{Initramfs, Outcome, Verdict, Vm, oracle};

/// Runs `tests/programs/NAME.c` with `words` as its arguments on the machine and on the host;
/// every line must be the same, in the same order.
pub fn prints_the_same(name: &str, compiler: Compiler, words: &str, vm: Vm) -> Result<()> {
    prints_the_same_with(name, (compiler, &[]), words, vm)
}

/// [`prints_the_same`] for a program compiled with options.
pub fn prints_the_same_with(
    name: &str,
    (compiler, options): (Compiler, &[&str]),
    words: &str,
    vm: Vm,
) -> Result<()> {
    if !oracle::compares_as_root(name) {
        return Ok(());
    }
    let program = compile_with(name, compiler, options)?;
    let arguments: Vec<&str> = words.split_whitespace().collect();
    let answer = oracle::ask(&program, &arguments)?;
    ensure!(answer.status == Some(0), "on the host: {answer:?}");
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = vm.initramfs(&files).append(format!("quiet -- {words}"));
    compare(&answer.stdout, &vm.run()?)
}

/// Compares with recorded output, for features that the host's kernel or CPU lacks:
/// `tests/programs/answers/ANSWERS` is the output under Debian's Linux 6.1 in the case's machine.
/// CONTRIBUTING.md says how to record one.
pub fn prints_as_recorded(name: &str, compiler: Compiler, answers: &str, vm: Vm) -> Result<()> {
    let program = compile(name, compiler)?;
    let path = harness::paths::root()
        .join("tests/programs/answers")
        .join(answers);
    let expected = std::fs::read_to_string(&path)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    compare(&expected, &vm.initramfs(&files).append("quiet").run()?)
}

/// The part of a long program (`tests/programs/parts.h`) that printed the last of `lines`.
fn part(lines: &[&str]) -> String {
    let name = lines.iter().rev().find_map(|line| line.strip_prefix("== "));
    name.map_or(String::new(), |name| format!("in the part {name}:\n"))
}

/// Every line must be the expected one, in the same order.
fn compare(expected: &str, outcome: &Outcome) -> Result<()> {
    outcome.expect(Verdict::Pass)?;
    let expected: Vec<&str> = expected.lines().collect();
    let printed: Vec<&str> = outcome.serial.lines().collect();
    let mut pairs = expected.iter().zip(&printed);
    if let Some(at) = pairs.position(|(expected, printed)| expected != printed) {
        anyhow::bail!(
            "{}Linux:   {}\nTrident: {}\n{}",
            part(&expected[..at]),
            expected[at],
            printed[at],
            outcome.transcript()
        );
    }
    ensure!(
        expected.len() == printed.len(),
        "{} lines, not {}{}",
        printed.len(),
        expected.len(),
        outcome.transcript()
    );
    Ok(())
}
