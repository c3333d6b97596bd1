//! `INT 0x80`: the software interrupt.
//!
//! The number is in `eax`, the arguments in `ebx ecx edx esi edi ebp`; the result is in `eax`, a
//! value or `-errno`. All other registers are preserved. On a real CPU this is the slowest door:
//! the CPU reads the gate in the IDT and the stack pointer in the TSS, and pushes five words, which
//! IRET loads again.
//!
//! The interrupt always uses the **i386** table, from 64-bit code too: there `int 0x80` with
//! `eax = 4` is `write`, while `syscall` with `rax = 4` is `stat`. Arguments are truncated to 32
//! bits, so a pointer above 4 GiB can't be passed. Next: `sysenter.rs`.

use core::arch::naked_asm;

/// Makes system call `number` of the i386 table.
///
/// # Safety
/// The call must be sound for this program: the kernel reads and writes the memory that the
/// arguments point to, may unmap it, and so on.
#[cfg(target_arch = "x86_64")]
pub unsafe fn call(number: usize, args: &[usize; 6]) -> isize {
    // SAFETY: the stub follows the C calling convention and reads only `args`; the caller vouches
    // for the call.
    unsafe { stub(number, args) }
}

/// The same door for a 32-bit program.
///
/// # Safety
/// As for the 64-bit form: the call must be sound for this program.
#[cfg(target_arch = "x86")]
pub unsafe fn call(number: usize, args: &[usize; 6]) -> isize {
    // SAFETY: the stub follows the C calling convention and reads only `args`; the caller vouches
    // for the call.
    unsafe { stub(number, args) }
}

// A naked function, not `asm!`: the compiler reserves `rbx` and `rbp`, and the interrupt takes
// arguments in both.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn stub(number: usize, args: *const [usize; 6]) -> isize {
    naked_asm!(
        "push rbx",
        "push rbp",
        "mov eax, edi",
        "mov rbp, rsi",
        "mov rbx, [rbp]",
        "mov rcx, [rbp + 8]",
        "mov rdx, [rbp + 16]",
        "mov rsi, [rbp + 24]",
        "mov rdi, [rbp + 32]",
        "mov rbp, [rbp + 40]",
        "int 0x80",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

#[cfg(target_arch = "x86")]
#[unsafe(naked)]
unsafe extern "C" fn stub(number: usize, args: *const [usize; 6]) -> isize {
    naked_asm!(crate::six_registers::with_six_registers!("int 0x80"))
}
