//! The 32-bit image: the page by CALL/POP, the kernel by `__kernel_vsyscall`, and the two
//! trampolines that signal handlers return to.

use crate::math::Time;
use crate::page::ClockPage;
use core::arch::{asm, global_asm};

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

/// clock_gettime64(2).
#[unsafe(no_mangle)]
unsafe extern "C" fn __vdso_clock_gettime64(id: i32, time: *mut Timespec64) -> i32 {
    super::gettime(SYS_CLOCK_GETTIME64, id, time)
}

// The unprefixed names, weak so that a program's own definition wins.
global_asm!(
    ".irp name, clock_gettime, clock_gettime64, gettimeofday, clock_getres, time, getcpu",
    ".weak \\name",
    ".type \\name, @function",
    ".set \\name, __vdso_\\name",
    ".endr",
);

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
    "VDSO32_VSYSCALL_SITE:",
    ".byte 0x0f, 0x1f, 0x40, 0x00", // 2: nop dword ptr [eax + 0], with its byte of offset
    "int 0x80",                     // 3
    "VDSO32_SYSENTER_RETURN:",
    "pop ebp", // 4
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
    // DW_CFA_expression (0x10) register, length 3: DW_OP_breg4 (0x74, esp) offset as SLEB128 of two bytes.
    ".macro at_esp register, offset",
    ".cfi_escape 0x10, \\register, 3, 0x74, ((\\offset) & 0x7f) | 0x80, ((\\offset) >> 7) & 0x7f",
    ".endm",
    ".macro sigframe_cfi sp",
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
    ".endm",
    ".pushsection .text.__kernel_sigreturn, \"ax\", @progbits",
    ".balign 32",
    ".cfi_startproc simple",
    ".cfi_signal_frame",
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
