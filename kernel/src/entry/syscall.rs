//! SYSCALL: the fast way in, for 64-bit code (LSTAR) and, on AMD, for 32-bit code (CSTAR).
//!
//! ```text
//! The CPU saved:       rip in rcx, rflags in r11 - nothing in memory
//! It did not save:     rsp, which is still the program's: nothing may be pushed before it is
//!                      replaced; every general register; GS base is the program's
//! It set:              cs and ss from STAR, rflags &= !SFMASK (msr.rs), rip from LSTAR or CSTAR
//!
//!                      64-bit                        32-bit
//! Number:              rax                           eax
//! Arguments:           rdi rsi rdx r10 r8 r9         ebx ebp edx esi edi, the sixth at [esp]
//! ```
//!
//! Interrupts are masked from the first instruction on, but an NMI, a machine check or a
//! debug exception may still strike while rsp is the program's: that is why those have
//! stacks of their own.
//!
//! The next file on a call's way: `entry/frame.rs`, what the pushes below leave on the stack.

use core::arch::naked_asm;

use super::exit::{return_from_syscall, return_from_syscall32};
use super::frame::Door;
use crate::arch::gdt::{USER_CS, USER_DS, USER32_CS};
use crate::arch::percpu::{KERNEL_RSP, LANDING_PAD, USER_RSP};
use crate::push_registers;
use crate::syscall::{enter_syscall32, enter_x86_64};

/// Where LSTAR points: SYSCALL from 64-bit code.
///
/// # Safety
/// Only the CPU may run it, by SYSCALL.
#[unsafe(naked)]
pub unsafe extern "C" fn entry_syscall_64() {
    naked_asm!(
        // 1. The kernel's GS, and through it the task's kernel stack.
        "swapgs",
        "mov gs:[{user_rsp}], rsp",
        "mov rsp, gs:[{kernel_rsp}]",
        // 2. What an interrupt would have pushed, so that the frame looks the same.
        "push {ss}",
        "push gs:[{user_rsp}]",
        "push r11",
        "push {cs}",
        "push rcx",
        // 3. The number, all 64 bits of it, and the registers. rax's slot says -ENOSYS.
        "push rax",
        push_registers!("-38", "{door}"),
        // 4. The call.
        "mov rdi, rsp",
        "call {enter}",
        // 5. Back, by SYSRET if that is safe.
        "jmp {exit}",
        user_rsp = const USER_RSP,
        kernel_rsp = const KERNEL_RSP,
        ss = const USER_DS,
        cs = const USER_CS,
        door = const Door::Syscall as u64,
        enter = sym enter_x86_64,
        exit = sym return_from_syscall,
    )
}

/// Where CSTAR points: SYSCALL from 32-bit code.
///
/// # Safety
/// Only the CPU may run it, by SYSCALL.
#[unsafe(naked)]
pub unsafe extern "C" fn entry_syscall_32() {
    naked_asm!(
        // 1. As above. The program's esp is 32 bits; what lies above them is not its own.
        "swapgs",
        "mov esp, esp",
        "mov gs:[{user_rsp}], rsp",
        "mov rsp, gs:[{kernel_rsp}]",
        "push {ss}",
        "push gs:[{user_rsp}]",
        "push r11",
        "push {cs}",
        // Back by the landing pad in the vDSO, as if INT 0x80 had been used there.
        "push gs:[{landing_pad}]",
        // 2. The number: 32 bits. ecx held the return address, so ebp carried the second
        //    argument: from here on it is where the i386 table expects it.
        "mov eax, eax",
        "push rax",
        "mov ecx, ebp",
        push_registers!("-38", "{door}"),
        // 3. The call: it also fetches the sixth argument from the program's stack.
        "mov rdi, rsp",
        "call {enter}",
        "jmp {exit}",
        user_rsp = const USER_RSP,
        kernel_rsp = const KERNEL_RSP,
        landing_pad = const LANDING_PAD,
        ss = const USER_DS,
        cs = const USER32_CS,
        door = const Door::Syscall32 as u64,
        enter = sym enter_syscall32,
        exit = sym return_from_syscall32,
    )
}
