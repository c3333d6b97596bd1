//! Entry by SYSCALL: from 64-bit code (LSTAR) and, on AMD CPUs, from 32-bit code (CSTAR).
//!
//! ```text
//! The CPU saved:       rip in rcx, rflags in r11; nothing in memory
//! It did not save:     rsp, which is still the program's: no push before it is replaced;
//!                      the general registers; the GS base is still the program's
//! It loaded:           cs and ss from STAR, rip from LSTAR or CSTAR; rflags &= !SFMASK (msr.rs)
//!
//!                      64-bit                        32-bit
//! Number:              rax                           eax
//! Arguments:           rdi rsi rdx r10 r8 r9         ebx ebp edx esi edi, the sixth at [esp]
//! ```
//!
//! Interrupts are disabled from the first instruction on (SFMASK), but an NMI, a machine check or a
//! debug exception can still occur while rsp is the program's: those vectors have their own stacks
//! (IST, `arch/gdt.rs`).
//!
//! The next file on a call's path: `abi/frame.rs`, the frame that the pushes below build.

use core::arch::naked_asm;

use super::call::{enter_syscall32, enter_x86_64};
use super::exit::{return_from_syscall, return_from_syscall32};
use crate::abi::door::Door;
use crate::abi::frame::USER32_CS;
use crate::arch::gdt::{USER_CS, USER_DS};
use crate::arch::percpu::{KERNEL_RSP, LANDING_PAD, USER_RSP};
use crate::push_registers;

/// Entry point in LSTAR: SYSCALL from 64-bit code.
///
/// # Safety
/// Entered only by the CPU, by SYSCALL.
#[unsafe(naked)]
pub unsafe extern "C" fn entry_syscall_64() {
    naked_asm!(
        // 1. The kernel's GS base, and through it the task's kernel stack.
        "swapgs",
        "mov gs:[{user_rsp}], rsp",
        "mov rsp, gs:[{kernel_rsp}]",
        // 2. The five words that an interrupt gate pushes, so that all frames are alike.
        "push {ss}",
        "push gs:[{user_rsp}]",
        "push r11",
        "push {cs}",
        "push rcx",
        // 3. orig_rax: the number, all 64 bits. Then the registers, with -ENOSYS (-38) for rax.
        "push rax",
        push_registers!("-38", "{door}"),
        // 4. enter_x86_64(&frame): table lookup and handler. The result is in rax.
        "mov rdi, rsp",
        "call {enter}",
        // 5. The return: SYSRET if it can restore the frame, else IRET.
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

/// Entry point in CSTAR: SYSCALL from 32-bit code.
///
/// # Safety
/// Entered only by the CPU, by SYSCALL.
#[unsafe(naked)]
pub unsafe extern "C" fn entry_syscall_32() {
    naked_asm!(
        // 1. GS base and stack, as above. The upper half of rsp is undefined after 32-bit code:
        //    `mov esp, esp` clears it.
        "swapgs",
        "mov esp, esp",
        "mov gs:[{user_rsp}], rsp",
        "mov rsp, gs:[{kernel_rsp}]",
        // 2. The five words of an interrupt gate. rip is the landing pad in the vDSO, which
        //    restores ecx, edx and ebp; the return address in rcx is not used.
        "push {ss}",
        "push gs:[{user_rsp}]",
        "push r11",
        "push {cs}",
        "push gs:[{landing_pad}]",
        // 3. orig_rax: the number, 32 bits. SYSCALL has overwritten ecx, so the second argument
        //    is in ebp: the frame gets it as ecx, where the i386 table expects it.
        "mov eax, eax",
        "push rax",
        "mov ecx, ebp",
        push_registers!("-38", "{door}"),
        // 4. enter_syscall32(&frame): also reads the sixth argument from the program's stack.
        "mov rdi, rsp",
        "call {enter}",
        // 5. The return: 32-bit SYSRET or IRET.
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
