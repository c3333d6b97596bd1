//! The program's entry point, and its panic handler.
//!
//! At the first instruction the stack pointer is the address of `argc`, the arguments, the
//! environment and the auxiliary vector (see [`crate::env`]); every other general register is 0.

use core::arch::naked_asm;
use core::panic::PanicInfo;

use crate::env::Env;
use crate::{os, print};

unsafe extern "Rust" {
    /// The program's main function; `sys::entry!` defines it.
    safe fn program_main(env: &Env) -> i32;
}

/// The entry point: passes the stack pointer to [`begin`].
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    naked_asm!(
        "mov rdi, rsp",
        "xor ebp, ebp", // ends the frame chain for unwinders
        "and rsp, -16",
        "call {begin}",
        begin = sym begin,
    )
}

/// The entry point: passes the stack pointer to [`begin`].
#[cfg(target_arch = "x86")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    naked_asm!(
        "mov eax, esp",
        "xor ebp, ebp", // ends the frame chain for unwinders
        "and esp, -16",
        "sub esp, 12", // with the argument: aligned to 16 at the call
        "push eax",
        "call {begin}",
        begin = sym begin,
    )
}

/// Runs the program and exits with its status.
///
/// # Safety
/// `stack` must be the stack pointer at the program's first instruction.
pub unsafe extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: the caller passes the initial stack, which is valid for the program's lifetime.
    let env = unsafe { Env::new(stack) };
    #[cfg(target_arch = "x86")]
    if let Some(address) = env.aux(crate::env::AT_SYSINFO) {
        crate::sysenter::set_vsyscall(address);
    }
    let status = program_main(&env);
    print::flush();
    os::exit(status)
}

/// A panic ends the program with status 101, as in other Rust programs.
#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    crate::println!("{info}");
    print::flush();
    os::exit(101)
}

/// The 32-bit target's prebuilt `core` supports unwinding and refers to this function in its
/// tables. It is never called: panics don't unwind here.
#[cfg(target_arch = "x86")]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
