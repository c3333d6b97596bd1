//! Waiting, line for line as on Linux: poll, select, epoll, timers, eventfd, timerfd and signalfd. The
//! programs' output doesn't depend on how long a call takes.

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
        the_date_is_set,
        a_million_descriptors,
        epoll_items_up_to_the_limit,
        scheduling_order
    ];
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

/// The host's date can't be set: this program checks the results itself.
fn the_date_is_set() -> Result<()> {
    let program = compile("set_clock", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().initramfs(&files).append("quiet");
    vm.run()?
        .expect(Verdict::Pass)?
        .lacks("WRONG")?
        .contains("the end")?;
    Ok(())
}

/// The order in which tasks run. Time is counted in instructions, so that it doesn't depend on the
/// host; Debian's Linux 6.1 ran with `-smp 1`.
fn scheduling_order() -> Result<()> {
    let vm = Vm::new().args(["-icount", "shift=0,sleep=off"]);
    prints_as_recorded("wake_order", Compiler::Glibc64, "wake_order", vm)
}

/// A program decides the length of a wait queue: a waiter is charged for its memory or gets ENOMEM, and
/// leaves in the time it took to enter.
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

/// Removing an epoll item from a file takes a time that does not depend on the number of its items.
fn epoll_items_up_to_the_limit() -> Result<()> {
    is_quick_enough("many_watches")
}
