//! Return to user mode: by SYSRET where it can restore the frame, else by IRET.
//!
//! IRET restores any frame. SYSRET is several times cheaper, but it loads rip from rcx, rflags from
//! r11 and the selectors from STAR, and on Intel CPUs it faults **in ring 0, on the program's
//! stack** if rip is not canonical (CVE-2012-0217). The frame is fit for it as the stub of SYSCALL
//! or SYSENTER has left it, without a flag that SYSRET can't restore. A call, a signal or a ptrace
//! tracer edits it by one method, which sets the work bit `FRAME_EDITED` (`sched/thread.rs`): after
//! that the return is by IRET. Test builds check each frame before SYSRET
//! (`assert_sysret_restores`). SYSEXIT is not used: it does not restore the flags, and SYSRET
//! returns to 32-bit code on the CPUs of both vendors (as on Linux).
//!
//! A stub goes on to its return: the macros below are the text of it.
//!
//! The last file on a call's path: the next instruction is the program's, after its SYSCALL in
//! `user/sys/src/syscall.rs`.

use core::arch::naked_asm;

use super::debug_info::{here, stub_begins, stub_ends, unwind_from_frame, unwind_from_gate};
use super::exit_work::exit_work;
#[cfg(debug_assertions)]
use crate::abi::door::Door;
#[cfg(debug_assertions)]
use crate::abi::frame::USER32_CS;
use crate::abi::frame::{LiveFrame, VM, offsets};
#[cfg(debug_assertions)]
use crate::arch::gdt::{USER_CS, USER_DS};
use crate::arch::percpu::work;
use crate::mm::PAGE_SIZE;
use crate::mm::espfix;
use crate::mm::layout::{self, TASK_SIZE};
use crate::pop_registers;
use crate::process::fault;

/// Flags that rule out SYSRET. SYSRET clears RF, and with TF set the program traps at once, before
/// its next instruction. VM has no meaning in long mode, but QEMU 7.2 loads it.
pub const RF_TF_VM: u32 = 1 << 16 | 1 << 8 | VM as u32;

/// [`work`] bits handled before the return to user mode: all but those handled before a call.
pub const EXIT_WORK: u32 = !work::BEFORE_CALL;

// ANCHOR: canonical
// SYSRET needs a canonical rip. That of a SYSCALL is at most the end of user memory: the last page
// of the lower half is never a program's.
const _: () = assert!(TASK_SIZE <= (1 << 47) - PAGE_SIZE);
// ANCHOR_END: canonical

unsafe extern "C" {
    /// An IRET that returns to user mode. It can fault: see `exceptions.rs`. The other ones are in
    /// `int80.rs`.
    pub static iret_to_user: u8;
}

/// Inside `naked_asm!`, after the handler: goes to label 4 of [`slow_exit!`] if work is pending (a
/// signal, a switch to another task, an edited frame). rax is the result, rsp points to the frame.
// ANCHOR: finish-call
macro_rules! finish_call {
    () => {
        "test dword ptr gs:[{work}], {exit_work}\njnz 4f\n5:\n"
    };
}
// ANCHOR_END: finish-call

/// Inside `naked_asm!`: the other ways from a handler to the program. At label 4 with work pending:
/// the frame gets the result, and [`exit_work`] does the work; then back to label 5 of
/// [`finish_call!`], or IRET if the frame was edited. At label 6 with a frame that only IRET
/// restores.
macro_rules! slow_exit {
    () => {
        concat!(
            // ANCHOR: slow-exit
            "4: mov [rsp + {rax}], rax\n",
            "call {do_work}\n",
            "test al, al\n",
            "jnz {iret}\n",
            "mov rax, [rsp + {rax}]\n",
            "jmp 5b\n",
            // ANCHOR_END: slow-exit
            "6: mov [rsp + {rax}], rax\n",
            "jmp {iret}\n"
        )
    };
}

/// Inside `naked_asm!`: SYSRET to 64-bit code. The registers: rcx has rip and r11 rflags, from
/// where SYSRET loads them; rax has the result. Then the program's rsp, 32 bytes up: above
/// orig_rax, rip, cs and rflags. Then the user GS base. No instruction may fault from here on, as
/// rsp is no longer the kernel's.
// ANCHOR: sysret64
macro_rules! sysret64 {
    () => {
        concat!(
            assert_sysret!(),
            ".cfi_remember_state\n",
            // LAB 4 HOLE e
            pop_registers!(except rax),
            "mov rsp, [rsp + 32]\n",
            unwind_from_user!(),
            "swapgs\n",
            "sysretq\n",
            // LAB 4 END e
            ".cfi_restore_state\n"
        )
    };
}
// ANCHOR_END: sysret64

/// Inside `naked_asm!`: SYSRET to 32-bit code. As [`sysret64!`], with rip and rflags of the frame
/// in ecx and r11: the landing pad reloads ecx, edx and ebp from the stack, so that ecx is free.
///
/// 64-bit code that executes SYSENTER returns to the landing pad in 32-bit mode and is killed by
/// the fault that follows, as on Linux.
// ANCHOR: sysret32
macro_rules! sysret32 {
    () => {
        concat!(
            assert_sysret!(),
            ".cfi_remember_state\n",
            pop_registers!(except rax),
            "mov ecx, [rsp + 8]\n",
            "mov r11, [rsp + 24]\n",
            "mov rsp, [rsp + 32]\n",
            unwind_from_user!(),
            "swapgs\n",
            "sysret\n",
            ".cfi_restore_state\n"
        )
    };
}
// ANCHOR_END: sysret32

/// Inside `naked_asm!`, in test builds: checks that SYSRET restores the frame that rsp points to.
macro_rules! assert_sysret {
    () => {
        if_checked!(
            "mov [rsp + {rax}], rax\nmov rdi, rsp\ncall assert_sysret_restores\nmov rax, [rsp + {rax}]\n"
        )
    };
}

pub(super) use {assert_sysret, finish_call, slow_exit, sysret32, sysret64};

/// Checks, before each SYSRET of a test build, that it restores the frame: RULES.md, rule 1.
#[cfg(debug_assertions)]
#[unsafe(no_mangle)]
extern "C" fn assert_sysret_restores(frame: &LiveFrame) {
    let frame = frame.copy();
    let is_64bit = Door::of(frame.entry) == Some(Door::Syscall);
    // 32-bit code finds its return address on the stack: rcx and r11 are free, and SYSRET loads the
    // lower half of rip. Only SYSENTER from 64-bit code has an upper half, and no way to return.
    // ANCHOR: assert-sysret
    if is_64bit {
        assert_eq!(frame.rip, frame.rcx, "SYSRET loads rip from rcx");
        assert_eq!(frame.rflags, frame.r11, "SYSRET loads rflags from r11");
    }
    let code = if is_64bit { USER_CS } else { USER32_CS };
    assert_eq!(frame.cs, u64::from(code), "SYSRET loads CS by STAR");
    assert_eq!(frame.ss, u64::from(USER_DS), "SYSRET loads SS by STAR");
    let unfit = frame.rflags & u64::from(RF_TF_VM);
    assert_eq!(unfit, 0, "SYSRET doesn't restore RF, TF and VM");
    // A SYSCALL in the last bytes of user memory returns to its end, which is canonical.
    assert!(frame.rip <= TASK_SIZE, "SYSRET to {:#x}", frame.rip);
    // ANCHOR_END: assert-sysret
}

/// Start of a new task: its frame is a copy of its parent's. Exit work comes first, because a
/// ptrace tracer may stop the task before its first instruction.
///
/// # Safety
/// Entered only by the first switch to a task, with rsp at its frame.
#[unsafe(naked)]
pub unsafe extern "C" fn start_task() {
    naked_asm!(
        stub_begins!(),
        unwind_from_frame!(),
        "call {do_work}",
        "jmp {iret}",
        stub_ends!(),
        do_work = sym exit_work,
        iret = sym return_by_iret,
    )
}

/// Returns to user mode by IRET, from any entry. The general registers are popped; IRET loads rip,
/// cs, rflags, rsp and ss. If IRET cannot load them, it faults in ring 0 with the user GS base: the
/// exception stub recognises the address `iret_to_user`, and those in `int80.rs`.
///
/// # Safety
/// Entered only by a jump, with rsp at a frame from user mode.
#[unsafe(naked)]
pub unsafe extern "C" fn return_by_iret() {
    naked_asm!(
        stub_begins!(),
        unwind_from_frame!(),
        // ANCHOR: return-by-iret
        // A stack segment from the LDT may be a 16-bit one.
        "test byte ptr [rsp + {ss}], {local}",
        "jnz {espfix}",
        pop_registers!(),
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "swapgs",
        ".globl iret_to_user",
        "iret_to_user:",
        "iretq",
        // ANCHOR_END: return-by-iret
        stub_ends!(),
        ss = const offsets::SS,
        local = const LOCAL,
        espfix = sym return_by_espfix,
    )
}

/// Table indicator of a selector: set for the LDT.
pub const LOCAL: u8 = 1 << 2;

/// Returns by IRET from the espfix stack: IRET to a 16-bit stack segment does not load the upper
/// half of esp, and this stack's address discloses no kernel address (`mm/espfix.rs`).
///
/// # Safety
/// As [`return_by_iret`].
#[unsafe(naked)]
unsafe extern "C" fn return_by_espfix() {
    naked_asm!(
        stub_begins!(),
        unwind_from_frame!(),
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
        ".cfi_def_cfa 7, 40",
        "swapgs",
        "jmp iret_to_user",
        stub_ends!(),
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
/// Entered only by the return of an exception that `exception_dispatch.rs` redirected.
#[unsafe(naked)]
pub unsafe extern "C" fn espfix_failed() {
    naked_asm!(
        stub_begins!(),
        unwind_from_frame!(),
        "swapgs",
        "mov rdi, rsp",
        "call {bad_return}",
        "jmp {exit}",
        stub_ends!(),
        bad_return = sym bad_return,
        exit = sym return_by_iret,
    )
}

/// Continuation of a #DB whose frame is lost (`exception_dispatch.rs`): the task exits. The frame
/// is that of the task's last entry; the GS base is the program's.
///
/// # Safety
/// As [`espfix_failed`].
#[unsafe(naked)]
pub unsafe extern "C" fn frame_lost() {
    naked_asm!(
        stub_begins!(),
        unwind_from_frame!(),
        "swapgs",
        "call {do_work}",
        "ud2",
        stub_ends!(),
        do_work = sym exit_work,
    )
}

/// Vector reported for an IRET that faulted on the espfix stack, as on Linux: the original one was
/// lost to the double fault.
const GENERAL_PROTECTION: u8 = 13;

/// Raises the program's signal for an IRET that faulted on the espfix stack. `frame` is the running
/// task's.
extern "C" fn bad_return(frame: &LiveFrame) {
    frame.orig_rax.set(u64::MAX);
    fault::bad_return(frame, GENERAL_PROTECTION, 0);
    exit_work();
}
