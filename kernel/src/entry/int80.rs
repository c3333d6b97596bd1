//! Entry by INT 0x80, the software interrupt: the oldest door, usable from code of both widths.
//!
//! ```text
//! The CPU saved:       ss rsp rflags cs rip, on the stack at TSS.rsp0
//! It did not save:     the general registers; the GS base is still the program's
//! It cleared:          IF TF NT RF VM, as any interrupt gate; AC and DF are still the program's
//! Number:              eax        Arguments: ebx ecx edx esi edi ebp
//! ```
//!
//! INT 0x80 from 64-bit code uses the **i386** table and the low 32 bits of each argument; all
//! registers but rax are preserved (arch/x86/entry/entry_64_compat.S).

use core::arch::naked_asm;

use super::call::enter_int80;
use super::exit::return_from_int80;
use crate::abi::door::Door;
use crate::push_registers;

/// Stub of vector 0x80.
///
/// # Safety
/// Entered only by the CPU, through the gate.
#[unsafe(naked)]
pub unsafe extern "C" fn entry_int80() {
    naked_asm!(
        // 1. The kernel's GS base. The kernel never executes INT 0x80, so the gate is always
        //    entered from user mode.
        "swapgs",
        // 2. Flags that a gate does not clear: DF reverses string instructions, AC suspends SMAP.
        "cld",
        crate::clac!(),
        // 3. orig_rax: the number, 32 bits as in the i386 ABI.
        "mov eax, eax",
        "push rax",
        // 4. The registers, with -ENOSYS (-38) for rax until the handler returns.
        push_registers!("-38", "{door}"),
        // 5. enter_int80(&frame): table lookup and handler. The result is in rax.
        "mov rdi, rsp",
        "call {enter}",
        // 6. The return by IRET, which restores rip, cs, rflags, rsp and ss.
        "jmp {exit}",
        door = const Door::Int80 as u64,
        enter = sym enter_int80,
        exit = sym return_from_int80,
    )
}
