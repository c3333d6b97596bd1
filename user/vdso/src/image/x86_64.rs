//! The 64-bit image: page by RIP-relative address, kernel by SYSCALL.

use crate::page::ClockPage;
use core::arch::{asm, global_asm};

/// C's `long`.
pub type Long = i64;

/// Numbers of `arch/x86/entry/syscalls/syscall_64.tbl`.
pub const SYS_GETTIMEOFDAY: usize = 96;
/// Likewise.
pub const SYS_CLOCK_GETTIME: usize = 228;
/// Likewise.
pub const SYS_CLOCK_GETRES: usize = 229;

/// The clock page, at its fixed distance below this code (`vdso64.lds`).
#[inline(always)]
pub fn page() -> &'static ClockPage {
    let page: *const ClockPage;
    // SAFETY: computes an address.
    unsafe {
        asm!("lea {}, [rip + vvar_page]", out(reg) page, options(pure, nomem, nostack, preserves_flags))
    };
    // SAFETY: the kernel maps the page there, readable, as long as this code is mapped; every field
    // is atomic, so it may change at any time.
    unsafe { &*page }
}

/// Makes a system call with two arguments.
#[cold]
#[inline(never)]
pub fn syscall(number: usize, first: usize, second: usize) -> i32 {
    let result: i64;
    // SAFETY: the call and its arguments are the program's own. SYSCALL overwrites rcx and r11.
    unsafe {
        asm!("syscall", inlateout("rax") number as i64 => result, in("rdi") first, in("rsi") second,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result as i32
}

// The unprefixed names, weak so that a program's own definition wins.
global_asm!(
    ".irp name, clock_gettime, gettimeofday, clock_getres, time, getcpu",
    ".weak \\name",
    ".type \\name, @function",
    ".set \\name, __vdso_\\name",
    ".endr",
);
