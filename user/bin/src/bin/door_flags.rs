//! Rules 1, 3, 12 and 20: a program may enter the kernel with any flag set. The kernel works as
//! usual, and the flag is still set on return. Expected: exit 0.
//!
//! `door_flags trap DOOR`: with the trap flag set, each instruction of the program traps, also the
//! one after the door. Expected: signal 5, as the program has no handler.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::arch::asm;

use programs::check::Checks;
use programs::registers::{self, Registers};
use sys::numbers::{GETPID, READ, WAIT4};
use sys::{Door, Env, os};

sys::entry!(run);

const FLAGS: [(&str, usize); 12] = [
    ("none", 0),
    ("CF", 1),
    ("PF", 1 << 2),
    ("AF", 1 << 4),
    ("ZF", 1 << 6),
    ("SF", 1 << 7),
    ("DF", 1 << 10),
    ("OF", 1 << 11),
    ("NT", 1 << 14),
    ("AC", 1 << 18),
    ("ID", 1 << 21),
    ("DF, NT, AC and ID", 1 << 10 | 1 << 14 | 1 << 18 | 1 << 21),
];

fn run(env: &Env) -> i32 {
    if env.args().nth(1) == Some("trap") {
        return match env.args().nth(2).and_then(Door::named) {
            Some(door) if door.available() => trap(door),
            _ => 2,
        };
    }
    let mut checks = Checks::default();
    let zero = os::open(c"/dev/zero", os::O_RDONLY).unwrap_or(usize::MAX);
    for door in Door::usable() {
        for (name, flag) in FLAGS {
            let mut call = |number, args: &[usize], wanted: usize, what: &str| {
                let mut before = Registers::pattern().with_call(door, number, args);
                before.flags |= flag;
                // SAFETY: the calls write to `BUFFER` at most.
                let after = unsafe { registers::call(door, before) };
                let (result, flags) = (after.general[0], after.flags);
                checks.equal(result, wanted, format_args!("{door} with {name}: {what}"));
                checks.equal(
                    flags,
                    before.flags,
                    format_args!("{door} with {name}: flags after {what}"),
                );
            };
            call(door.number(GETPID), &[], os::getpid(), "getpid");
            // The kernel writes memory upwards, whatever DF is.
            fill(0xff);
            call(door.number(READ), &[zero, middle(), 64], 64, "read");
            let right = buffer()
                .iter()
                .enumerate()
                .all(|(at, &byte)| (byte == 0) == (64..128).contains(&at));
            // The kernel switches to another process and back by IRET, which fails with NT set.
            if let Ok(child) = os::fork() {
                if child == 0 {
                    os::exit(0);
                }
                call(door.number(WAIT4), &[usize::MAX, 0, 0, 0], child, "wait4");
            }
            checks.that(
                right,
                format_args!("{door} with {name}: read wrote outside its buffer"),
            );
        }
    }
    checks.status()
}

/// The kernel writes the middle third, at an address that fits in 32 bits.
static mut BUFFER: [u8; 192] = [0; 192];

fn buffer() -> [u8; 192] {
    // SAFETY: one thread, and the kernel writes only during a call.
    unsafe { BUFFER }
}

fn fill(byte: u8) {
    // SAFETY: as above.
    unsafe { BUFFER = [byte; 192] };
}

fn middle() -> usize {
    (&raw mut BUFFER).addr() + 64
}

/// Sets the trap flag right before the door's instruction; returns only if there was no trap.
#[cfg(target_arch = "x86_64")]
fn trap(door: Door) -> i32 {
    let number = door.number(GETPID);
    // SAFETY: the program is expected to end at the instruction after the door.
    unsafe {
        match door {
            Door::Syscall => asm!("pushfq", "or dword ptr [rsp], 0x100", "popfq", "syscall", "nop",
                inout("eax") number as u32 => _, out("rcx") _, out("r11") _),
            Door::Int80 => asm!("pushfq", "or dword ptr [rsp], 0x100", "popfq", "int 0x80", "nop",
                inout("eax") number as u32 => _),
        }
    }
    1
}

/// Sets the trap flag right before the door's instruction; returns only if there was no trap.
#[cfg(target_arch = "x86")]
fn trap(door: Door) -> i32 {
    let number = door.number(GETPID);
    // SAFETY: the program is expected to end at the instruction after the door.
    unsafe {
        match door {
            Door::Int80 => asm!("pushfd", "or dword ptr [esp], 0x100", "popfd", "int 0x80", "nop",
                inout("eax") number => _),
            Door::Vsyscall => asm!("pushfd", "or dword ptr [esp], 0x100", "popfd",
                "call dword ptr [{vsyscall}]", "nop", vsyscall = sym sys::sysenter::VSYSCALL,
                inout("eax") number => _),
            Door::Sysenter => {
                asm!("call 3f", "jmp 4f", "3:", "push ecx", "push edx", "push ebp", "mov ebp, esp",
                "pushfd", "or dword ptr [esp], 0x100", "popfd", "sysenter", "4:", "nop",
                inout("eax") number => _)
            }
            Door::Syscall32 => {
                asm!("call 3f", "jmp 4f", "3:", "push ecx", "push edx", "push ebp", "mov ebp, ecx",
                "pushfd", "or dword ptr [esp], 0x100", "popfd", "syscall", "4:", "nop",
                inout("eax") number => _, lateout("ecx") _)
            }
        }
    }
    1
}
