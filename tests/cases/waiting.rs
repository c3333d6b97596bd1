//! Waiting, line for line as on Linux: poll, select, epoll, timers, eventfd, timerfd and signalfd.
//! The programs' output doesn't depend on how long a call takes.

use anyhow::Result;
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, cases};

use crate::long_calls::is_quick_enough;
use crate::on_linux::{prints_as_recorded, prints_the_same_with};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    // The width of time_t decides which calls a 32-bit program makes.
    let wide: &[&str] = &["-D_FILE_OFFSET_BITS=64", "-D_TIME_BITS=64"];
    let ways = [
        (Compiler::Glibc64, &[][..]),
        (Compiler::Musl64, &[]),
        (Compiler::Glibc32, &[]),
        (Compiler::Glibc32, wide),
    ];
    let mut cases = cases![
        setting_the_date,
        a_million_descriptors,
        epoll_items_up_to_the_limit,
        scheduling_order
    ];
    cases.extend(IDLE.map(|row| Case::new(format!("idle::{}", row.0), move || idle(row))));
    for program in ["wait_files", "timers"] {
        cases.extend(ways.map(|(compiler, options)| {
            let suffix = if options.is_empty() { "" } else { "_wide" };
            let name = format!("{program}::{}{suffix}", compiler.name());
            Case::new(name, move || {
                prints_the_same_with(program, (compiler, options), "", Vm::new())
            })
        }));
    }
    cases
}

/// The host's date must not change: this program checks the results itself.
fn setting_the_date() -> Result<()> {
    let program = compile("set_clock", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().initramfs(&files).append("quiet");
    vm.run()?
        .expect(Verdict::Pass)?
        .lacks("WRONG")?
        .contains("the end")?;
    Ok(())
}

/// Machines that wait: name, CPU and machine type, and what the program checks: the interrupts of a
/// second, or the load average.
const IDLE: [(&str, &str, &str, &str); 4] = [
    ("local_apic", "max", "pc", "3"),
    ("microvm", "max", "microvm", "3"),
    ("pit", "max,-apic", "pc", "20"),
    ("load", "max", "pc", "load"),
];

/// A machine that waits takes few interrupts, and is on time all the same.
fn idle((_, cpu, machine, argument): (&str, &str, &str, &str)) -> Result<()> {
    let program = compile("idle", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    // The load average takes seconds of computing: fewer instructions a second.
    let shift = if argument == "load" { 7 } else { 0 };
    let vm = Vm::new()
        .cpu(cpu)
        .machine(machine)
        .args(["-icount", &format!("shift={shift},sleep=off")])
        .initramfs(&files)
        .append(format!("quiet -- {argument}"));
    vm.run()?.expect(Verdict::Pass)?.contains("all passed")?;
    Ok(())
}

/// The order in which tasks run. Time is counted in instructions, so that it doesn't depend on the
/// host; the output was recorded under Debian's Linux 6.1 with `-smp 1`.
fn scheduling_order() -> Result<()> {
    let vm = Vm::new().args(["-icount", "shift=0,sleep=off"]);
    prints_as_recorded("wake_order", Compiler::Glibc64, "wake_order", vm)
}

/// Programs determine the length of wait queues: a waiter's memory is charged to it, or the call
/// fails with ENOMEM, and leaving a queue takes no longer than entering it.
fn a_million_descriptors() -> Result<()> {
    let program = compile("many_polls", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    for (memory, last) in [("128M", "0 found"), ("32M", "-1 Cannot allocate memory")] {
        let vm = Vm::new().memory(memory).initramfs(&files).append("quiet");
        vm.run()?
            .expect(Verdict::Pass)?
            .contains("100000: 0 found\n")?
            .contains(&format!("1000000: {last}\n"))?;
    }
    Ok(())
}

/// The time to remove an epoll item from a file doesn't depend on the file's number of items.
fn epoll_items_up_to_the_limit() -> Result<()> {
    is_quick_enough("many_watches")
}
