//! Rule 14: the entry instruction that this vendor's CPUs lack: in 32-bit code `SYSENTER` on AMD,
//! `SYSCALL` on Intel. A real CPU raises #UD (signal 4); an emulator may execute it, in which case
//! it must enter the kernel like the other doors (exit 0), never jump to an address that the kernel
//! did not set. Expected: either.
#![no_std]
#![cfg_attr(bare, no_main)]

use sys::Env;

sys::entry!(run);

/// `sysenter_from_64` is the test in 64-bit code.
#[cfg(target_arch = "x86_64")]
fn run(_: &Env) -> i32 {
    2
}

#[cfg(target_arch = "x86")]
fn run(_: &Env) -> i32 {
    let door = if sys::cpu::is_amd() {
        sys::Door::Sysenter
    } else {
        sys::Door::Syscall32
    };
    // SAFETY: getpid touches no memory of the program; the call returns to the vDSO's landing pad,
    // for which the stack is prepared, or not at all.
    let pid = unsafe { sys::call(door, sys::numbers::GETPID.i386, [0; 6]) };
    sys::println!("{door}: getpid returned {pid}");
    i32::from(pid.cast_unsigned() != sys::os::getpid())
}
