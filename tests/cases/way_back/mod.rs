//! The entry stubs and exit paths, tested through QEMU's gdb stub in states that no program can
//! observe or cause: the flags in the kernel, frames that only a tracer can change, non-maskable
//! interrupts at each instruction of the stubs.

mod flags;
mod frames;
mod registers;
mod strikes;

use anyhow::Result;
use harness::gdb::{self, Gdb};
use harness::{Case, Initramfs, Outcome, Verdict, Vm, paths};

/// An AMD CPU, where 32-bit programs enter by SYSCALL.
const AMD: &str = "max";
/// An Intel CPU, where they enter by SYSENTER.
const INTEL: &str = "max,vendor=GenuineIntel";

/// Offsets in the frame of saved registers (kernel/src/abi/frame.rs).
mod frame {
    pub const R11: u64 = 7 * 8;
    pub const RCX: u64 = 12 * 8;
    pub const ORIG_RAX: u64 = 16 * 8;
    pub const RIP: u64 = 17 * 8;
    pub const CS: u64 = 18 * 8;
    pub const RFLAGS: u64 = 19 * 8;
    pub const RSP: u64 = 20 * 8;
    pub const SS: u64 = 21 * 8;
    pub const SIZE: usize = 22 * 8;
}

const TF: u64 = 1 << 8;
const IF: u64 = 1 << 9;
const IOPL: u64 = 3 << 12;
const NT: u64 = 1 << 14;
const RF: u64 = 1 << 16;
const AC: u64 = 1 << 18;
const ID: u64 = 1 << 21;
/// CF, PF, AF, ZF, SF, DF, OF.
const PLAIN: u64 = 0xcd5;
/// The bit that always reads as 1.
const FIXED: u64 = 1 << 1;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let cases = [
        flags::cases(),
        frames::cases(),
        registers::cases(),
        strikes::cases(),
    ];
    cases.into_iter().flatten().collect()
}

/// A machine with one of this repository's programs as init.
fn machine(cpu: &str, width: u32, program: &str) -> Result<Vm> {
    let files = Initramfs::new().executable_from("/init", &paths::program(width, program))?;
    Ok(Vm::new().cpu(cpu).initramfs(&files))
}

/// Boots the machine under a gdb script; its init must exit with status 0.
fn passes(vm: Vm, script: impl FnOnce(&mut Gdb) -> Result<()> + Send + 'static) -> Result<Outcome> {
    let outcome = gdb::run(vm, script)?;
    outcome.expect(Verdict::Pass)?.lacks("panic")?;
    Ok(outcome)
}
