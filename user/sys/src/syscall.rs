//! `SYSCALL`: the system call instruction.
//!
//! 64-bit: the number is in `rax`, the arguments in `rdi rsi rdx r10 r8 r9`, the result in `rax`.
//! The CPU saves the return address in `rcx` and the flags in `r11` (hence the fourth argument is
//! in `r10`), loads the kernel's entry point from a model-specific register and accesses no memory:
//! it reads no descriptor and switches no stack. So the cost is a fraction of the interrupt's.
//!
//! 32-bit code on AMD CPUs has `SYSCALL` too, with the interrupt's numbers and registers, except
//! that `ecx` is overwritten with the return address: the second argument is in `ebp`, the sixth on
//! the stack. The 32-bit [`call`] does this by hand; programs use `__kernel_vsyscall`.
//!
//! Programs make a call by a function of `os.rs`, such as `write`; `door.rs` passes its number and
//! arguments to [`call`].
//!
//! The next door: `vdso.rs`. The next file on a call's path: `kernel/src/entry/syscall.rs`.

#[cfg(target_arch = "x86_64")]
use core::arch::asm;
#[cfg(target_arch = "x86")]
use core::arch::naked_asm;

/// Makes system call `number` of the x86_64 table.
///
/// # Safety
/// The call must be sound for this program: the kernel reads and writes the memory that the
/// arguments point to, may unmap it, and so on.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub unsafe fn call(number: usize, args: &[usize; 6]) -> isize {
    let result;
    // SAFETY: the instruction only changes rax, rcx and r11, all declared here; the caller vouches
    // for the call's memory accesses.
    unsafe {
        asm!(
            // ANCHOR: syscall-instruction
            "syscall",
            inlateout("rax") number => result,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") args[5],
            lateout("rcx") _,
            lateout("r11") _,
            // ANCHOR_END: syscall-instruction
            options(nostack),
        );
    }
    result
}

/// Makes system call `number` of the i386 table by `SYSCALL` from 32-bit code.
///
/// # Safety
/// The CPU and the kernel must support `SYSCALL` from 32-bit code, and the call must be sound for
/// this program.
#[cfg(target_arch = "x86")]
pub unsafe fn call(number: usize, args: &[usize; 6]) -> isize {
    // SAFETY: the caller vouches for the instruction and the call.
    unsafe { stub(number, args) }
}

// The kernel returns to the vDSO's landing pad, which pops the three registers and returns to the
// address that the inner call pushed.
#[cfg(target_arch = "x86")]
#[unsafe(naked)]
unsafe extern "C" fn stub(number: usize, args: *const [usize; 6]) -> isize {
    naked_asm!(crate::six_registers::with_six_registers!(
        "call 3f",
        "jmp 4f",
        "3:",
        "push ecx",
        "push edx",
        "push ebp",
        "mov ebp, ecx",
        "syscall",
        "4:"
    ))
}
