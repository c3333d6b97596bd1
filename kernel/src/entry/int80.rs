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

use super::call::{LAST, call_handler, call_with_work, clear, clear_others, counters_of, dispatch};
use super::call::{clear_all, if_checked, place, slow_call};
use super::debug_info::{here, stub_begins, stub_ends, unwind_from_frame, unwind_from_gate};
use super::exit::{EXIT_WORK, LOCAL, finish_call, return_by_iret, slow_exit};
use super::exit_work::exit_work;
use crate::abi::door::Door;
use crate::abi::frame::offsets;
use crate::arch::percpu::{WORK, work};
use crate::syscall::{counters, table};
use crate::{pop_registers, push, push_registers};

/// Stub of vector 0x80. `CLEAR`: clears registers before the handler.
///
/// # Safety
/// Entered only by the CPU, through the gate.
#[unsafe(naked)]
// The two instances have different labels.
#[allow(named_asm_labels)]
pub unsafe extern "C" fn entry_int80<const CLEAR: bool>() {
    naked_asm!(
        place!("entry_int80"),
        stub_begins!(),
        unwind_from_gate!("0"),
        // ANCHOR: stack
        // 1. The kernel's GS base. The kernel never executes INT 0x80, so the gate is always
        //    entered from user mode.
        "swapgs",
        // 2. Flags that a gate does not clear: DF reverses string instructions, AC suspends SMAP.
        "cld",
        crate::clac!(),
        // ANCHOR_END: stack
        // ANCHOR: save
        // 3. orig_rax: the number, 32 bits as in the i386 ABI. Then the registers, with -ENOSYS for
        //    rax.
        here!(),
        "mov eax, eax",
        push!("rax"),
        push_registers!("rcx"),
        // ANCHOR_END: save
        unwind_from_frame!(),
        // 4. The number in eax becomes an index into the table.
        place!("call_by_int80"),
        here!(),
        dispatch!(),
        // ANCHOR: arguments
        // 5. The arguments, 32 bits of each, to the registers that C passes them in; the other
        //    registers are cleared. The handler: its result is in rax.
        here!(),
        "mov r8d, edi",
        "mov r9d, ebp",
        "mov edi, ebx",
        "xchg ecx, esi",
        "mov edx, edx",
        clear_others!(),
        call_handler!(),
        // ANCHOR_END: arguments
        // 6. The return by IRET, as in exit.rs: it restores rip, cs, rflags, rsp and ss.
        place!("return_from_int80"),
        here!(),
        // ANCHOR: leave
        finish_call!(),
        "test byte ptr [rsp + {ss}], {local}",
        "jnz 6f",
        ".cfi_remember_state",
        pop_registers!(except rax),
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "swapgs",
        ".globl iret_from_int80_{clear}",
        "iret_from_int80_{clear}:",
        "iretq",
        // ANCHOR_END: leave
        ".cfi_restore_state",
        // 7. Not on the usual path.
        here!(),
        slow_call!(),
        slow_exit!(),
        stub_ends!(),
        clear = const CLEAR as u8,
        door = const Door::Int80 as u64,
        work = const WORK,
        before_call = const work::BEFORE_CALL,
        last = const table::LEN - 1,
        last_in_memory = sym LAST,
        counters = sym counters::CALLS,
        counters_of_door = const counters_of(Door::Int80),
        table = sym table::I386,
        call_with_work = sym call_with_work,
        exit_work = const EXIT_WORK,
        do_work = sym exit_work,
        rax = const offsets::RAX,
        ss = const offsets::SS,
        local = const LOCAL,
        iret = sym return_by_iret,
    )
}
