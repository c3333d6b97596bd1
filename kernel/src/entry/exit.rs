//! The ways back: SYSRET where it is safe, IRET everywhere else.
//!
//! IRET can return to any state; SYSRET is several times cheaper but takes rip from rcx and
//! rflags from r11, implies both selectors, and on Intel faults **in ring 0, on the program's
//! stack** if rip is not canonical (CVE-2012-0217). So it is taken only when the frame asks
//! for just what it can do; a tracer or a signal may have changed the frame since it was
//! pushed. SYSEXIT is not used: it cannot restore the flags, and SYSRET returns to 32-bit
//! code on both vendors' CPUs (Linux does the same).
//!
//! The end of a call's way: the next instruction is the program's, behind its SYSCALL in
//! `user/sys/src/syscall.rs`.

use core::arch::naked_asm;

use super::frame::{Frame, VM, offsets};
use crate::arch::gdt::{USER_CS, USER_DS, USER32_CS};
use crate::arch::percpu::{WORK, work};
use crate::mm::espfix;
use crate::mm::layout::{self, TASK_SIZE};
use crate::pop_registers;
use crate::process::{exit_work, fault};

/// RF, TF and VM: SYSRET would drop the first and trap one instruction late with the second; the third has
/// no meaning in long mode, but QEMU 7.2 loads it.
const RF_TF_VM: u32 = 1 << 16 | 1 << 8 | VM as u32;

/// [`work`] bits that are done on the way out. What is done before a call has had its turn by then.
const EXIT_WORK: u32 = !work::BEFORE_CALL;

/// End of a program's addresses, where an instruction can compare with all 64 bits of it.
static USER_LIMIT: u64 = TASK_SIZE;

unsafe extern "C" {
    /// The one IRET that returns to user mode. It can fault, see `exceptions.rs`.
    pub static iret_to_user: u8;
}

/// Inside `naked_asm!`, first thing after a call: its result goes to rax's slot, and what waits
/// (a signal, another task's turn) is done. rsp points to the frame before and after.
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

/// Back from SYSCALL in 64-bit code. rax is the call's result.
///
/// # Safety
/// Only the way in may jump here.
#[unsafe(naked)]
pub unsafe extern "C" fn return_from_syscall() {
    naked_asm!(
        // 1. The result, and what else is to be done first.
        finish_call!(),
        // 2. Does the frame still say what SYSRET would load? rip from rcx, rflags from r11,
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
        // and an address of the program's: those are all canonical.
        "cmp rcx, [rip + {limit}]",
        "jae {iret}",
        // 3. The registers; rcx and r11 are already right, the pops repeat them.
        pop_registers!(),
        // 4. The program's stack (orig_rax, rip, cs, rflags lie below it) and GS. From here on
        //    nothing may fault: there is no kernel stack.
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

/// Back from SYSCALL in 32-bit code or from SYSENTER, by SYSRET to 32-bit code. The vDSO's
/// landing pad reloads ecx, edx and ebp from its stack, so that rcx is free for rip.
///
/// Where 64-bit code executed SYSENTER it returns to the same place, in 32-bit mode, as on
/// Linux, and dies of it.
///
/// # Safety
/// Only those ways in may jump here.
#[unsafe(naked)]
pub unsafe extern "C" fn return_from_syscall32() {
    naked_asm!(
        // 1. The result. rip needs no check: the way in put the landing pad's address there, and
        //    only work on the way out changes it (or leaves work, as execve and sigreturn do).
        //    That is why IRET follows it.
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
        // 2. The registers, then rip to ecx and rflags to r11 (behind orig_rax, rip and cs).
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

/// Back from INT 0x80. rax is the call's result.
///
/// # Safety
/// Only the way in may jump here.
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

/// Where a new task starts: its frame is that of the call that made it, and a tracer may have it
/// stop before its first instruction.
///
/// # Safety
/// Only the first switch to a task may come here, with rsp at its frame.
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

/// Back to a program from anything: every register comes from the frame, and IRET loads rip,
/// cs, rflags, rsp and ss. It faults if they cannot be loaded, with the program's GS already
/// swapped in: `iret_to_user` lets the exception stub recognise it.
///
/// # Safety
/// Only a way in may jump here, with rsp at a frame from user mode.
#[unsafe(naked)]
pub unsafe extern "C" fn return_by_iret() {
    naked_asm!(
        // A stack segment of the program's own may be a 16-bit one.
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

/// In a selector: it is one of the LDT.
const LOCAL: u8 = 1 << 2;

/// The same from a stack whose address doesn't tell of the kernel's (`mm/espfix.rs`).
///
/// # Safety
/// As [`return_by_iret`].
#[unsafe(naked)]
unsafe extern "C" fn return_by_espfix() {
    naked_asm!(
        // 1. What IRET loads, copied to that stack.
        "mov rdi, [rip + {writable}]",
        "lea rsi, [rsp + {rip}]",
        "mov ecx, 5",
        "rep movsq",
        // 2. Its address with the program's bits 16 to 31, left where the pops come to.
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

/// Where a double fault leads to whose cause was that IRET: the program's registers are still on
/// its task's stack, to which rsp points, and GS is the program's.
///
/// # Safety
/// Only `process/fault.rs` may lead here.
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

/// Where a #DB leads whose frame is lost (`process/fault.rs`): the task ends. Its frame is that of its last way
/// in; GS is the program's.
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

/// What the fault counts as, whatever it was before it found the stack read-only (as on Linux).
const GENERAL_PROTECTION: u8 = 13;

/// # Safety
/// `at` is the running task's frame, and nothing else refers to it.
unsafe extern "C" fn bad_return(at: *mut Frame) {
    // SAFETY: as the caller says.
    let frame = unsafe { &mut *at };
    frame.orig_rax = u64::MAX;
    fault::bad_return(frame, GENERAL_PROTECTION, 0);
    // SAFETY: as above; `frame` is not used any more.
    unsafe { exit_work(at) };
}
