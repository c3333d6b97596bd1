//! execve(2), line for line as on Linux: size limits of arguments and environment, checks of files,
//! script interpreters, and addresses of segments. The test programs generate hundreds of files,
//! the same on both kernels.

use anyhow::Result;
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm};

use crate::on_linux::prints_the_same;

/// CPU models of both vendors: 32-bit programs enter the kernel by SYSENTER on Intel's, by SYSCALL
/// on AMD's.
const CPUS: [&str; 2] = ["max,vendor=GenuineIntel", "max"];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |program: &'static str, compiler: Compiler, cpu: &'static str, words| {
        let vendor = if cpu == "max" { "amd" } else { "intel" };
        let name = format!("{program}::{}_{vendor}", compiler.name());
        cases.push(Case::new(name, move || {
            prints_the_same(program, compiler, words, Vm::new().cpu(cpu).memory("256M"))
        }));
    };
    for (compiler, cpu) in [Compiler::Glibc64, Compiler::Glibc32].into_iter().zip(CPUS) {
        for program in ["exec_args", "exec_scripts", "layout", "small_calls"] {
            add(program, compiler, cpu, "");
        }
    }
    for cpu in CPUS {
        add("exec_elf", Compiler::Glibc64, cpu, "200");
    }
    add("old_calls", Compiler::Glibc32, CPUS[0], "");
    cases.push(Case::new("storm", storm));
    cases
}

/// Many processes call execve(2) with 6 MB of arguments at the same time, until memory runs out.
fn storm() -> Result<()> {
    let program = compile("exec_storm", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().memory("64M").initramfs(&files);
    vm.append("quiet -- 2")
        .run()?
        .expect(Verdict::Pass)?
        .contains("47 arguments, whole 1")?;
    Ok(())
}
