//! Rules 7 and 20: a load of SS defers traps until after the next instruction. If the trap flag is
//! set and the next instruction is a door, the trap occurs in the kernel, before the first
//! instruction of its entry code. `door_mov_ss DOOR`. Expected: signal 5, as without the load.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::arch::asm;

use sys::numbers::GETPID;
use sys::{Door, Env};

sys::entry!(run);

fn run(env: &Env) -> i32 {
    match env.args().nth(1).and_then(Door::named) {
        Some(door) if door.available() => enter(door),
        _ => return 2,
    }
    1
}

/// Sets the trap flag, reloads SS and executes the door's instruction.
#[cfg(target_arch = "x86_64")]
fn enter(door: Door) {
    macro_rules! enter {
        ($door:literal) => {
            asm!("mov ecx, ss", "pushfq", "or dword ptr [rsp], 0x100", "popfq", "mov ss, ecx", $door, "nop",
                inout("eax") door.number(GETPID) as u32 => _, out("rcx") _, out("r11") _)
        };
    }
    // SAFETY: the program is expected to end at the instruction after the door.
    unsafe {
        match door {
            Door::Syscall => enter!("syscall"),
            Door::Int80 => enter!("int 0x80"),
        }
    }
}

/// Sets the trap flag, reloads SS and executes the door's instruction.
#[cfg(target_arch = "x86")]
fn enter(door: Door) {
    // The stack is prepared for the landing pad, where INT 0x80 does not return.
    macro_rules! enter {
        ($door:literal) => {
            asm!("call 3f", "jmp 4f", "3:", "push ecx", "push edx", "push ebp", "mov ebp, esp",
                "mov ecx, ss", "pushfd", "or dword ptr [esp], 0x100", "popfd", "mov ss, ecx", $door, "4:", "nop",
                inout("eax") door.number(GETPID) => _, out("ecx") _)
        };
    }
    // SAFETY: the program is expected to end at the instruction after the door.
    unsafe {
        match door {
            Door::Int80 | Door::Vsyscall => enter!("int 0x80"),
            Door::Sysenter => enter!("sysenter"),
            Door::Syscall32 => enter!("syscall"),
        }
    }
}
