//! The saved registers: what every way in leaves on the task's kernel stack.
//!
//! [`Frame`] is Linux's `struct pt_regs` (arch/x86/include/asm/ptrace.h) with one word below
//! it that says which way in was taken. The stubs push it from the top down; [`offsets`] are
//! taken from the structure, so the two cannot drift apart.
//!
//! The next file on a call's way: `syscall/mod.rs`, which the stub calls with the frame's address.

use core::mem::offset_of;

/// A program's registers at the moment it entered the kernel.
#[repr(C)]
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // The fields are the registers' names.
pub struct Frame {
    /// Which way in: a [`Door`] or an exception's vector.
    pub entry: u64,
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    /// rax as the program set it: the number of the call. For an exception its error code,
    /// until the handler took it, then -1 ("not a call").
    pub orig_rax: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

/// Bytes of a frame. A multiple of 16: the stack is aligned for calls once it is pushed.
pub const SIZE: usize = size_of::<Frame>();
const _: () = assert!(SIZE == 22 * 8 && SIZE.is_multiple_of(16));

/// Flag: a trap after each instruction.
pub const TF: u64 = 1 << 8;
/// Flag: breakpoints on the next instruction don't strike.
pub const RF: u64 = 1 << 16;

/// Flag: virtual-8086 mode, which long mode doesn't have and an emulator may enter.
pub const VM: u64 = 1 << 17;

/// Offsets of the fields that the assembly names.
pub mod offsets {
    use super::{Frame, offset_of};
    /// Offset of `r11`.
    pub const R11: usize = offset_of!(Frame, r11);
    /// Offset of `rcx`.
    pub const RCX: usize = offset_of!(Frame, rcx);
    /// Offset of `orig_rax`.
    pub const ORIG_RAX: usize = offset_of!(Frame, orig_rax);
    /// Offset of `rsp`.
    pub const RSP: usize = offset_of!(Frame, rsp);
    /// Offset of `rip`.
    pub const RIP: usize = offset_of!(Frame, rip);
    /// Offset of `cs`.
    pub const CS: usize = offset_of!(Frame, cs);
    /// Offset of `rflags`.
    pub const RFLAGS: usize = offset_of!(Frame, rflags);
    /// Offset of `rax`.
    pub const RAX: usize = offset_of!(Frame, rax);
    /// Offset of `ss`.
    pub const SS: usize = offset_of!(Frame, ss);
}

/// The ways in. The values are those of [`Frame::entry`]; vectors use 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Door {
    /// INT 0x80, from 32- or 64-bit code.
    Int80 = 0x80,
    /// SYSCALL from 64-bit code, through LSTAR.
    Syscall = 0x100,
    /// SYSCALL from 32-bit code, through CSTAR.
    Syscall32 = 0x101,
    /// SYSENTER.
    Sysenter = 0x102,
}

impl Door {
    /// All doors, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Int80, Self::Syscall, Self::Syscall32, Self::Sysenter];

    /// The door that a frame came through; `None` for an exception or interrupt.
    pub fn of(entry: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|door| *door as u64 == entry)
    }

    /// The name in the tracer's lines and in /proc/doors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int80 => "int80",
            Self::Syscall => "syscall",
            Self::Syscall32 => "syscall32",
            Self::Sysenter => "sysenter",
        }
    }
}

impl Frame {
    /// Whether user code was interrupted, by the privilege level in CS.
    pub fn is_user(&self) -> bool {
        self.cs & 3 != 0
    }

    /// Whether the interrupted code is 32-bit.
    pub fn is_compat(&self) -> bool {
        self.cs == u64::from(crate::arch::gdt::USER32_CS)
    }
}

/// Inside `naked_asm!`: pushes the registers below `orig_rax`, `$rax` in rax's place, then
/// `$entry`. The order is that of [`Frame`] from its end.
#[macro_export]
macro_rules! push_registers {
    ($rax:literal, $entry:literal) => {
        concat!(
            "push rdi\npush rsi\npush rdx\npush rcx\npush ",
            $rax,
            "\n",
            "push r8\npush r9\npush r10\npush r11\npush rbx\npush rbp\n",
            "push r12\npush r13\npush r14\npush r15\npush ",
            $entry,
            "\n"
        )
    };
}

/// Inside `naked_asm!`: takes everything up to `orig_rax` off the stack again.
#[macro_export]
macro_rules! pop_registers {
    () => {
        concat!(
            "add rsp, 8\npop r15\npop r14\npop r13\npop r12\npop rbp\npop rbx\n",
            "pop r11\npop r10\npop r9\npop r8\npop rax\npop rcx\npop rdx\npop rsi\npop rdi\n"
        )
    };
}
