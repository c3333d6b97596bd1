//! Waiting: poll, select, epoll, timers, and the descriptors made for them, line for line as on
//! Linux. Nothing in these programs depends on how long anything takes.

use anyhow::Result;
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, cases};

use crate::long_calls::is_quick_enough;
use crate::on_linux::{prints_as_recorded, prints_the_same_with};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    // Which calls a 32-bit program makes depends on how wide its times are.
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
        as_many_watches_as_a_user_may_have,
        who_runs_first
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

/// The host's date can't be set: this program knows itself what is right.
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

/// Time is counted in instructions, so that what anything takes doesn't depend on the host. Debian's Linux 6.1
/// was asked with `-smp 1`.
fn who_runs_first() -> Result<()> {
    let vm = Vm::new().args(["-icount", "shift=0,sleep=off"]);
    prints_as_recorded("wake_order", Compiler::Glibc64, "wake_order", vm)
}

/// A program decides how many waiters there are in a queue: they take memory or get ENOMEM, and leave
/// in no more time than they came in.
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

/// Each item leaves the file that it watches in a time that does not depend on how many there are.
fn as_many_watches_as_a_user_may_have() -> Result<()> {
    is_quick_enough("many_watches")
}
