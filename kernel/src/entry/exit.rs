//! The ways back: SYSRET where it is safe, IRET everywhere else.
//!
//! IRET can return to any state; SYSRET is several times cheaper but takes rip from rcx and
//! rflags from r11, implies both selectors, and on Intel faults **in ring 0, on the program's
//! stack** if rip is not canonical (CVE-2012-0217). So it is taken only when the frame asks
//! for just what it can do; a tracer or a signal may have changed the frame since it was
//! pushed. SYSEXIT is not used: it cannot restore the flags, and SYSRET returns to 32-bit
//! code on both vendors' CPUs (Linux does the same).

use core::arch::{global_asm, naked_asm};

use super::frame::offsets;
use crate::arch::gdt::{USER_CS, USER_DS, USER32_CS};
use crate::pop_registers;

/// RF and TF: SYSRET would drop the first and trap one instruction late with the second.
const RF_TF: u32 = 1 << 16 | 1 << 8;

unsafe extern "C" {
    /// The one IRET that returns to user mode. It can fault, see `exceptions.rs`.
    pub static iret_to_user: u8;
}

/// Back from SYSCALL in 64-bit code. rsp points to the frame.
///
/// # Safety
/// Only a way in may jump here.
#[unsafe(naked)]
pub unsafe extern "C" fn return_from_syscall() {
    naked_asm!(
        // 1. Does the frame still say what SYSRET would load? rip from rcx, rflags from r11,
        "mov rcx, [rsp + {rip}]",
        "cmp rcx, [rsp + {rcx}]",
        "jne {iret}",
        "mov r11, [rsp + {rflags}]",
        "cmp r11, [rsp + {r11}]",
        "jne {iret}",
        "test r11d, {rf_tf}",
        "jnz {iret}",
        // the selectors that STAR implies,
        "cmp dword ptr [rsp + {cs}], {user_cs}",
        "jne {iret}",
        "cmp dword ptr [rsp + {ss}], {user_ds}",
        "jne {iret}",
        // and a canonical address in the program's half: bits 63 to 47 are 0.
        "mov rax, rcx",
        "shr rax, 47",
        "jnz {iret}",
        // 2. The registers; rcx and r11 are already right, the pops repeat them.
        pop_registers!(),
        // 3. The program's stack (orig_rax, rip, cs, rflags lie below it) and GS. From here on
        //    nothing may fault: there is no kernel stack.
        "mov rsp, [rsp + 32]",
        "swapgs",
        "sysretq",
        rip = const offsets::RIP,
        rcx = const offsets::RCX,
        rflags = const offsets::RFLAGS,
        r11 = const offsets::R11,
        cs = const offsets::CS,
        ss = const offsets::SS,
        user_cs = const USER_CS,
        user_ds = const USER_DS,
        rf_tf = const RF_TF,
        iret = sym return_by_iret,
    )
}

/// Back from SYSCALL in 32-bit code or from SYSENTER, by SYSRET to 32-bit code. The vDSO's
/// landing pad reloads ecx, edx and ebp from its stack, so that rcx is free for rip.
///
/// # Safety
/// Only a way in may jump here.
#[unsafe(naked)]
pub unsafe extern "C" fn return_from_syscall32() {
    naked_asm!(
        // 1. As above; rip needs no check but that it is 32 bits, and the way in put it there.
        "mov r11, [rsp + {rflags}]",
        "test r11d, {rf_tf}",
        "jnz {iret}",
        "cmp dword ptr [rsp + {cs}], {user32_cs}",
        "jne {iret}",
        "cmp dword ptr [rsp + {ss}], {user_ds}",
        "jne {iret}",
        "mov ecx, [rsp + {rip}]",
        // rcx and r11 go through the frame: the pops load them last.
        "mov [rsp + {rcx}], rcx",
        "mov [rsp + {r11}], r11",
        pop_registers!(),
        "mov rsp, [rsp + 32]",
        "swapgs",
        "sysret",
        rip = const offsets::RIP,
        rcx = const offsets::RCX,
        rflags = const offsets::RFLAGS,
        r11 = const offsets::R11,
        cs = const offsets::CS,
        ss = const offsets::SS,
        user32_cs = const USER32_CS,
        user_ds = const USER_DS,
        rf_tf = const RF_TF,
        iret = sym return_by_iret,
    )
}

/// Back from SYSENTER: as from SYSCALL in 32-bit code. The call put the landing pad's address
/// into the frame; where 64-bit code executed SYSENTER it returns to the same place, in
/// 32-bit mode, as on Linux, and dies of it.
///
/// # Safety
/// Only a way in may jump here.
#[unsafe(naked)]
pub unsafe extern "C" fn return_from_sysenter() {
    naked_asm!("jmp {}", sym return_from_syscall32)
}

/// Back to a program from anything: every register comes from the frame.
///
/// # Safety
/// Only a way in may jump here.
#[unsafe(naked)]
pub unsafe extern "C" fn return_by_iret() {
    naked_asm!("jmp return_to_user")
}

// IRET faults if the frame's rip, cs, ss or flags cannot be loaded, with the program's GS
// already swapped in: the label lets the exception stub recognise it.
global_asm!(
    ".pushsection .entry.text, \"ax\"",
    ".globl return_to_user, iret_to_user",
    "return_to_user:",
    pop_registers!(),
    "add rsp, 8",
    "swapgs",
    "iret_to_user:",
    "iretq",
    ".popsection",
);
