//! Entry by SYSENTER: Intel's fast system call for 32-bit code, which saves no register.
//!
//! ```text
//! The CPU saved:       nothing
//! It did not save:     rip, rsp, rflags, the general registers; the GS base is still the program's
//! It loaded:           cs, ss from SYSENTER_CS; rip, rsp from SYSENTER_EIP, _ESP
//! It cleared:          IF VM RF; the stub clears TF, NT, AC and DF
//! Number:              eax        Arguments: ebx ecx edx esi edi, the sixth at [ebp]
//! Returns to:          the landing pad in the 32-bit vDSO, with the stack pointer from ebp
//! ```
//!
//! If the program has TF set, the CPU raises #DB at the first instruction of the stub, before it is
//! executed: in ring 0, with the user GS base. `kernel_exceptions.rs` then clears TF in the
//! interrupted flags and sets the work bit SINGLE_STEP: the program gets its trap after the return.
//! The saved rflags has TF clear in that case; `exit_work.rs` sets it.

use core::arch::naked_asm;

use super::call::enter_sysenter;
use super::exit::return_from_syscall32;
use crate::abi::door::Door;
use crate::abi::frame::{USER32_CS, offsets};
use crate::arch::gdt::USER_DS;
use crate::arch::percpu::{KERNEL_RSP, LANDING_PAD};
use crate::push_registers;

/// Entry point in SYSENTER_EIP.
///
/// # Safety
/// Entered only by the CPU, by SYSENTER.
#[unsafe(naked)]
pub unsafe extern "C" fn entry_sysenter() {
    naked_asm!(
        // 1. The kernel's GS base and stack.
        "swapgs",
        "mov rsp, gs:[{kernel_rsp}]",
        // 2. The five words that an interrupt gate pushes. The vDSO passes the stack pointer in
        //    ebp; 64-bit code can execute SYSENTER too, so the upper half of rbp is cleared. IF
        //    was set, as always in user mode. rip is the landing pad in the program's vDSO,
        //    wherever the SYSENTER was.
        "push {ss}",
        "mov ebp, ebp",
        "push rbp",
        "pushfq",
        "or dword ptr [rsp], {interrupts_on}",
        "push {cs}",
        "push gs:[{landing_pad}]",
        // 3. orig_rax: the number, 32 bits. Then the registers, with -ENOSYS (-38) for rax.
        "mov eax, eax",
        "push rax",
        push_registers!("-38", "{door}"),
        // 4. Flags that SYSENTER does not clear: DF, NT (IRET would attempt a task switch), AC
        //    (suspends SMAP) and TF. The last three are rarely set, and POPF is slow: it is
        //    executed only if one of them is.
        "cld",
        "test dword ptr [rsp + {rflags}], {nt_ac_tf}",
        "jnz 3f",
        // 5. enter_sysenter(&frame), then the return by 32-bit SYSRET or IRET.
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
