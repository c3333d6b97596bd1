//! SYSENTER: Intel's fast way in, made for 32-bit code, and the one that saves least.
//!
//! ```text
//! The CPU saved:       nothing at all
//! It set:              cs, ss from SYSENTER_CS; rip, rsp from SYSENTER_EIP, _ESP; IF, VM, RF = 0
//! It did not clear:    TF, NT, AC, DF: by hand, below
//! Number:              eax        Arguments: ebx ecx edx esi edi, the sixth at [ebp]
//! Back to:             the landing pad in the 32-bit vDSO; stack pointer from ebp
//! ```
//!
//! With TF set the CPU raises #DB before the first instruction here, in ring 0 with the
//! program's GS: `exceptions.rs` clears it and leaves the program its trap for the way back.

use core::arch::naked_asm;

use super::exit::return_from_syscall32;
use super::frame::{Door, offsets};
use crate::arch::gdt::{USER_DS, USER32_CS};
use crate::arch::percpu::{KERNEL_RSP, LANDING_PAD};
use crate::push_registers;
use crate::syscall::enter_sysenter;

/// Where SYSENTER_EIP points.
///
/// # Safety
/// Only the CPU may run it, by SYSENTER.
#[unsafe(naked)]
pub unsafe extern "C" fn entry_sysenter() {
    naked_asm!(
        // 1. The kernel's GS and stack.
        "swapgs",
        "mov rsp, gs:[{kernel_rsp}]",
        // 2. What an interrupt would have pushed. The stack pointer is in ebp by convention;
        //    64-bit code can come here too, so its upper half is cut off. Interrupts were on,
        //    or user code could not have run. The return address is the landing pad in this
        //    program's vDSO, wherever it was called from.
        "push {ss}",
        "mov ebp, ebp",
        "push rbp",
        "pushfq",
        "or dword ptr [rsp], {interrupts_on}",
        "push {cs}",
        "push gs:[{landing_pad}]",
        // 3. The number: 32 bits.
        "mov eax, eax",
        "push rax",
        push_registers!("-38", "{door}"),
        // 4. Flags that SYSENTER leaves as the program had them. DF costs one instruction;
        //    NT (IRET would try a task switch), AC (opens user memory in spite of SMAP) and
        //    TF are rare, so POPF, which is slow, is taken only when one is set.
        "cld",
        "test dword ptr [rsp + {rflags}], {nt_ac_tf}",
        "jnz 3f",
        "2: mov rdi, rsp",
        "call {enter}",
        "jmp {exit}",
        "3: push 2",
        "popfq",
        "jmp 2b",
        kernel_rsp = const KERNEL_RSP,
        landing_pad = const LANDING_PAD,
        interrupts_on = const 1 << 9,
        ss = const USER_DS,
        cs = const USER32_CS,
        rflags = const offsets::RFLAGS,
        nt_ac_tf = const 1 << 14 | 1 << 18 | 1 << 8,
        door = const Door::Sysenter as u64,
        enter = sym enter_sysenter,
        exit = sym return_from_syscall32,
    )
}
