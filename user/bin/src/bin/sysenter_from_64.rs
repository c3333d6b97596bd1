//! Rule 10: executes `SYSENTER` in 64-bit code, where no program has any business with it.
//!
//! Expected on AMD CPUs: signal 4, the instruction isn't there. On Intel the CPU enters the
//! kernel, which can't know where to return to and goes to the 32-bit landing pad, an address
//! that means nothing here: signal 11. The call asked for is `exit_group(0)` with a stack pointer
//! that can't be read, so a kernel that carries it out all the same gives exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use sys::Env;

sys::entry!(run);

#[cfg(target_arch = "x86_64")]
fn run(_: &Env) -> i32 {
    // SAFETY: the program is expected to end here.
    unsafe {
        core::arch::asm!("push rbx", "push rbp", "xor ebx, ebx", "xor ebp, ebp", "sysenter", "pop rbp", "pop rbx",
            inout("eax") sys::numbers::EXIT_GROUP.i386 => _, out("ecx") _, out("edx") _);
    }
    1
}

/// There is nothing to try in a 32-bit program.
#[cfg(target_arch = "x86")]
fn run(_: &Env) -> i32 {
    2
}
