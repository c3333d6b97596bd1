//! The 32-bit image: the page by CALL/POP, the kernel by `__kernel_vsyscall`, and the two
//! trampolines that signal handlers return to.
//!
//! The functions in assembly are [`crate::reader::quick`], as in the 64-bit image. They save the
//! registers that they use beside C's three, and have unwind entries for it.
// For the one instruction that Intel syntax can't express, in `page!`.
#![allow(bad_asm_style)]

use crate::math::{NANOS_PER_SEC, SHIFT, Time};
use crate::page::{CLOCKS, CYCLE, ClockPage, ENTRY_SHIFT, LIMIT, MODE_RDTSCP, offsets};
use crate::reader::REALTIME;
use core::arch::{asm, global_asm, naked_asm};
use core::mem::offset_of;

use super::{Timespec, Timeval, Timezone};

/// C's `long`.
pub type Long = i32;

/// Numbers of `arch/x86/entry/syscalls/syscall_32.tbl`.
pub const SYS_GETTIMEOFDAY: usize = 78;
/// Likewise: the call with 32-bit seconds.
pub const SYS_CLOCK_GETTIME: usize = 265;
/// Likewise.
pub const SYS_CLOCK_GETRES: usize = 266;
/// Likewise: the call with 64-bit seconds.
const SYS_CLOCK_GETTIME64: usize = 403;

/// `struct __kernel_timespec`: 64 bits each, in 32-bit programs too.
#[repr(C)]
struct Timespec64 {
    seconds: i64,
    nanos: i64,
}

/// The clock page, at its fixed distance below this code (`vdso32.lds`).
#[inline(always)]
pub fn page() -> &'static ClockPage {
    let page: *const ClockPage;
    // SAFETY: computes an address; POP removes the word that CALL pushes.
    unsafe {
        asm!(
            "call 2f",
            ".cfi_adjust_cfa_offset 4",
            "2: pop {0}",
            ".cfi_adjust_cfa_offset -4",
            "add $vvar_page - 2b, {0}",
            out(reg) page,
            // Intel syntax doesn't support a difference of two symbols here.
            options(att_syntax),
        );
    }
    // SAFETY: the kernel maps the page there, readable, as long as this code is mapped; every field
    // is atomic, so it may change at any time.
    unsafe { &*page }
}

unsafe extern "C" {
    /// Makes a system call with two arguments (below).
    #[link_name = "vdso_syscall"]
    pub safe fn syscall(number: usize, first: usize, second: usize) -> i32;
}

impl From<Time> for Timespec64 {
    #[inline(always)]
    fn from(time: Time) -> Self {
        Self {
            seconds: time.seconds,
            nanos: time.nanos.into(),
        }
    }
}

/// Saves a register.
macro_rules! save {
    ($register:literal) => {
        concat!(
            "push ",
            $register,
            "\n.cfi_adjust_cfa_offset 4\n.cfi_rel_offset ",
            $register,
            ", 0\n"
        )
    };
}

/// Restores a register; the caller's frame is `$bytes` above the stack pointer then.
macro_rules! restore {
    ($register:literal, $bytes:literal) => {
        concat!(
            "pop ",
            $register,
            "\n.cfi_def_cfa_offset ",
            $bytes,
            "\n.cfi_restore ",
            $register,
            "\n"
        )
    };
}

/// The clock page's address to a register, as in [`page`].
macro_rules! page {
    ($register:literal) => {
        concat!(
            "call 2f\n.cfi_adjust_cfa_offset 4\n2: pop ",
            $register,
            "\n.cfi_adjust_cfa_offset -4\n",
            // Intel syntax doesn't support a difference of two symbols here.
            ".att_syntax prefix\nadd $vvar_page - 2b, %",
            $register,
            "\n.intel_syntax noprefix\n"
        )
    };
}

/// The time of the clock at `$at` in the page at ebx: seconds to ecx, by `$high` their upper half
/// to esi, nanoseconds to edx, below one second or with whole seconds to carry (label 5). Continues
/// at label 3 for a clock that counts ticks or none, at label 9 if the attempt fails.
macro_rules! count {
    ($at:literal, $high:expr) => {
        concat!(
            // The number of the clock's last write, before its data.
            "mov edi, [",
            $at,
            " + {written}]\n",
            "cmp dword ptr [",
            $at,
            " + {mode}], {rdtscp}\n",
            "jb 3f\n",
            "ja 4f\n",
            "rdtscp\n", // overwrites ecx
            "2: sub eax, [ebx + {cycle}]\n",
            "sbb edx, [ebx + {cycle} + 4]\n",
            // Beyond 32 bits, or a counter before the base.
            "jne 9f\n",
            "cmp eax, [ebx + {limit}]\n",
            "ja 9f\n",
            "mul dword ptr [",
            $at,
            " + {mult}]\n",
            "add eax, [",
            $at,
            " + {nanos}]\n",
            "adc edx, [",
            $at,
            " + {nanos} + 4]\n",
            "mov ecx, [",
            $at,
            " + {seconds}]\n",
            $high,
            // Behind all the data: whether a write has begun since.
            "cmp edi, [ebx]\n",
            "jne 9f\n",
            "shld edx, eax, 32 - {shift}\n",
            "cmp edx, {second}\n",
            "jae 5f\n",
            "6:\n",
        )
    };
}

/// The rare parts of [`count`]: a CPU without RDTSCP, and whole seconds. `$carry` adds to the upper
/// half of the seconds.
macro_rules! count_rarely {
    ($carry:literal) => {
        concat!(
            "4: lfence\n",
            "rdtsc\n",
            "jmp 2b\n",
            "5: sub edx, {second}\n",
            "add ecx, 1\n",
            $carry,
            "cmp edx, {second}\n",
            "jae 5b\n",
            "jmp 6b\n",
        )
    };
}

/// clock_gettime for one of the layouts of a time. `$high` loads the upper half of the seconds,
/// `$carry` adds to it, `$put` writes the result to the address in eax.
macro_rules! clock_gettime {
    ($high:literal, $carry:literal, $put:literal, $slow:path) => {
        naked_asm!(
            ".cfi_startproc",
            save!("ebx"),
            save!("esi"),
            save!("edi"),
            // 1. The clock's entry: esi bytes into the table.
            "mov esi, [esp + 16]",
            "cmp esi, {clocks}",
            "jae 9f",
            page!("ebx"),
            "shl esi, {entry_shift}",
            // 2. Its time.
            count!("ebx + esi", $high),
            // 3. The result. A bad pointer faults in the program.
            "mov eax, [esp + 20]",
            $put,
            "xor eax, eax",
            ".cfi_remember_state",
            restore!("edi", 12),
            restore!("esi", 8),
            restore!("ebx", 4),
            "ret",
            ".cfi_restore_state",
            // The time of the last tick, in whole nanoseconds. A clock that only the kernel can
            // read, or none, has no write to match.
            "3: mov edx, [ebx + esi + {nanos}]",
            "mov ecx, [ebx + esi + {seconds}]",
            $high,
            "cmp edi, [ebx]",
            "je 6b",
            "9:",
            ".cfi_remember_state",
            restore!("edi", 12),
            restore!("esi", 8),
            restore!("ebx", 4),
            "jmp {slow}",
            ".cfi_restore_state",
            count_rarely!($carry),
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
            slow = sym $slow,
        )
    };
}

/// clock_gettime(2).
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn __vdso_clock_gettime(id: i32, time: *mut Timespec) -> i32 {
    clock_gettime!(
        "",
        "",
        "mov [eax], ecx\nmov [eax + 4], edx\n",
        super::slow_clock_gettime
    )
}

/// clock_gettime64(2).
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn __vdso_clock_gettime64(id: i32, time: *mut Timespec64) -> i32 {
    clock_gettime!(
        "mov esi, [ebx + esi + {seconds} + 4]\n",
        "adc esi, 0\n",
        "mov [eax], ecx\nmov [eax + 4], esi\nmov [eax + 8], edx\nmov dword ptr [eax + 12], 0\n",
        slow_clock_gettime64
    )
}

/// [`super::slow_clock_gettime`] for clock_gettime64.
extern "C" fn slow_clock_gettime64(id: i32, time: *mut Timespec64) -> i32 {
    super::slow_gettime(SYS_CLOCK_GETTIME64, id, time)
}

/// gettimeofday(2). Either pointer may be NULL.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn __vdso_gettimeofday(time: *mut Timeval, zone: *mut Timezone) -> i32 {
    naked_asm!(
        ".cfi_startproc",
        save!("ebx"),
        save!("edi"),
        page!("ebx"),
        "cmp dword ptr [esp + 12], 0",
        "je 7f",
        count!("ebx", ""),
        // Nanoseconds to microseconds: / 1000 as x / 2^38, exact below a second.
        "mov eax, {per_micro}",
        "mul edx",
        "shr edx, 38 - 32",
        "mov eax, [esp + 12]",
        "mov [eax], ecx",
        "mov [eax + 4], edx",
        "7: mov ecx, [esp + 16]",
        "test ecx, ecx",
        "jne 8f",
        "12: xor eax, eax",
        ".cfi_remember_state",
        restore!("edi", 8),
        restore!("ebx", 4),
        "ret",
        ".cfi_restore_state",
        "8: mov eax, [ebx + {zone}]",
        "mov [ecx], eax",
        "mov eax, [ebx + {zone} + 4]",
        "mov [ecx + 4], eax",
        "jmp 12b",
        // CLOCK_REALTIME never counts ticks.
        "3: 9:",
        ".cfi_remember_state",
        restore!("edi", 8),
        restore!("ebx", 4),
        "jmp {slow}",
        ".cfi_restore_state",
        count_rarely!(""),
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

/// time(2): the seconds of the last tick, one aligned load that needs no sequence lock. The page's
/// address is in eax, the result's place.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn __vdso_time(time: *mut Long) -> Long {
    naked_asm!(
        ".cfi_startproc",
        page!("eax"),
        "mov eax, [eax + {seconds}]",
        "mov ecx, [esp + 4]",
        "test ecx, ecx",
        "jne 3f",
        "ret",
        "3: mov [ecx], eax",
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
        "mov edx, [esp + 4]",
        "mov ecx, [esp + 8]",
        "VDSO_GETCPU_SITE:",
        "mov eax, 0x7b",
        "lsl eax, eax",
        "test edx, edx",
        "je 2f",
        "mov [edx], eax",
        "2: xor eax, eax",
        "test ecx, ecx",
        "je 3f",
        "mov [ecx], eax",
        "3: ret",
        ".cfi_endproc",
    )
}

// The unprefixed names, weak so that a program's own definition wins.
global_asm!(
    ".irp name, clock_gettime, clock_gettime64, gettimeofday, clock_getres, time, getcpu",
    ".weak \\name",
    ".type \\name, @function",
    ".set \\name, __vdso_\\name",
    ".endr",
);

// ANCHOR: vsyscall-steps
// __kernel_vsyscall: enters the kernel as `int 0x80` does, by the fastest instruction of this CPU.
//
// On entry: eax number, ebx ecx edx esi edi ebp arguments. On return: eax result, all other
// registers preserved.
//
// 1. SYSENTER and SYSCALL pass the kernel neither a usable return address nor all six arguments,
//    so three registers are saved here, ebp (sixth argument) on top.
// 2. Four bytes that the kernel overwrites at boot (VDSO32_VSYSCALL_SITE):
//      Intel  mov ebp, esp; sysenter      ebp passes the stack pointer
//      AMD    mov ebp, ecx; syscall       ebp passes the second argument: SYSCALL destroys ecx
//      else   a four-byte no-op
// 3. INT 0x80, for a CPU without a fast entry. A call is restarted here too: the kernel sets eip
//    to these two bytes before the landing pad, with all registers as for INT 0x80.
// 4. The landing pad (VDSO32_SYSENTER_RETURN): the return address of all three.
// ANCHOR_END: vsyscall-steps
global_asm!(
    ".pushsection .text.__kernel_vsyscall, \"ax\", @progbits",
    ".balign 16",
    ".globl __kernel_vsyscall",
    ".type __kernel_vsyscall, @function",
    "__kernel_vsyscall:",
    ".Lvsyscall:",
    ".cfi_startproc",
    "push ecx", // 1
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset ecx, 0",
    "push edx",
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset edx, 0",
    "push ebp",
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset ebp, 0",
    // ANCHOR: vsyscall-site
    "VDSO32_VSYSCALL_SITE:",
    ".byte 0x0f, 0x1f, 0x40, 0x00", // 2: nop dword ptr [eax + 0], with its byte of offset
    "int 0x80",                     // 3
    "VDSO32_SYSENTER_RETURN:",
    "pop ebp", // 4
    // ANCHOR_END: vsyscall-site
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore ebp",
    "pop edx",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore edx",
    "pop ecx",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore ecx",
    "ret",
    ".cfi_endproc",
    ".size __kernel_vsyscall, . - __kernel_vsyscall",
    ".popsection",
);

// vdso_syscall(number, first, second): the C calling convention around __kernel_vsyscall.
global_asm!(
    ".pushsection .text.vdso_syscall, \"ax\", @progbits",
    ".type vdso_syscall, @function",
    "vdso_syscall:",
    ".cfi_startproc",
    "push ebx", // callee-saved in C
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset ebx, 0",
    "mov eax, [esp + 8]",
    "mov ebx, [esp + 12]",
    "mov ecx, [esp + 16]",
    "call .Lvsyscall",
    "pop ebx",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore ebx",
    "ret",
    ".cfi_endproc",
    ".size vdso_syscall, . - vdso_syscall",
    ".popsection",
);

// __kernel_sigreturn and __kernel_rt_sigreturn: a signal handler whose `sa_restorer` is NULL
// returns here. The stack is then (the kernel's sigframe_ia32 without its return address)
//
//     __kernel_sigreturn      esp: signal number, then struct sigcontext at 4
//     __kernel_rt_sigreturn   esp: number, two pointers, siginfo (128), ucontext: sigcontext at 160
//
// An unwinder finds each interrupted register in that sigcontext: `sigframe_cfi` describes it as
// DWARF's "at esp + n"; `sp` is the sigcontext's offset. The frame description begins one byte
// early, at the no-op: unwinders look up a return address minus one. gdb, too, recognises the
// trampolines by the no-op, the instructions and the function name: they must not change.
global_asm!(
    // DW_CFA_expression (0x10) register, length 3: DW_OP_breg4 (0x74, esp) offset as SLEB128 of two
    // bytes.
    ".macro at_esp register, offset",
    ".cfi_escape 0x10, \\register, 3, 0x74, ((\\offset) & 0x7f) | 0x80, ((\\offset) >> 7) & 0x7f",
    ".endm",
    ".macro sigframe_cfi sp",
    // ANCHOR: unwind
    // DW_CFA_def_cfa_expression (0x0f), length 4: the saved esp itself, by DW_OP_deref (0x06).
    ".cfi_escape 0x0f, 4, 0x74, ((\\sp + 28) & 0x7f) | 0x80, ((\\sp + 28) >> 7) & 0x7f, 0x06",
    "at_esp 0, \\sp + 44", // eax
    "at_esp 1, \\sp + 40", // ecx
    "at_esp 2, \\sp + 36", // edx
    "at_esp 3, \\sp + 32", // ebx
    "at_esp 5, \\sp + 24", // ebp
    "at_esp 6, \\sp + 20", // esi
    "at_esp 7, \\sp + 16", // edi
    "at_esp 8, \\sp + 56", // eip
    // ANCHOR_END: unwind
    ".endm",
    ".pushsection .text.__kernel_sigreturn, \"ax\", @progbits",
    ".balign 32",
    ".cfi_startproc simple",
    ".cfi_signal_frame",
    // ANCHOR: sigreturn
    "sigframe_cfi 4",
    "nop",
    ".globl __kernel_sigreturn",
    ".type __kernel_sigreturn, @function",
    "__kernel_sigreturn:",
    "pop eax", // sigreturn(2) takes the stack without the signal number
    "sigframe_cfi 0",
    "mov eax, 119",
    "int 0x80",
    ".cfi_endproc",
    // ANCHOR_END: sigreturn
    ".size __kernel_sigreturn, . - __kernel_sigreturn",
    "nop",
    ".popsection",
    ".pushsection .text.__kernel_rt_sigreturn, \"ax\", @progbits",
    ".balign 32",
    ".cfi_startproc simple",
    ".cfi_signal_frame",
    "sigframe_cfi 160",
    "nop",
    ".globl __kernel_rt_sigreturn",
    ".type __kernel_rt_sigreturn, @function",
    "__kernel_rt_sigreturn:",
    "mov eax, 173",
    "int 0x80",
    ".cfi_endproc",
    ".size __kernel_rt_sigreturn, . - __kernel_rt_sigreturn",
    "nop",
    ".popsection",
);
