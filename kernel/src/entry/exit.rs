//! Return to user mode: by SYSRET where it can restore the frame, else by IRET.
//!
//! IRET returns to any state. SYSRET is several times cheaper, but it takes rip from rcx and
//! rflags from r11, implies both selectors, and on Intel CPUs faults **in ring 0, on the
//! program's stack** if rip is not canonical (CVE-2012-0217). It is used only if the frame holds
//! what it would load: a tracer or a signal may have changed the frame since the entry. SYSEXIT
//! is not used: it does not restore the flags, and SYSRET returns to 32-bit code on the CPUs of
//! both vendors (as on Linux).
//!
//! This is the end of a call's way: the next instruction is the program's, after its SYSCALL in
//! `user/sys/src/syscall.rs`.

use core::arch::naked_asm;

use super::exit_work::exit_work;
use crate::abi::frame::USER32_CS;
use crate::abi::frame::{Frame, VM, offsets};
use crate::arch::gdt::{USER_CS, USER_DS};
use crate::arch::percpu::{WORK, work};
use crate::mm::espfix;
use crate::mm::layout::{self, TASK_SIZE};
use crate::pop_registers;
use crate::process::fault;

/// Flags that rule out SYSRET. It clears RF, and with TF set it traps one instruction late. VM has
/// no meaning in long mode, but QEMU 7.2 loads it.
const RF_TF_VM: u32 = 1 << 16 | 1 << 8 | VM as u32;

/// [`work`] bits handled before the return to user mode: all but those handled before a call.
const EXIT_WORK: u32 = !work::BEFORE_CALL;

/// End of the user address space, in memory: CMP has no 64-bit immediate.
static USER_LIMIT: u64 = TASK_SIZE;

unsafe extern "C" {
    /// The only IRET that returns to user mode. It can fault: see `exceptions.rs`.
    pub static iret_to_user: u8;
}

/// Inside `naked_asm!`, after the call of the handler: stores its result in the frame's rax and
/// handles pending work (a signal, a switch to another task). rsp points to the frame before and
/// after.
macro_rules! finish_call {
    () => {
        concat!(
            "mov [rsp + {rax}], rax\n",
            "test dword ptr gs:[{work}], {exit_work}\n",
            "jz 8f\n",
            "mov rdi, rsp\n",
            "call {do_work}\n",
            "8:\n"
        )
    };
}

/// Returns from SYSCALL in 64-bit code. rax is the result of the call.
///
/// # Safety
/// Entered only by a jump of the entry stub, with rsp at the frame.
#[unsafe(naked)]
pub unsafe extern "C" fn return_from_syscall() {
    naked_asm!(
        // 1. The result, and pending work.
        finish_call!(),
        // 2. Does the frame hold what SYSRET would load? rip from rcx, rflags from r11,
        "mov rcx, [rsp + {rip}]",
        "cmp rcx, [rsp + {rcx}]",
        "jne {iret}",
        "mov r11, [rsp + {rflags}]",
        "cmp r11, [rsp + {r11}]",
        "jne {iret}",
        "test r11d, {rf_tf_vm}",
        "jnz {iret}",
        // the selectors that STAR implies,
        "cmp dword ptr [rsp + {cs}], {user_cs}",
        "jne {iret}",
        "cmp dword ptr [rsp + {ss}], {user_ds}",
        "jne {iret}",
        // and a user address for rip: those are all canonical.
        "cmp rcx, [rip + {limit}]",
        "jae {iret}",
        // 3. The registers. The frame's rcx and r11 equal the rip and rflags just compared.
        pop_registers!(),
        // 4. The program's rsp (above orig_rax, rip, cs and rflags) and GS base. No instruction
        //    may fault from here on: rsp is no longer the kernel's.
        "mov rsp, [rsp + 32]",
        "swapgs",
        "sysretq",
        rax = const offsets::RAX,
        rip = const offsets::RIP,
        rcx = const offsets::RCX,
        rflags = const offsets::RFLAGS,
        r11 = const offsets::R11,
        cs = const offsets::CS,
        ss = const offsets::SS,
        user_cs = const USER_CS,
        user_ds = const USER_DS,
        rf_tf_vm = const RF_TF_VM,
        limit = sym USER_LIMIT,
        work = const WORK,
        exit_work = const EXIT_WORK,
        do_work = sym exit_work,
        iret = sym return_by_iret,
    )
}

/// Returns from SYSCALL in 32-bit code and from SYSENTER, by SYSRET to 32-bit code. The vDSO's
/// landing pad reloads ecx, edx and ebp from the stack, so that rcx is free for rip.
///
/// 64-bit code that executes SYSENTER returns to the same address in 32-bit mode and is killed by
/// the fault that follows, as on Linux.
///
/// # Safety
/// Entered only by a jump of those two entry stubs, with rsp at the frame.
#[unsafe(naked)]
pub unsafe extern "C" fn return_from_syscall32() {
    naked_asm!(
        // 1. The result, and pending work. rip needs no check: the entry stub set it to the
        //    landing pad, and only exit work changes it, or a call that sets a work bit (execve,
        //    sigreturn). That is why IRET follows exit work.
        "mov [rsp + {rax}], rax",
        "test dword ptr gs:[{work}], {exit_work}",
        "jz 8f",
        "mov rdi, rsp",
        "call {do_work}",
        "jmp {iret}",
        "8:",
        "test dword ptr [rsp + {rflags}], {rf_tf_vm}",
        "jnz {iret}",
        "cmp dword ptr [rsp + {cs}], {user32_cs}",
        "jne {iret}",
        "cmp dword ptr [rsp + {ss}], {user_ds}",
        "jne {iret}",
        // 2. The flags and selectors allow SYSRET: the registers, then rip to ecx, rflags to r11,
        //    rsp and GS base.
        pop_registers!(),
        "mov ecx, [rsp + 8]",
        "mov r11, [rsp + 24]",
        "mov rsp, [rsp + 32]",
        "swapgs",
        "sysret",
        rax = const offsets::RAX,
        rflags = const offsets::RFLAGS,
        cs = const offsets::CS,
        ss = const offsets::SS,
        user32_cs = const USER32_CS,
        user_ds = const USER_DS,
        rf_tf_vm = const RF_TF_VM,
        work = const WORK,
        exit_work = const EXIT_WORK,
        do_work = sym exit_work,
        iret = sym return_by_iret,
    )
}

/// Returns from INT 0x80, by IRET. rax is the result of the call.
///
/// # Safety
/// Entered only by a jump of the entry stub, with rsp at the frame.
#[unsafe(naked)]
pub unsafe extern "C" fn return_from_int80() {
    naked_asm!(
        finish_call!(),
        "jmp {iret}",
        rax = const offsets::RAX,
        work = const WORK,
        exit_work = const EXIT_WORK,
        do_work = sym exit_work,
        iret = sym return_by_iret,
    )
}

/// Start of a new task: its frame is a copy of its parent's, and exit work comes first because a
/// tracer may stop the task before its first instruction.
///
/// # Safety
/// Entered only by the first switch to a task, with rsp at its frame.
#[unsafe(naked)]
pub unsafe extern "C" fn start_task() {
    naked_asm!(
        "mov rdi, rsp",
        "call {do_work}",
        "jmp {iret}",
        do_work = sym exit_work,
        iret = sym return_by_iret,
    )
}

/// Returns to user mode by IRET, from any entry. The general registers are popped; IRET loads rip,
/// cs, rflags, rsp and ss. If it cannot load them it faults in ring 0 with the program's GS base:
/// the exception stub recognises the address `iret_to_user`.
///
/// # Safety
/// Entered only by a jump, with rsp at a frame from user mode.
#[unsafe(naked)]
pub unsafe extern "C" fn return_by_iret() {
    naked_asm!(
        // A stack segment from the LDT may be a 16-bit one.
        "test byte ptr [rsp + {ss}], {local}",
        "jnz {espfix}",
        pop_registers!(),
        "add rsp, 8",
        "swapgs",
        ".globl iret_to_user",
        "iret_to_user:",
        "iretq",
        ss = const offsets::SS,
        local = const LOCAL,
        espfix = sym return_by_espfix,
    )
}

/// Table indicator of a selector: set for the LDT.
const LOCAL: u8 = 1 << 2;

/// Returns by IRET from the espfix stack: IRET to a 16-bit stack segment does not load the upper
/// half of esp, and this stack's address discloses no kernel address (`mm/espfix.rs`).
///
/// # Safety
/// As [`return_by_iret`].
#[unsafe(naked)]
unsafe extern "C" fn return_by_espfix() {
    naked_asm!(
        // 1. The five words that IRET loads, copied to the espfix stack.
        "mov rdi, [rip + {writable}]",
        "lea rsi, [rsp + {rip}]",
        "mov ecx, 5",
        "rep movsq",
        // 2. That stack's address with bits 16 to 31 of the program's rsp, in orig_rax's slot:
        //    the next to be popped after the registers.
        "mov eax, [rsp + {rsp}]",
        "and eax, 0xffff0000",
        "movabs rcx, {start}",
        "or rax, rcx",
        "mov [rsp + {orig_rax}], rax",
        pop_registers!(),
        "pop rsp",
        "swapgs",
        "jmp iret_to_user",
        writable = sym espfix::WRITABLE_AT,
        start = const layout::ESPFIX_START + espfix::OFFSET,
        rip = const offsets::RIP,
        rsp = const offsets::RSP,
        orig_rax = const offsets::ORIG_RAX,
    )
}

/// Continuation of a double fault caused by the IRET on the espfix stack. rsp points to the frame
/// on the task's stack, which still holds the program's registers; GS base is the program's.
///
/// # Safety
/// Entered only by the return of an exception that `kernel_exceptions.rs` redirected.
#[unsafe(naked)]
pub unsafe extern "C" fn espfix_failed() {
    naked_asm!(
        "swapgs",
        "mov rdi, rsp",
        "call {bad_return}",
        "jmp {exit}",
        bad_return = sym bad_return,
        exit = sym return_by_iret,
    )
}

/// Continuation of a #DB whose frame is lost (`kernel_exceptions.rs`): the task exits. The frame is
/// that of the task's last entry; GS base is the program's.
///
/// # Safety
/// As [`espfix_failed`].
#[unsafe(naked)]
pub unsafe extern "C" fn frame_lost() {
    naked_asm!(
        "swapgs",
        "mov rdi, rsp",
        "call {do_work}",
        "ud2",
        do_work = sym exit_work,
    )
}

/// Vector reported for an IRET that faulted on the espfix stack, as on Linux: the original one was
/// lost to the double fault.
const GENERAL_PROTECTION: u8 = 13;

/// Raises the program's signal for an IRET that faulted on the espfix stack.
///
/// # Safety
/// `at` is the running task's frame, and nothing else refers to it.
unsafe extern "C" fn bad_return(at: *mut Frame) {
    // SAFETY: the running task's frame without other references, as the caller promises.
    let frame = unsafe { &mut *at };
    frame.orig_rax = u64::MAX;
    fault::bad_return(frame, GENERAL_PROTECTION, 0);
    // SAFETY: the running task's frame; `frame` is not used after this.
    unsafe { exit_work(at) };
}
