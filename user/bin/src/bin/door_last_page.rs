//! Rule 1: a door's instruction in the last bytes that a program can map returns to the first
//! address that it can't map, which is canonical, so that SYSRET doesn't fault in ring 0.
//! `door_last_page syscall` and `int80`. Expected: signal 11.
//!
//! `door_last_page refused`: nothing can be mapped at or across that address, behind which
//! addresses are not canonical. Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::arch::asm;

use programs::check::Checks;
use programs::named;
use sys::os::{self, PROT_EXEC, PROT_READ, PROT_WRITE};
use sys::{Env, Errno};

sys::entry!(run);

/// The first address that no program can map.
#[cfg(target_arch = "x86_64")]
const LIMIT: usize = 0x7fff_ffff_f000;
/// The first address that no program can map.
#[cfg(target_arch = "x86")]
const LIMIT: usize = 0xffff_e000;

fn run(env: &Env) -> i32 {
    if env.args().nth(1) == Some("refused") {
        return refused();
    }
    named::run(
        env,
        &[
            ("syscall", || last([0x0f, 0x05])),
            ("int80", || last([0xcd, 0x80])),
        ],
    )
}

/// Makes a harmless call with `door` as the last two bytes below `LIMIT`.
fn last(door: [u8; 2]) {
    let page = LIMIT - 4096;
    // SAFETY: the mapping could only replace the stack, which is no longer used: the program ends.
    unsafe {
        if os::map_fixed(page, 4096, PROT_READ | PROT_WRITE).is_err() {
            return;
        }
        ((LIMIT - 2) as *mut [u8; 2]).write_volatile(door);
        if os::mprotect(page, 4096, PROT_READ | PROT_EXEC).is_err() {
            return;
        }
        asm!("jmp {}", in(reg) LIMIT - 2, in("eax") 100_000, options(noreturn));
    }
}

fn refused() -> i32 {
    let mut checks = Checks::default();
    let beyond = [
        (LIMIT, 4096),
        (LIMIT - 4096, 8192),
        (LIMIT + 4096, 4096),
        (usize::MAX - 4095, 4096),
        (1 << (usize::BITS - 1), 1 << (usize::BITS - 1)),
        #[cfg(target_arch = "x86_64")]
        (1 << 47, 4096),
        #[cfg(target_arch = "x86_64")]
        (0xffff_ffff_8000_0000, 4096),
    ];
    for (address, length) in beyond {
        // SAFETY: the program has no mapping there.
        let mapped = unsafe { os::map_fixed(address, length, PROT_READ | PROT_WRITE) };
        checks.equal(
            mapped,
            Err(Errno(12)),
            format_args!("mmap of {length:#x} bytes at {address:#x}"),
        );
        // SAFETY: as above.
        let changed = unsafe { os::mprotect(address, length, PROT_READ) };
        checks.that(
            changed.is_err(),
            format_args!("mprotect at {address:#x}: {changed:?}"),
        );
        // SAFETY: as above.
        let unmapped = unsafe { os::munmap(address, length) };
        checks.equal(
            unmapped,
            Err(Errno::EINVAL),
            format_args!("munmap at {address:#x}"),
        );
    }
    checks.status()
}
