//! Out of memory: kernel memory allocated for programs (areas, descriptors, messages), the choice
//! of the victim, and memory too small to boot.

use anyhow::{Result, ensure};
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Outcome, Verdict, Vm, cases};

use crate::files::gzip;

/// Attacks that allocate kernel memory, or use kernel objects while memory is used up: a program
/// and a word of an attack's name.
const KEPT: &[(&str, &str)] = &[
    ("kept_areas", "unmap"),
    ("kept_areas", "holes"),
    ("kept_areas", "change"),
    ("kept_areas", "fork"),
    ("kept_files", "hold"),
    ("kept_files", "read"),
    ("kept_files", "when"),
    ("kept_files", "beside"),
    ("kept_files", "lock"),
    ("kept_files", "watch"),
    ("kept_files", "sockets"),
    ("kept_files", "down"),
];

/// The choice of the victim: a word for `oom_choice.c`, and the line that it prints.
const CHOICES: &[(&str, &str)] = &[
    ("kept", "the process with kernel memory is killed: 1"),
    ("signals", "the process with kernel memory is killed: 1"),
    ("timers", "the process with kernel memory is killed: 1"),
    ("locks", "the process with kernel memory is killed: 1"),
    ("file_locks", "the process with kernel memory is killed: 1"),
    ("messages", "the process with kernel memory is killed: 1"),
    ("descriptors", "the process with kernel memory is killed: 1"),
    (
        "adjusted",
        "the adjusted one: 1, the largest: 0, the spared one: 0",
    ),
    ("protected", "the protected one: 0, the other: 1"),
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = cases![
        oom_score_adj,
        one_kill_is_enough,
        zombies_keep_nothing,
        archive_larger_than_memory,
        many_directories,
        no_archive,
        packed_by_xz,
    ];
    cases.extend(KEPT.iter().map(|(program, word)| {
        Case::new(format!("{program}::{word}"), move || kept(program, word))
    }));
    cases.extend(CHOICES.iter().map(|(word, says)| {
        Case::new(format!("choice::{word}"), move || {
            let outcome = run("oom_choice", word)?;
            outcome.expect(Verdict::Pass)?.contains(says)?;
            Ok(())
        })
    }));
    // Without another victim the kernel kills init, which ends the run: it never hangs.
    cases.extend(["no_one", "spared", "copy"].map(|word| {
        Case::new(format!("choice::{word}"), move || {
            let outcome = run("oom_choice", word)?;
            outcome
                .expect(Verdict::InitFailed)?
                .contains("Out of memory and no killable processes")?
                .contains("init was killed by signal 9")?;
            Ok(())
        })
    }));
    // Too little for kernel and initramfs, from the size of the loader's image upwards.
    cases.extend(
        ["4M", "5M", "6M", "7M", "8M"]
            .map(|size| Case::new(format!("boot::{size}"), move || too_little_to_boot(size))),
    );
    cases
}

fn run(program: &str, words: &str) -> Result<Outcome> {
    let program = compile(program, Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().memory("64M").initramfs(&files);
    vm.append(format!("quiet -- {words}")).run()
}

/// After each attack the kernel still runs programs, and has freed all memory.
fn kept(program: &str, word: &str) -> Result<()> {
    let outcome = run(program, word)?;
    outcome
        .expect(Verdict::Pass)?
        .contains("passed, nothing leaked")?;
    ensure!(
        !outcome.serial.contains("WRONG"),
        "a call that must not fail failed{}",
        outcome.transcript()
    );
    Ok(())
}

/// Two processes share what the larger part of memory holds: one decision of the killer ends both.
fn one_kill_is_enough() -> Result<()> {
    let program = compile("oom_choice", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().memory("64M").initramfs(&files);
    let outcome = vm.append("-- shared").run()?;
    outcome.expect(Verdict::Pass)?;
    let decisions = outcome.serial.matches("Out of memory: killed process");
    ensure!(
        decisions.count() == 1,
        "not one decision{}",
        outcome.transcript()
    );
    Ok(())
}

/// A zombie keeps none of the kernel memory that its process kept, of whichever kind: else a second
/// process is killed before the parent of the first has waited.
fn zombies_keep_nothing() -> Result<()> {
    let outcome = run("oom_choice", "zombies")?;
    outcome.expect(Verdict::Pass)?;
    let kinds = outcome
        .serial
        .matches(": it keeps memory: 1, a zombie less than a quarter: 1");
    ensure!(
        kinds.count() == 6,
        "a zombie keeps memory{}",
        outcome.transcript()
    );
    Ok(())
}

/// Accepted values, permissions and inheritance, as under Linux 6.1 in the same machine.
fn oom_score_adj() -> Result<()> {
    let outcome = run("oom_score", "")?;
    outcome.expect(Verdict::Pass)?;
    let lines = include_str!("out_of_memory/oom_score.linux").lines();
    for (expected, printed) in lines.zip(outcome.serial.lines()) {
        ensure!(
            expected == printed,
            "Linux:   {expected}\nTrident: {printed}\n{}",
            outcome.transcript()
        );
    }
    Ok(())
}

/// Boots with `archive` as the initramfs: the kernel must panic with this message.
fn boot_panics(memory: &str, archive: Vec<u8>, says: &str) -> Result<()> {
    let vm = Vm::new().memory(memory).append("quiet");
    let outcome = vm.initrd(archive).run()?;
    outcome.expect(Verdict::Panic)?.contains(says)?;
    Ok(())
}

/// Incompressible bytes.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    core::iter::repeat_with(next).take(len).collect()
}

/// A large file of zeros in a small gzip archive.
fn archive_larger_than_memory() -> Result<()> {
    let files = Initramfs::new().file("/zeros", vec![0; 80 << 20]);
    let packed = gzip(&files.build())?;
    boot_panics("64M", packed, "out of memory unpacking the initramfs")
}

/// Each directory takes a few hundred bytes of kernel memory.
fn many_directories() -> Result<()> {
    let mut files = Initramfs::new().file("/zeros", vec![0; 16 << 20]);
    for number in 0..140_000 {
        files = files.dir(&format!("/d{number:05x}"));
    }
    let packed = gzip(&files.build())?;
    boot_panics("64M", packed, "out of memory unpacking the initramfs")
}

fn no_archive() -> Result<()> {
    let text = b"#!/bin/sh\necho this is no archive\n".repeat(40);
    boot_panics("64M", text, "the initramfs is not a newc archive")
}

fn packed_by_xz() -> Result<()> {
    let xz = [b"\xfd7zXZ\0".to_vec(), noise(4000)].concat();
    boot_panics(
        "64M",
        xz,
        "the initramfs is packed by xz: only gzip is known",
    )
}

/// With an initramfs of 2 MiB: the boot succeeds, or the loader or the kernel reports the error.
fn too_little_to_boot(memory: &str) -> Result<()> {
    let program = compile("hello", Compiler::Glibc64)?;
    let files = Initramfs::new()
        .executable_from("/init", &program)?
        .file("/noise", noise(2 << 20));
    let vm = Vm::new().memory(memory).append("quiet -- world");
    let outcome = vm.initramfs(&files).run()?;
    if outcome.verdict == Verdict::Pass {
        outcome.contains("Hello, world!")?;
        return Ok(());
    }
    outcome.expect(Verdict::Panic)?.contains("memory")?;
    Ok(())
}
