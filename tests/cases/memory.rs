//! Memory: system calls and random changes of mappings compared with Linux, stack growth, leaks,
//! and recovery after a program has used up all memory.

use anyhow::Result;
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, cases};

use crate::on_linux::{prints_as_recorded, prints_the_same};

/// Random tests for each width: the first seed and the number of seeds.
const SEEDS: &str = "1 60";
/// Changes per seed.
const STEPS: u32 = 200;

/// Random tests of memory that is read before it is written: the first seed, seeds, steps per seed.
const ZERO_PAGE: &str = "1 12 300";

/// Attacks that use up memory, by a word of their names in `low_memory.c`.
const ATTACKS: &[&str] = &["touch", "map", "split", "fork", "execute", "make", "fill"];

/// The instructions by which the 32-bit vDSO enters the kernel, and CPU models that have it do so.
const VSYSCALLS: [(&str, &str); 3] = [
    ("syscall", "max"),
    ("sysenter", "max,vendor=GenuineIntel"),
    ("int80", "max,vendor=CentaurHauls"),
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = cases![nothing_leaks, ten_thousand_programs_leak_nothing, fork_bomb];
    for compiler in [Compiler::Glibc64, Compiler::Glibc32] {
        let name = |what: &str| format!("{what}::{}", compiler.name());
        cases.push(Case::new(name("random_changes"), move || {
            let words = format!("{SEEDS} {STEPS}");
            prints_the_same("mm_random", compiler, &words, Vm::new())
        }));
        cases.push(Case::new(name("calls"), move || {
            prints_the_same("memory_calls", compiler, "", Vm::new())
        }));
        cases.push(Case::new(name("turns"), move || {
            let vm = Vm::new().memory("512M");
            prints_the_same("memory_turns", compiler, "", vm)
        }));
        cases.push(Case::new(name("moved_tables"), move || {
            prints_the_same("moved_tables", compiler, "", Vm::new())
        }));
        cases.push(Case::new(name("zero_page"), move || {
            prints_the_same("zero_page", compiler, ZERO_PAGE, Vm::new())
        }));
        cases.push(Case::new(name("zero_page::checked"), move || {
            prints_the_same("zero_page", compiler, ZERO_PAGE, Vm::new().checked())
        }));
        // Time in instructions: the thread acts at many points of each call.
        cases.push(Case::new(name("cut_maps"), move || {
            let vm = Vm::new().args(["-icount", "shift=0,sleep=off"]);
            prints_the_same("cut_maps", compiler, "", vm)
        }));
        cases.push(Case::new(name("fork_cut"), move || {
            let vm = Vm::new().memory("256M");
            let vm = vm.args(["-icount", "shift=0,sleep=off"]);
            prints_the_same("fork_cut", compiler, "", vm)
        }));
        cases.push(Case::new(name("stack_growth"), move || {
            prints_the_same("stack_growth", compiler, "", Vm::new())
        }));
        cases.push(Case::new(name("clean_bytes"), move || {
            prints_the_same("clean_bytes", compiler, "", Vm::new().checked())
        }));
        cases.push(Case::new(name("vdso_whole"), move || {
            prints_the_same("vdso_whole", compiler, "", Vm::new())
        }));
        cases.push(Case::new(name("vdso_pieces"), move || {
            let answers = format!("vdso_pieces_{}", compiler.name());
            prints_as_recorded("vdso_pieces", compiler, &answers, Vm::new())
        }));
    }
    cases.extend(VSYSCALLS.map(|(instruction, cpu)| {
        Case::new(format!("vdso_own_call::{instruction}"), move || {
            let vm = Vm::new().cpu(cpu);
            prints_the_same("vdso_own_call", Compiler::Glibc32, "", vm)
        })
    }));
    cases.extend(ATTACKS.iter().map(|word| {
        Case::new(format!("used_up::{word}"), move || {
            used_up(&format!("0 {word}"))
        })
    }));
    // Little free memory from the start, at different distances from the kernel's reserve.
    cases.extend([900, 1800].map(|free| {
        Case::new(format!("little_left::{free}_kB"), move || {
            used_up(&free.to_string())
        })
    }));
    cases
}

fn nothing_leaks() -> Result<()> {
    let program = compile("leaks", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().memory("64M").initramfs(&files).append("quiet");
    vm.run()?
        .expect(Verdict::Pass)?
        .contains("nothing was lost")?;
    Ok(())
}

fn ten_thousand_programs_leak_nothing() -> Result<()> {
    let program = compile("leaks", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().memory("64M").initramfs(&files);
    vm.append("quiet -- run_a_program 10000")
        .run()?
        .expect(Verdict::Pass)?
        .contains("run a program, 10000 times")?
        .contains("nothing was lost")?;
    Ok(())
}

/// A fork bomb under RLIMIT_NPROC: other users' programs run meanwhile, and the machine recovers.
fn fork_bomb() -> Result<()> {
    let program = compile("fork_bomb", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().memory("64M").initramfs(&files).append("quiet");
    vm.run()?
        .expect(Verdict::Pass)?
        .contains("others run")?
        .contains("the bomb is over")?;
    Ok(())
}

/// After each attack the kernel still runs programs.
fn used_up(words: &str) -> Result<()> {
    let program = compile("low_memory", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().memory("32M").initramfs(&files);
    vm.append(format!("quiet -- {words}"))
        .run()?
        .expect(Verdict::Pass)?
        .contains("passed")?;
    Ok(())
}
