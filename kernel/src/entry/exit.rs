//! Return to user mode: by SYSRET where it can restore the frame, else by IRET.
//!
//! IRET restores any frame. SYSRET is several times cheaper, but it loads rip from rcx, rflags from
//! r11 and the selectors from STAR, and on Intel CPUs it faults **in ring 0, on the program's
//! stack** if rip is not canonical (CVE-2012-0217). A ptrace tracer or a signal may have changed
//! the frame since the entry: SYSRET is used only if it loads what the frame has. SYSEXIT is not
//! used: it does not restore the flags, and SYSRET returns to 32-bit code on the CPUs of both
//! vendors (as on Linux).
//!
//! The last file on a call's path: the next instruction is the program's, after its SYSCALL in
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

/// Flags that rule out SYSRET. SYSRET clears RF, and with TF set the program traps one instruction
/// late. VM has no meaning in long mode, but QEMU 7.2 loads it.
const RF_TF_VM: u32 = 1 << 16 | 1 << 8 | VM as u32;

/// [`work`] bits handled before the return to user mode: all but those handled before a call.
const EXIT_WORK: u32 = !work::BEFORE_CALL;

/// End of the user address space, in memory: CMP has no 64-bit immediate.
static USER_LIMIT: u64 = TASK_SIZE;

unsafe extern "C" {
    /// The only IRET that returns to user mode. It can fault: see `exceptions.rs`.
    pub static iret_to_user: u8;
}

/// Inside `naked_asm!`, after the call of an `enter_*` function: stores the result, in rax, in the
/// frame, and calls [`exit_work`] if work is pending (a signal, a switch to another task). rsp
/// points to the frame before and after.
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
        // 2. SYSRET loads rip from rcx and rflags from r11. It is used only if the frame has the
        //    same values, without a flag that rules it out.
        "mov rcx, [rsp + {rip}]",
        "cmp rcx, [rsp + {rcx}]",
        "jne {iret}",
        "mov r11, [rsp + {rflags}]",
        "cmp r11, [rsp + {r11}]",
        "jne {iret}",
        "test r11d, {rf_tf_vm}",
        "jnz {iret}",
        //    It sets the selectors of STAR: the frame must have them.
        "cmp dword ptr [rsp + {cs}], {user_cs}",
        "jne {iret}",
        "cmp dword ptr [rsp + {ss}], {user_ds}",
        "jne {iret}",
        //    rip must be a user address, as all of those are canonical.
        "cmp rcx, [rip + {limit}]",
        "jae {iret}",
        // 3. The registers. rcx and r11 get the values compared above: rip and rflags.
        pop_registers!(),
        // 4. The program's rsp, 32 bytes up: above orig_rax, rip, cs and rflags. Then the user GS
        //    base. No instruction may fault from here on, as rsp is no longer the kernel's.
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
        // 1. The result, and pending work. The stub set the frame's rip to the landing pad. Only
        //    exit work changes it, or a call that sets a work bit (execve, sigreturn). So after
        //    exit work the return is by IRET, and without it rip needs no check.
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
        // 2. The flags and selectors allow SYSRET. The registers, then rip in ecx and rflags in
        //    r11, from where SYSRET loads them; rsp; the user GS base.
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

/// Start of a new task: its frame is a copy of its parent's. Exit work comes first, because a
/// ptrace tracer may stop the task before its first instruction.
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
/// cs, rflags, rsp and ss. If IRET cannot load them, it faults in ring 0 with the user GS base: the
/// exception stub recognises the address `iret_to_user`.
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
/// on the task's stack, which still has the program's registers; the GS base is the program's.
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
/// that of the task's last entry; the GS base is the program's.
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
