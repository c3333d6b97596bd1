//! `SYSENTER`, and `__kernel_vsyscall`: the fast doors of a 32-bit program.
//!
//! `SYSENTER` saves neither eip nor esp. So a program does not execute it itself; it calls
//! `__kernel_vsyscall`, a function of the 32-bit vDSO whose address the kernel passes as
//! `AT_SYSINFO`. The kernel knows the return address there (the landing pad), and at boot it chose
//! the fastest instruction of this CPU:
//!
//! - `SYSENTER` on Intel, `SYSCALL` on AMD, `INT 0x80` on anything older.
//!
//! Arguments and result are those of `INT 0x80`. The function pushes `ecx edx ebp` first, since
//! the instructions destroy the first two and the third passes the stack pointer.
//! Next: `syscall.rs`.

use core::arch::{asm, naked_asm};
use core::sync::atomic::{AtomicUsize, Ordering};

/// The address of `__kernel_vsyscall`, 0 if the kernel handed over none.
pub static VSYSCALL: AtomicUsize = AtomicUsize::new(0);

/// The instruction behind `__kernel_vsyscall`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instruction {
    /// `SYSENTER`: bytes 0f 34.
    Sysenter,
    /// `SYSCALL` from compatibility mode: bytes 0f 05.
    Syscall,
    /// `INT 0x80`: bytes cd 80, and nothing faster before it.
    Int80,
}

/// Takes the address of `__kernel_vsyscall` from the auxiliary vector's `AT_SYSINFO`.
pub fn set_vsyscall(address: usize) {
    VSYSCALL.store(address, Ordering::Relaxed);
}

/// Whether the kernel handed over a `__kernel_vsyscall`.
pub fn has_vsyscall() -> bool {
    VSYSCALL.load(Ordering::Relaxed) != 0
}

/// Reads the code of `__kernel_vsyscall` to tell which instruction the kernel chose.
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
    // SAFETY: the caller checked that the pointer the stub calls through is set.
    unsafe { vsyscall_stub(number, args) }
}

#[unsafe(naked)]
unsafe extern "C" fn vsyscall_stub(number: usize, args: *const [usize; 6]) -> isize {
    naked_asm!(
        crate::six_registers::with_six_registers!("call dword ptr [{vsyscall}]"),
        vsyscall = sym VSYSCALL,
    )
}

/// Makes system call `number` by a `SYSENTER` of the program's own.
///
/// It lays the stack out as `__kernel_vsyscall` does, because the kernel returns to the landing
/// pad in the vDSO whatever the program meant: `pop ebp; pop edx; pop ecx; ret`.
///
/// # Safety
/// The CPU and the kernel must take `SYSENTER` from 32-bit code, and the call must be sound for
/// this program.
pub unsafe fn raw(number: usize, args: &[usize; 6]) -> isize {
    // SAFETY: the caller answers for the instruction and for the call.
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

/// `getpid` (20) through `__kernel_vsyscall` with nothing around it: what the benchmark counts.
#[inline(always)]
pub fn getpid() -> usize {
    let result;
    // SAFETY: getpid touches no memory of the program; the function called saves every register.
    unsafe {
        asm!("call dword ptr [{vsyscall}]", vsyscall = sym VSYSCALL, inlateout("eax") 20 => result);
    }
    result
}
