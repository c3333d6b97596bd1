//! The 64-bit image: page by RIP-relative address, kernel by SYSCALL.
//!
//! clock_gettime takes 26 instructions for a clock that counts (`count.rs`). The functions in
//! assembly use only registers that C's calls overwrite, so that they save none, and need no unwind
//! entries but the default.

use crate::count::count;
use crate::math::{NANOS_PER_SEC, SHIFT};
use crate::page::{CLOCKS, CYCLE, ClockPage, ENTRY_SHIFT, LIMIT, MODE_RDTSCP, offsets};
use crate::reader::REALTIME;
use core::arch::{asm, global_asm, naked_asm};
use core::mem::offset_of;

use super::{Timespec, Timeval, Timezone};

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
    // ANCHOR: page-address
    let page: *const ClockPage;
    // SAFETY: computes an address.
    unsafe {
        asm!("lea {}, [rip + vvar_page]", out(reg) page, options(pure, nomem, nostack, preserves_flags))
    };
    // ANCHOR_END: page-address
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

/// Goes on at label 5 if there are whole seconds to carry.
macro_rules! whole_seconds {
    () => {
        "cmp eax, {second}\njae 5f\n6:\n"
    };
}

/// A CPU without RDTSCP, and [`whole_seconds`].
macro_rules! count_rarely {
    () => {
        concat!(
            "4: lfence\n",
            "rdtsc\n",
            "jmp 2b\n",
            "5: sub eax, {second}\n",
            "inc rdx\n",
            "cmp eax, {second}\n",
            "jae 5b\n",
            "jmp 6b\n",
        )
    };
}

/// clock_gettime(2).
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn __vdso_clock_gettime(id: i32, time: *mut Timespec) -> i32 {
    naked_asm!(
        ".cfi_startproc",
        // 1. The clock's entry: rdi bytes into the table.
        "cmp edi, {clocks}",
        "jae {slow}",
        "lea r8, [rip + vvar_page]",
        "shl edi, {entry_shift}",
        // 2. Its time.
        count!("r8", "r8 + rdi", "r9d"),
        whole_seconds!(),
        // 3. The result. A bad pointer faults in the program.
        "mov [rsi], rdx",
        "mov [rsi + 8], rax",
        "xor eax, eax",
        "ret",
        // The time of the last tick, in whole nanoseconds. A clock that only the kernel can read,
        // or none, has no write to match.
        "3: mov rdx, [r8 + rdi + {seconds}]",
        "mov rax, [r8 + rdi + {nanos}]",
        "cmp r9d, [r8]",
        "je 6b",
        // The id again.
        "9: shr edi, {entry_shift}",
        "jmp {slow}",
        count_rarely!(),
        ".cfi_endproc",
        clocks = const CLOCKS,
        entry_shift = const ENTRY_SHIFT,
        written = const offsets(0).written,
        mode = const offsets(0).mode,
        mult = const offsets(0).mult,
        nanos = const offsets(0).nanos,
        seconds = const offsets(0).seconds,
        cycle = const CYCLE,
        limit = const LIMIT,
        rdtscp = const MODE_RDTSCP,
        shift = const SHIFT,
        second = const NANOS_PER_SEC,
        slow = sym super::slow_clock_gettime,
    )
}

/// gettimeofday(2). Either pointer may be NULL.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn __vdso_gettimeofday(time: *mut Timeval, zone: *mut Timezone) -> i32 {
    naked_asm!(
        ".cfi_startproc",
        "test rdi, rdi",
        "je 7f",
        count!("rip + vvar_page", "rip + vvar_page", "r9d"),
        whole_seconds!(),
        // Nanoseconds to microseconds: / 1000 as x / 2^38, exact below a second.
        "imul rax, rax, {per_micro}",
        "shr rax, 38",
        "mov [rdi], rdx",
        "mov [rdi + 8], rax",
        "7: test rsi, rsi",
        "jne 8f",
        "xor eax, eax",
        "ret",
        "8: mov rax, [rip + vvar_page + {zone}]",
        "mov [rsi], rax",
        "xor eax, eax",
        "ret",
        count_rarely!(),
        // CLOCK_REALTIME never counts ticks.
        "3: 9: jmp {slow}",
        ".cfi_endproc",
        written = const offsets(REALTIME).written,
        mode = const offsets(REALTIME).mode,
        mult = const offsets(REALTIME).mult,
        nanos = const offsets(REALTIME).nanos,
        seconds = const offsets(REALTIME).seconds,
        cycle = const CYCLE,
        limit = const LIMIT,
        rdtscp = const MODE_RDTSCP,
        shift = const SHIFT,
        second = const NANOS_PER_SEC,
        per_micro = const super::PER_MICRO,
        zone = const offset_of!(ClockPage, minutes_west),
        slow = sym super::slow_gettimeofday,
    )
}

/// time(2): the seconds of the last tick, one aligned load that needs no sequence lock.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn __vdso_time(time: *mut Long) -> Long {
    naked_asm!(
        ".cfi_startproc",
        "mov rax, [rip + vvar_page + {seconds}]",
        "test rdi, rdi",
        "jne 2f",
        "ret",
        "2: mov [rdi], rax",
        "ret",
        ".cfi_endproc",
        seconds = const offsets(REALTIME).seconds,
    )
}

/// getcpu(2): see [`super`] for the number and the node.
#[unsafe(naked)]
#[unsafe(no_mangle)]
// The function is emitted once, and inlined nowhere.
#[allow(named_asm_labels)]
unsafe extern "C" fn __vdso_getcpu(cpu: *mut u32, node: *mut u32, _unused: *mut u8) -> i32 {
    naked_asm!(
        ".cfi_startproc",
        "VDSO_GETCPU_SITE:",
        "lsl rax, word ptr [rip + 4f]", // eight bytes
        "test rdi, rdi",
        "je 2f",
        "mov [rdi], eax",
        "2: test rsi, rsi",
        "jne 3f",
        "xor eax, eax",
        "ret",
        "3: xor eax, eax",
        "mov [rsi], eax",
        "ret",
        ".balign 2",
        "4: .short 0x7b",
        ".cfi_endproc",
    )
}

// The unprefixed names, weak so that a program's own definition wins.
global_asm!(
    ".irp name, clock_gettime, gettimeofday, clock_getres, time, getcpu",
    ".weak \\name",
    ".type \\name, @function",
    ".set \\name, __vdso_\\name",
    ".endr",
);
