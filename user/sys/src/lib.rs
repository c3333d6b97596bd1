//! The kernel's entries ("doors") from the program's side.
//!
//! One short file per door, from the oldest on (README's walk of one write() begins at
//! [`syscall`]):
//!
//! 1. [`int80`]: the software interrupt, the oldest door; works from 32- and 64-bit code.
//! 2. `sysenter.rs`: `__kernel_vsyscall`, the 32-bit program's fast door.
//! 3. [`syscall`]: the `SYSCALL` instruction, the 64-bit program's door.
//! 4. [`vdso`]: the calls that don't enter the kernel.
//!
//! [`door`] makes one type of the first three, so that a test can make the same call through each.
//! The rest replaces a C library: `start.rs` (the first instruction), [`mod@env`] (arguments and
//! auxiliary vector), [`print`](mod@print), [`os`] (typed system calls).
//!
//! All of it is the Linux ABI: the programs run unchanged on Linux.
#![no_std]

pub mod cpu;
pub mod door;
pub mod elf_image;
pub mod env;
pub mod errno;
pub mod int80;
mod lookup;
#[cfg(all(target_arch = "x86", not(test)))]
mod mem;
pub mod numbers;
pub mod os;
pub mod print;
#[cfg(target_arch = "x86")]
mod six_registers;
#[cfg(any(target_os = "none", target_arch = "x86"))]
pub mod start;
pub mod syscall;
#[cfg(target_arch = "x86")]
pub mod sysenter;
pub mod vdso;

pub use door::{Door, call};
pub use env::Env;
pub use errno::{Errno, SysResult};

/// Makes `$main`, a `fn(&Env) -> i32`, the program's main function; its result is the exit status.
///
/// If the crate is built for the host, as by the linter, a normal `main` refers to the function.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[cfg(not(bare))]
        extern crate std;

        #[cfg(not(bare))]
        fn main() {
            let _: fn(&$crate::Env) -> i32 = $main;
        }

        /// Called by the start code.
        #[cfg(bare)]
        #[unsafe(no_mangle)]
        fn program_main(env: &$crate::Env) -> i32 {
            $main(env)
        }
    };
}
