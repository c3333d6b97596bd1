//! `SYSENTER`, and `__kernel_vsyscall`: the fast doors of a 32-bit program.
//!
//! `SYSENTER` saves neither eip nor esp. So programs don't execute it directly, they call
//! `__kernel_vsyscall`, a function of the 32-bit vDSO whose address the kernel passes as
//! `AT_SYSINFO`. The kernel knows its return address (the landing pad), and at boot selects the
//! fastest instruction of the CPU:
//!
//! - `SYSENTER` on Intel, `SYSCALL` on AMD, `INT 0x80` on older CPUs.
//!
//! Arguments and result are those of `INT 0x80`. The function pushes `ecx edx ebp` first, as the
//! instructions overwrite the first two and the third passes the stack pointer.
//! Next: `syscall.rs`.

use core::arch::{asm, naked_asm};
use core::sync::atomic::{AtomicUsize, Ordering};

/// The address of `__kernel_vsyscall`, 0 if the kernel passed none.
pub static VSYSCALL: AtomicUsize = AtomicUsize::new(0);

/// The instruction that `__kernel_vsyscall` uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instruction {
    /// `SYSENTER`: bytes 0f 34.
    Sysenter,
    /// `SYSCALL` from compatibility mode: bytes 0f 05.
    Syscall,
    /// `INT 0x80`: bytes cd 80, without one of the others before it.
    Int80,
}

/// Sets the address of `__kernel_vsyscall`, from the auxiliary vector's `AT_SYSINFO`.
pub fn set_vsyscall(address: usize) {
    VSYSCALL.store(address, Ordering::Relaxed);
}

/// Whether the kernel passed a `__kernel_vsyscall`.
pub fn has_vsyscall() -> bool {
    VSYSCALL.load(Ordering::Relaxed) != 0
}

/// Finds the instruction that the kernel selected, in the code of `__kernel_vsyscall`.
pub fn instruction() -> Option<Instruction> {
    let address = VSYSCALL.load(Ordering::Relaxed);
    if address == 0 {
        return None;
    }
    // SAFETY: the kernel's vDSO maps at least a page of readable code here, and the function is
    // followed by the landing pad, so 16 bytes from its start are in the image.
    let code = unsafe { core::slice::from_raw_parts(address as *const u8, 16) };
    let found = code.windows(2).find_map(|pair| match pair {
        [0x0f, 0x34] => Some(Instruction::Sysenter),
        [0x0f, 0x05] => Some(Instruction::Syscall),
        [0xcd, 0x80] => Some(Instruction::Int80),
        _ => None,
    });
    Some(found.unwrap_or(Instruction::Int80))
}

/// Makes system call `number` through `__kernel_vsyscall`.
///
/// # Safety
/// [`has_vsyscall`] must hold, and the call must be sound for this program.
pub unsafe fn call(number: usize, args: &[usize; 6]) -> isize {
    // SAFETY: the caller guarantees that the stub's function pointer is set.
    unsafe { vsyscall_stub(number, args) }
}

#[unsafe(naked)]
unsafe extern "C" fn vsyscall_stub(number: usize, args: *const [usize; 6]) -> isize {
    naked_asm!(
        crate::six_registers::with_six_registers!("call dword ptr [{vsyscall}]"),
        vsyscall = sym VSYSCALL,
    )
}

/// Makes system call `number` by a `SYSENTER` in the program itself.
///
/// The stack has the layout of `__kernel_vsyscall`, because the kernel always returns to the
/// landing pad in the vDSO: `pop ebp; pop edx; pop ecx; ret`.
///
/// # Safety
/// The CPU and the kernel must support `SYSENTER` from 32-bit code, and the call must be sound for
/// this program.
pub unsafe fn raw(number: usize, args: &[usize; 6]) -> isize {
    // SAFETY: the caller vouches for the instruction and the call.
    unsafe { raw_stub(number, args) }
}

#[unsafe(naked)]
unsafe extern "C" fn raw_stub(number: usize, args: *const [usize; 6]) -> isize {
    naked_asm!(crate::six_registers::with_six_registers!(
        "call 3f",
        "jmp 4f",
        "3:",
        "push ecx",
        "push edx",
        "push ebp",
        "mov ebp, esp",
        "sysenter",
        "4:"
    ))
}

/// A call without arguments through `__kernel_vsyscall`, without a wrapper, for the benchmark.
///
/// # Safety
/// [`has_vsyscall`] must hold, and the call must touch no memory of the program.
#[inline(always)]
pub unsafe fn number(number: usize) -> usize {
    let result;
    // SAFETY: the caller vouches for the function and the call; `__kernel_vsyscall` preserves all
    // registers but eax.
    unsafe {
        asm!("call dword ptr [{vsyscall}]", vsyscall = sym VSYSCALL, inlateout("eax") number => result);
    }
    result
}
