//! Latency of long calls: other tasks run and signals arrive during calls on much memory or many
//! bytes. Time is counted in instructions, so that the limits don't depend on the host.

use anyhow::{Context, Result, ensure};
use harness::{Case, Initramfs, Outcome, Verdict, Vm, cases, paths};

use crate::on_linux::prints_the_same;
use harness::programs::{Compiler, compile};

/// Nanoseconds.
const MILLISECOND: u64 = 1_000_000;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = cases![
        long_calls_delay_neither_tasks_nor_signals,
        calls_on_the_largest_ranges,
        random_numbers_in_parts,
        a_process_with_many_locks_ends,
        cuts_among_many_processes
    ];
    cases.extend(
        ["objects", "areas", "files", "events", "processes"].map(|kind| {
            let name = format!("calls_on_many_objects::{kind}");
            Case::new(name, move || calls_on_many_objects(kind))
        }),
    );
    for compiler in [Compiler::Glibc64, Compiler::Glibc32] {
        let name = format!("mem_file_protections::{}", compiler.name());
        cases.push(Case::new(name, move || {
            prints_the_same("mem_file", compiler, "", Vm::new())
        }));
        // Time in instructions: no signal comes before its call has begun.
        let name = format!("signals_cut_long_calls_short::{}", compiler.name());
        cases.push(Case::new(name, move || {
            let vm = Vm::new().memory("512M");
            let vm = vm.args(["-icount", "shift=0,sleep=off"]);
            prints_the_same("cut_short", compiler, "", vm)
        }));
    }
    cases.push(Case::new("long_writes_take_turns", || {
        prints_the_same("file_turns", Compiler::Glibc64, "", Vm::new())
    }));
    cases
}

/// The integer part of a benchmark row.
fn figure(outcome: &Outcome, name: &str) -> Result<u64> {
    let line = outcome.serial.lines().find_map(|line| {
        let (found, value) = line.strip_prefix("bench: ")?.split_once(' ')?;
        (found == name).then_some(value)
    });
    let value = line.with_context(|| format!("no {name}{}", outcome.transcript()))?;
    let whole = value.split_once('.').map_or(value, |(whole, _)| whole);
    Ok(whole.parse()?)
}

/// Runs a program that checks its own time limits, counted in instructions.
pub fn is_quick_enough(name: &str) -> Result<()> {
    is_quick_enough_on(Vm::new(), name)
}

fn is_quick_enough_on(vm: Vm, name: &str) -> Result<()> {
    let program = compile(name, Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = vm
        .args(["-icount", "shift=0,sleep=off"])
        .initramfs(&files)
        .append("quiet");
    vm.run()?.expect(Verdict::Pass)?;
    Ok(())
}

fn calls_on_the_largest_ranges() -> Result<()> {
    is_quick_enough("long_calls")
}

fn calls_on_many_objects(kind: &str) -> Result<()> {
    // The test build checks more, for each frame and lock.
    let late_us = if paths::is_checked() { 3000 } else { 1000 };
    let vm = Vm::new()
        .memory("512M")
        .append(format!("LATE_US={late_us}"));
    is_quick_enough_on(vm, &format!("long_{kind}"))
}

/// Others sleep on time while one process reads 64 MB of random numbers.
fn random_numbers_in_parts() -> Result<()> {
    is_quick_enough("late_random")
}

fn a_process_with_many_locks_ends() -> Result<()> {
    is_quick_enough("many_locks")
}

fn cuts_among_many_processes() -> Result<()> {
    is_quick_enough_on(Vm::new().memory("512M"), "cut_among")
}

fn long_calls_delay_neither_tasks_nor_signals() -> Result<()> {
    let program = paths::program(64, "workloads");
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new()
        .cpu("max,-rdrand,-rdseed")
        .memory("512M")
        .args(["-icount", "shift=0,sleep=off"])
        .initramfs(&files)
        .append("quiet norandmaps -- latency");
    let outcome = vm.run()?;
    outcome.expect(Verdict::Pass)?;
    let limits = [
        ("late_write", 0, MILLISECOND),
        ("late_read", 0, MILLISECOND),
        ("late_fork", 0, MILLISECOND),
        ("late_mremap", 0, MILLISECOND),
        ("late_munmap", 0, MILLISECOND),
        ("late_populate", 0, MILLISECOND),
        ("late_last_close", 0, MILLISECOND),
        ("late_last_unmap", 0, MILLISECOND),
        ("late_exit_with_file", 0, MILLISECOND),
        ("late_exit_with_tables", 0, MILLISECOND),
        ("late_exit_with_descriptors", 0, MILLISECOND),
        ("late_close_range", 0, MILLISECOND),
        ("late_mprotect", 0, MILLISECOND),
        ("late_msync", 0, MILLISECOND),
        ("late_poll", 0, MILLISECOND),
        ("late_terminal", 0, MILLISECOND),
        // Timer interrupts occurred during the calls: another process slept and woke up.
        ("sleeps_in_write", 1, 1000),
        ("sleeps_in_read", 1, 1000),
        ("timer_in_urandom", 5 * MILLISECOND, 6 * MILLISECOND),
        ("kill_in_getrandom", 0, 10 * MILLISECOND),
    ];
    for (name, least, most) in limits {
        let found = figure(&outcome, name)?;
        ensure!(
            (least..=most).contains(&found),
            "{name}: {found}, not {least} to {most}{}",
            outcome.transcript()
        );
    }
    Ok(())
}
