//! INT 0x80: the software interrupt, the oldest way in and the one every program can take.
//!
//! ```text
//! The CPU saved:       ss rsp rflags cs rip, on the stack that TSS.rsp0 names
//! It did not save:     any general register; GS base is the program's; AC and DF are as the
//!                      program set them (an interrupt gate clears only IF, TF, NT, RF, VM)
//! Number:              eax        Arguments: ebx ecx edx esi edi ebp
//! ```
//!
//! A 64-bit program may use it too. It gets the **i386** table and 32 bits of each argument
//! then, and keeps all its registers but rax (ABI: arch/x86/entry/entry_64_compat.S).

use core::arch::naked_asm;

use super::exit::return_from_int80;
use super::frame::Door;
use crate::push_registers;
use crate::syscall::enter_int80;

/// The stub of vector 0x80.
///
/// # Safety
/// Only the CPU may run it, through the gate.
#[unsafe(naked)]
pub unsafe extern "C" fn entry_int80() {
    naked_asm!(
        // 1. The kernel's GS; the gate is DPL 3 and the kernel never uses it: always from user.
        "swapgs",
        // 2. Flags that a gate leaves as the program had them: DF would turn string
        //    instructions around, AC would open user memory in spite of SMAP.
        "cld",
        crate::clac!(),
        // 3. The number; 32 bits of it, as the i386 ABI has it.
        "mov eax, eax",
        "push rax",
        // 4. Everything else. rax's slot says -ENOSYS until a handler says otherwise.
        push_registers!("-38", "{door}"),
        // 5. The call.
        "mov rdi, rsp",
        "call {enter}",
        // 6. Back the way the CPU came: IRET restores rip, cs, rflags, rsp and ss.
        "jmp {exit}",
        door = const Door::Int80 as u64,
        enter = sym enter_int80,
        exit = sym return_from_int80,
    )
}
