//! inotify: the events of each call, reads, limits, races, and many watches.

use anyhow::Result;
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, cases};

use crate::on_linux::{prints_as_recorded, prints_the_same};

/// Seeds of random operations, with the compiler of each.
const SEEDS: [(u32, Compiler); 4] = [
    (1, Compiler::Glibc64),
    (2, Compiler::Glibc32),
    (3, Compiler::Glibc64),
    (4, Compiler::Glibc64),
];
const OPERATIONS: u32 = 1500;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = cases![many_watches_end_in_parts];
    for compiler in [Compiler::Glibc64, Compiler::Glibc32] {
        // Later kernels report some events in another order, and the limits are system-wide.
        for program in ["notify_events", "notify_limits", "notify_maps"] {
            let name = format!("{program}::{}", compiler.name());
            cases.push(Case::new(name, move || {
                prints_as_recorded(program, compiler, program, Vm::new().memory("256M"))
            }));
        }
        for program in ["notify_files", "notify_reads"] {
            let name = format!("{program}::{}", compiler.name());
            cases.push(Case::new(name, move || {
                prints_the_same(program, compiler, "", Vm::new())
            }));
        }
    }
    cases.extend(SEEDS.map(|(seed, compiler)| {
        Case::new(format!("random::{seed}"), move || {
            let words = format!("{seed} {OPERATIONS}");
            prints_the_same("notify_random", compiler, &words, Vm::new())
        })
    }));
    let ways = [
        ("checked", Vm::new().checked()),
        ("short_of_memory", Vm::new().memory("32M")),
    ];
    cases.extend(
        ways.map(|(name, vm)| Case::new(format!("race::{name}"), move || race(vm.clone()))),
    );
    cases
}

/// Threads create, use and close an instance at the same time; all counts return to their start.
fn race(vm: Vm) -> Result<()> {
    let files =
        Initramfs::new().executable_from("/init", &compile("notify_race", Compiler::Glibc64)?)?;
    vm.initramfs(&files)
        .append("quiet -- 6")
        .run()?
        .expect(Verdict::Pass)?
        .contains("127 instances: Too many open files")?;
    Ok(())
}

/// Closing an instance with 100,000 watches, also by exit, delays no other task.
fn many_watches_end_in_parts() -> Result<()> {
    let files =
        Initramfs::new().executable_from("/init", &compile("notify_many", Compiler::Glibc64)?)?;
    let outcome = Vm::new()
        .cpu("max,-rdrand,-rdseed")
        .memory("512M")
        .args(["-icount", "shift=0,sleep=off"])
        .initramfs(&files)
        .append("quiet -- 100000")
        .run()?;
    outcome
        .expect(Verdict::Pass)?
        .contains("100000 watches\nlate: no\n100000 watches\nlate: no\n")?
        .contains("\"many\", IN_OPEN) = 1")?
        .contains("No space left on device")?;
    Ok(())
}
