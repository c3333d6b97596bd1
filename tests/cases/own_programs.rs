//! This repository's own test programs, including hostile ones: `user/bin/cases.txt` has the
//! expected end of each. One boot runs all of them in order under their supervisor: that the next
//! program runs proves that the kernel survived the last one.

use std::fs;

use anyhow::{Context, Result};
use harness::{Case, Initramfs, Verdict, Vm, paths, token};

/// CPU models that differ in their doors and in SMEP, SMAP and UMIP.
const CPUS: &[&str] = &["max", "max,vendor=GenuineIntel", "qemu64", "Haswell"];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let row = |cpu: &&'static str| {
        let cpu = *cpu;
        Case::new(format!("all::{cpu}"), move || {
            supervised(&Vm::new().cpu(cpu))
        })
    };
    CPUS.iter().map(row).collect()
}

fn supervised(vm: &Vm) -> Result<()> {
    let token = token::random();
    let vm = vm
        .clone()
        .initramfs(&archive()?)
        .append(format!("TOKEN={token}"))
        .memory("256M");
    let outcome = vm.timeout(std::time::Duration::from_secs(240)).run()?;
    outcome.expect(Verdict::Pass)?.contains(&token)?;
    Ok(())
}

/// The supervisor as init, its list, and every program.
fn archive() -> Result<Initramfs> {
    let list = paths::root().join("user/bin/cases.txt");
    let list = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let mut files = Initramfs::new()
        .executable_from("/init", &paths::program(64, "supervisor"))?
        .file("/etc/tests", list)
        .file("/etc/motd", "A file for tests to read.\n");
    for width in [64, 32] {
        for program in fs::read_dir(paths::user(width))?.flatten() {
            let place = format!("/tests/{width}/{}", program.file_name().to_string_lossy());
            files = files.executable_from(&place, &program.path())?;
        }
    }
    Ok(files)
}
