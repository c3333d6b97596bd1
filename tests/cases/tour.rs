//! The tour of `make run`, on CPUs with different doors and in little memory.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use harness::{Case, Dialogue, Verdict, Vm, paths, pty};

use crate::run_program::xtask;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let intel: &[&str] = &["SYSENTER by way of __kernel_vsyscall"];
    vec![
        row("amd", Vm::new(), &["SYSCALL by way of __kernel_vsyscall"]),
        row("intel", Vm::new().cpu("max,vendor=GenuineIntel"), intel),
        row("qemu64", Vm::new().cpu("qemu64"), &[]),
        row("32_megabytes", Vm::new().memory("32M"), &[]),
        row(
            "q35_haswell",
            Vm::new().machine("q35").cpu("Haswell"),
            intel,
        ),
        row("microvm", Vm::new().machine("microvm"), &[]),
        Case::new("both_vendors", both_vendors),
        Case::new("picture", picture),
        Case::new("at_a_terminal", at_a_terminal),
    ]
}

fn row(name: &str, vm: Vm, texts: &'static [&'static str]) -> Case {
    Case::new(name, move || {
        let archive = paths::target().join("tour.cpio");
        let archive = fs::read(&archive)
            .with_context(|| format!("cannot read {}: `make build` makes it", archive.display()))?;
        let outcome = vm.initrd(archive).run()?;
        outcome
            .expect(Verdict::Pass)?
            .contains("Hello, World!")?
            .lacks("FAILED")?;
        for text in texts {
            outcome.contains(text)?;
        }
        Ok(())
    })
}

/// README's picture shows what the tour prints, apart from numbers and bars.
fn picture() -> Result<()> {
    let svg = fs::read_to_string(paths::root().join("docs/pictures/tour.svg"))?;
    let archive = fs::read(paths::target().join("tour.cpio"))?;
    let outcome = Vm::new()
        .initrd(archive)
        .append("quiet norandmaps TOUR=first")
        .run()?;
    let printed = words(&outcome.serial);
    let texts = svg
        .split("</text>")
        .filter_map(|part| part.rsplit_once('>'));
    let texts = texts.map(|(_, text)| text.replace("&lt;", "<").replace("&gt;", ">"));
    let shown = words(&texts.collect::<Vec<_>>().join(" ").replace("&amp;", "&"));
    let shown = shown.strip_prefix("$ make run ... ").context("no prompt")?;
    ensure!(
        printed.ends_with(shown),
        "docs/pictures/tour.svg is stale: `cargo xtask pictures` makes it\n{shown}\n--- the tour prints\n{printed}"
    );
    Ok(())
}

/// A text's words without numbers and bars.
fn words(text: &str) -> String {
    let is_kept = |c: &char| !c.is_ascii_digit() && *c != '.' && c.is_ascii();
    let words = text.split_whitespace();
    let words = words.map(|word| match word {
        "..." => word.to_owned(),
        word => word.chars().filter(is_kept).collect(),
    });
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `make run` shows the doors of both vendors, and ends with what to type next.
fn both_vendors() -> Result<()> {
    for (cpu, doors) in [
        ("max", ["SYSCALL by way of", "SYSENTER by way of"]),
        ("Haswell", ["SYSENTER by way of", "SYSCALL by way of"]),
    ] {
        let mut command = xtask()?;
        command.args(["run", "--built", "--cpu", cpu]);
        let output = command.stdin(Stdio::null()).output()?;
        let shown = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{cpu}: {output:?}");
        let places = doors.map(|door| shown.find(door));
        ensure!(
            places[0].is_some() && places[0] < places[1],
            "{cpu}: {places:?} {shown}"
        );
        ensure!(
            !shown.contains('\x1b') && !shown.contains("any key"),
            "{shown}"
        );
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(said.contains("\n    make run PROGRAM="), "{said}");
    }
    Ok(())
}

/// A key goes on after each part; the bars have colours; a shell follows.
fn at_a_terminal() -> Result<()> {
    let mut command = xtask()?;
    command.args(["run", "--built"]);
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    let key = "any key goes on";
    let dialogue = Dialogue::new()
        .on(key, " ")
        .on("2. The same write()", "")
        .on(key, "x")
        .on("3. The vDSO", "")
        .on(key, "\r")
        .on("4. What each door costs", "")
        .on("\x1b[31m", "")
        .on(key, " ")
        .on("SYSENTER by way of", "")
        .on("\x1b[35m", "")
        .on("make shell", "")
        .on("trident:/root# ", "exit\r");
    let (status, shown) = pty::talk(&command, dialogue)?;
    ensure!(status.success(), "{status:?} {shown}");
    Ok(())
}
