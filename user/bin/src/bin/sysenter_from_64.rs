//! Rule 10: executes `SYSENTER` in 64-bit code, where it isn't a valid door.
//!
//! Expected on AMD CPUs, which lack the instruction: signal 4. On Intel CPUs it enters the kernel,
//! which doesn't know the return address and returns to the 32-bit landing pad, an invalid address
//! here: signal 11. The call is `exit_group(0)` with an unreadable stack pointer: exit 0 if the
//! kernel makes it all the same.
#![no_std]
#![cfg_attr(bare, no_main)]

use sys::Env;

sys::entry!(run);

#[cfg(target_arch = "x86_64")]
fn run(_: &Env) -> i32 {
    // SAFETY: the program ends here.
    unsafe {
        core::arch::asm!("push rbx", "push rbp", "xor ebx, ebx", "xor ebp, ebp", "sysenter", "pop rbp", "pop rbx",
            inout("eax") sys::numbers::EXIT_GROUP.i386 => _, out("ecx") _, out("edx") _);
    }
    1
}

/// Nothing to test in a 32-bit program.
#[cfg(target_arch = "x86")]
fn run(_: &Env) -> i32 {
    2
}
