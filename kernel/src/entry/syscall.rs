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

use super::call::{LAST, call_handler, call_with_work, clear, clear_others, counters_of, dispatch};
use super::call::{clear_all, if_checked, place, slow_call};
use super::debug_info::{here, stub_begins, stub_ends, unwind_from_frame};
use super::debug_info::{unwind_from_gate, unwind_from_per_cpu, unwind_from_user};
use super::exit::{EXIT_WORK, RF_TF_VM, assert_sysret, finish_call, return_by_iret};
use super::exit::{slow_exit, sysret32, sysret64};
use super::exit_work::exit_work;
use super::sysenter::stack_argument;
use crate::abi::door::Door;
use crate::abi::frame::{USER32_CS, offsets};
use crate::arch::gdt::{USER_CS, USER_DS};
use crate::arch::percpu::{KERNEL_RSP, LANDING_PAD, USER_RSP, WORK, work};
use crate::syscall::{counters, table};
use crate::{clac, extable, pop_registers, push, push_registers, stac};

/// Entry point in LSTAR: SYSCALL from 64-bit code. `CLEAR`: clears registers before the handler.
///
/// # Safety
/// Entered only by the CPU, by SYSCALL.
#[unsafe(naked)]
// The two instances have different labels.
#[allow(named_asm_labels)]
pub unsafe extern "C" fn entry_syscall_64<const CLEAR: bool>() {
    naked_asm!(
        place!("entry_syscall_64"),
        stub_begins!(),
        unwind_from_user!(),
        // ANCHOR: stack
        // 1. The kernel's GS base, and through it the task's kernel stack.
        // ANCHOR: own-stack
        // LAB 4 HOLE a
        "swapgs",
        "mov gs:[{user_rsp}], rsp",
        "mov rsp, gs:[{kernel_rsp}]",
        // LAB 4 END a
        // ANCHOR_END: stack
        // ANCHOR_END: own-stack
        unwind_from_per_cpu!("7", "{user_rsp}"),
        // ANCHOR: save
        // 2. The five words that an interrupt gate pushes, so that all frames are alike.
        here!(),
        // LAB 4 HOLE b
        push!("{ss}"),
        push!("gs:[{user_rsp}]"),
        ".cfi_offset 7, -16",
        push!("r11"),
        push!("{cs}"),
        push!("rcx"),
        // LAB 4 END b
        // 3. orig_rax: the number, all 64 bits. Then the registers, with -ENOSYS for rax.
        here!(),
        // LAB 4 HOLE c
        push!("rax"),
        push_registers!("rcx"),
        // LAB 4 END c
        // ANCHOR_END: save
        unwind_from_frame!(),
        // 4. The number in eax becomes an index into the table.
        place!("call_by_syscall"),
        here!(),
        dispatch!(),
        // ANCHOR: arguments
        // 5. The arguments are in the registers that C passes them in, but for the fourth: SYSCALL
        //    took rcx. The other registers are cleared. The handler: its result is in rax.
        here!(),
        // LAB 4 HOLE d
        "mov rcx, r10",
        // LAB 4 END d
        clear_others!(),
        call_handler!(),
        // ANCHOR_END: arguments
        // 6. The return (exit.rs): SYSRET if it can restore the frame, else IRET.
        place!("return_from_syscall"),
        here!(),
        // ANCHOR: leave
        finish_call!(),
        "test dword ptr [rsp + {rflags}], {rf_tf_vm}",
        "jnz 6f",
        sysret64!(),
        // ANCHOR_END: leave
        // 7. Not on the usual path.
        here!(),
        slow_call!(),
        slow_exit!(),
        stub_ends!(),
        clear = const CLEAR as u8,
        door = const Door::Syscall as u64,
        user_rsp = const USER_RSP,
        kernel_rsp = const KERNEL_RSP,
        ss = const USER_DS,
        cs = const USER_CS,
        work = const WORK,
        before_call = const work::BEFORE_CALL,
        last = const table::LEN - 1,
        last_in_memory = sym LAST,
        counters = sym counters::CALLS,
        counters_of_door = const counters_of(Door::Syscall),
        table = sym table::X86_64,
        call_with_work = sym call_with_work,
        exit_work = const EXIT_WORK,
        do_work = sym exit_work,
        rax = const offsets::RAX,
        rflags = const offsets::RFLAGS,
        rf_tf_vm = const RF_TF_VM,
        iret = sym return_by_iret,
    )
}

/// Entry point in CSTAR: SYSCALL from 32-bit code. `CLEAR` as above.
///
/// # Safety
/// Entered only by the CPU, by SYSCALL.
#[unsafe(naked)]
// The two instances have different labels.
#[allow(named_asm_labels)]
pub unsafe extern "C" fn entry_syscall_32<const CLEAR: bool>() {
    naked_asm!(
        place!("entry_syscall_32"),
        stub_begins!(),
        unwind_from_user!(),
        unwind_from_per_cpu!("16", "{landing_pad}"),
        // 1. GS base and stack, as above. The return address in rcx is not used, so rcx takes the
        //    program's stack pointer: 32 bits, as the upper half is undefined after 32-bit code.
        "swapgs",
        "mov ecx, esp",
        ".cfi_register 7, 2",
        "mov rsp, gs:[{kernel_rsp}]",
        // 2. The five words of an interrupt gate. rip is the landing pad in the vDSO, which
        //    restores ecx, edx and ebp.
        here!(),
        push!("{ss}"),
        push!("rcx"),
        push!("r11"),
        push!("{cs}"),
        push!("gs:[{landing_pad}]"),
        // ANCHOR: second-argument
        // 3. orig_rax: the number, 32 bits. SYSCALL has overwritten ecx, so the second argument
        //    is in ebp: the frame gets it as ecx, where the i386 table expects it.
        here!(),
        "mov eax, eax",
        push!("rax"),
        push_registers!("rbp"),
        // ANCHOR_END: second-argument
        unwind_from_frame!(),
        // 4. The sixth argument, from the program's stack.
        place!("call_by_syscall32"),
        here!(),
        stack_argument!("rcx"),
        // 5. As above: the number, the arguments (32 bits of each), the handler.
        here!(),
        dispatch!(),
        "mov r8d, edi",
        "mov edi, ebx",
        "mov ecx, esi",
        "mov esi, ebp",
        "mov edx, edx",
        clear_others!(),
        call_handler!(),
        // 6. The return: SYSRET to 32-bit code, or IRET.
        place!("return_from_syscall32"),
        here!(),
        finish_call!(),
        "test dword ptr [rsp + {rflags}], {rf_tf_vm}",
        "jnz 6f",
        sysret32!(),
        here!(),
        slow_call!(),
        slow_exit!(),
        stub_ends!(),
        clear = const CLEAR as u8,
        door = const Door::Syscall32 as u64,
        kernel_rsp = const KERNEL_RSP,
        landing_pad = const LANDING_PAD,
        ss = const USER_DS,
        cs = const USER32_CS,
        rbp = const offsets::RBP,
        work = const WORK,
        before_call = const work::BEFORE_CALL,
        last = const table::LEN - 1,
        last_in_memory = sym LAST,
        counters = sym counters::CALLS,
        counters_of_door = const counters_of(Door::Syscall32),
        table = sym table::I386,
        call_with_work = sym call_with_work,
        exit_work = const EXIT_WORK,
        do_work = sym exit_work,
        rax = const offsets::RAX,
        rflags = const offsets::RFLAGS,
        rf_tf_vm = const RF_TF_VM,
        iret = sym return_by_iret,
    )
}
