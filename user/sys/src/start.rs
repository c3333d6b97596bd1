//! The program's entry point, and its panic handler.
//!
//! The kernel starts a program with nothing but a stack: `argc`, the arguments, the environment
//! and the auxiliary vector lie on it (see [`crate::env`]), and every other register is 0.

use core::arch::naked_asm;
use core::panic::PanicInfo;

use crate::env::Env;
use crate::{os, print};

unsafe extern "Rust" {
    /// The program's main function; `sys::entry!` defines it.
    safe fn program_main(env: &Env) -> i32;
}

/// Where the kernel jumps to: hands the stack pointer to [`begin`].
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    naked_asm!(
        "mov rdi, rsp",
        "xor ebp, ebp", // ends the chain of frames for unwinders
        "and rsp, -16",
        "call {begin}",
        begin = sym begin,
    )
}

/// Where the kernel jumps to: hands the stack pointer to [`begin`].
#[cfg(target_arch = "x86")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    naked_asm!(
        "mov eax, esp",
        "xor ebp, ebp", // ends the chain of frames for unwinders
        "and esp, -16",
        "sub esp, 12", // with the argument below: aligned to 16 at the call
        "push eax",
        "call {begin}",
        begin = sym begin,
    )
}

/// Runs the program on the stack that the kernel laid out, and exits with its status.
///
/// # Safety
/// `stack` must be the stack pointer as it was at the program's first instruction.
pub unsafe extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: the caller passes the kernel's initial stack, which stays for the program's life.
    let env = unsafe { Env::new(stack) };
    #[cfg(target_arch = "x86")]
    if let Some(address) = env.aux(crate::env::AT_SYSINFO) {
        crate::sysenter::set_vsyscall(address);
    }
    let status = program_main(&env);
    print::flush();
    os::exit(status)
}

/// A panic ends the program with status 101, as a Rust program's does elsewhere.
#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    crate::println!("{info}");
    print::flush();
    os::exit(101)
}

/// The 32-bit target's ready-made `core` is compiled so that a panic could unwind through it, and
/// names this function in its tables. Nothing unwinds here, so nothing calls it.
#[cfg(target_arch = "x86")]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
