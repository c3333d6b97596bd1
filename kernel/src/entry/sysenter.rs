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
//! executed: in ring 0, with the user GS base. `exception_dispatch.rs` then clears TF in the
//! interrupted flags and sets the work bit SINGLE_STEP: the program gets its trap after the return.
//! The saved rflags has TF clear in that case; `exit_work.rs` sets it.

use core::arch::naked_asm;

use super::call::{LAST, call_handler, call_with_work, clear, clear_others, counters_of, dispatch};
use super::call::{clear_all, if_checked, place, slow_call};
use super::debug_info::{here, stub_begins, stub_ends, unwind_from_frame};
use super::debug_info::{unwind_from_gate, unwind_from_per_cpu, unwind_from_user};
use super::exit::{EXIT_WORK, assert_sysret, finish_call, return_by_iret, slow_exit, sysret32};
use super::exit_work::exit_work;
use crate::abi::door::Door;
use crate::abi::frame::{USER32_CS, offsets};
use crate::arch::gdt::USER_DS;
use crate::arch::percpu::{KERNEL_RSP, LANDING_PAD, WORK, work};
use crate::syscall::{counters, table};
use crate::{clac, extable, pop_registers, push, push_registers, stac};

/// Inside `naked_asm!`: loads the sixth argument, the word at the program's stack pointer in
/// `$pointer`, into r9d and into the frame's rbp. If the word can't be read, the call is not made
/// and returns -EFAULT (-14). The pointer has 32 bits, and so is no kernel address. The fault may
/// sleep: the frame is complete.
// ANCHOR: stack-argument
macro_rules! stack_argument {
    ($pointer:literal) => {
        concat!(
            stac!(),
            "4: mov r9d, [",
            $pointer,
            "]\n",
            clac!(),
            "mov [rsp + {rbp}], r9\n",
            extable!("4b", "5f"),
            ".pushsection .text.unreadable_argument, \"ax\"\n5: ",
            clac!(),
            clear_all!(),
            "mov rax, -14\njmp 2f\n.popsection\n"
        )
    };
}
// ANCHOR_END: stack-argument
pub(super) use stack_argument;

/// Entry point in SYSENTER_EIP. `CLEAR`: clears registers before the handler.
///
/// # Safety
/// Entered only by the CPU, by SYSENTER.
#[unsafe(naked)]
// The two instances have different labels.
#[allow(named_asm_labels)]
pub unsafe extern "C" fn entry_sysenter<const CLEAR: bool>() {
    naked_asm!(
        place!("entry_sysenter"),
        stub_begins!(),
        unwind_from_per_cpu!("16", "{landing_pad}"),
        ".cfi_def_cfa 6, 0",
        // ANCHOR: stack
        // 1. The kernel's GS base and stack.
        "swapgs",
        "mov rsp, gs:[{kernel_rsp}]",
        // ANCHOR_END: stack
        ".cfi_def_cfa 7, 0",
        ".cfi_register 7, 6",
        // ANCHOR: five-words
        // 2. The five words that an interrupt gate pushes. The vDSO passes the stack pointer in
        //    ebp; 64-bit code can execute SYSENTER too, so the upper half of rbp is cleared. IF
        //    was set, as always in user mode. rip is the landing pad in the program's vDSO,
        //    wherever the SYSENTER was.
        here!(),
        push!("{ss}"),
        "mov ebp, ebp",
        push!("rbp"),
        "pushfq",
        ".cfi_adjust_cfa_offset 8",
        "or dword ptr [rsp], {interrupts_on}",
        push!("{cs}"),
        push!("gs:[{landing_pad}]"),
        // ANCHOR_END: five-words
        // 3. orig_rax: the number, 32 bits. Then the registers, with -ENOSYS for rax.
        here!(),
        "mov eax, eax",
        push!("rax"),
        push_registers!("rcx"),
        unwind_from_frame!(),
        // ANCHOR: test-flags
        // 4. Flags that SYSENTER does not clear: DF, NT (IRET would attempt a task switch), AC
        //    (suspends SMAP) and TF. They are rarely set, and POPF is slow: it is executed only if
        //    one of them is.
        here!(),
        "test dword ptr [rsp + {rflags}], {df_nt_ac_tf}",
        "jnz 8f",
        "7:",
        // ANCHOR_END: test-flags
        // 5. The sixth argument, from the program's stack.
        place!("call_by_sysenter"),
        here!(),
        stack_argument!("rbp"),
        // 6. As in syscall.rs: the number, the arguments (32 bits of each), the handler.
        here!(),
        dispatch!(),
        "mov r8d, edi",
        "mov edi, ebx",
        "xchg ecx, esi",
        "mov edx, edx",
        clear_others!(),
        call_handler!(),
        // 7. The return: SYSRET to 32-bit code, or IRET. The flags in the frame have no RF and VM,
        //    as PUSHF clears them, and no TF: step 8.
        place!("return_from_sysenter"),
        here!(),
        finish_call!(),
        sysret32!(),
        slow_call!(),
        slow_exit!(),
        // ANCHOR: rare-flags
        // 8. The flags that rarely are set. SYSRET can't restore TF, so the frame counts as edited.
        here!(),
        "8: or dword ptr gs:[{work}], {edited}",
        push!("2"),
        "popfq",
        ".cfi_adjust_cfa_offset -8",
        "jmp 7b",
        // ANCHOR_END: rare-flags
        stub_ends!(),
        clear = const CLEAR as u8,
        door = const Door::Sysenter as u64,
        kernel_rsp = const KERNEL_RSP,
        landing_pad = const LANDING_PAD,
        interrupts_on = const 1 << 9,
        ss = const USER_DS,
        cs = const USER32_CS,
        rflags = const offsets::RFLAGS,
        df_nt_ac_tf = const 1 << 10 | 1 << 14 | 1 << 18 | 1 << 8,
        edited = const work::FRAME_EDITED,
        rbp = const offsets::RBP,
        work = const WORK,
        before_call = const work::BEFORE_CALL,
        last = const table::LEN - 1,
        last_in_memory = sym LAST,
        counters = sym counters::CALLS,
        counters_of_door = const counters_of(Door::Sysenter),
        table = sym table::I386,
        call_with_work = sym call_with_work,
        exit_work = const EXIT_WORK,
        do_work = sym exit_work,
        rax = const offsets::RAX,
        iret = sym return_by_iret,
    )
}
