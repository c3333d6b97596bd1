//! The saved registers ([`Frame`]), which every entry stub leaves on the task's kernel stack.
//!
//! The layout is Linux's `struct pt_regs` (arch/x86/include/asm/ptrace.h) with one word below
//! it, the door or vector. The stubs push from the top down:
//!
//! ```text
//! 0xb0  top of the task's kernel stack (percpu.kernel_rsp, TSS.rsp0)
//! 0xa8  ss        --+
//! 0xa0  rsp         |
//! 0x98  rflags      |  pushed by an interrupt gate, by the stub for SYSCALL and SYSENTER
//! 0x90  cs          |
//! 0x88  rip       --+
//! 0x80  orig_rax       system call number, or error code of an exception
//! 0x78  rdi       --+
//! 0x70  rsi         |
//! 0x68  rdx         |
//! 0x60  rcx         |
//! 0x58  rax         |  -ENOSYS at a system call's entry, then its result
//! 0x50  r8          |
//! 0x48  r9          |
//! 0x40  r10         |  push_registers!
//! 0x38  r11         |
//! 0x30  rbx         |
//! 0x28  rbp         |
//! 0x20  r12         |
//! 0x18  r13         |
//! 0x10  r14         |
//! 0x08  r15         |
//! 0x00  entry     --+  rsp when the stub calls Rust
//! ```
//!
//! The assembly takes its [`offsets`] from the structure, so the two cannot disagree.
//!
//! The next file on a call's path: `entry/call.rs`, the stub's step from the number to the handler.

use core::cell::Cell;
use core::mem::offset_of;

use super::door::{Door, Table};

// ANCHOR: user32-cs
/// 32-bit user code. SYSRET loads CS from this selector (+0 for 32-bit, +16 for 64-bit code) and
/// SS from the next one (+8), which fixes the order.
pub const USER32_CS: u16 = 4 << 3 | 3;
// ANCHOR_END: user32-cs

/// A program's registers at its entry to the kernel: a copy of them, or in place ([`LiveFrame`]).
#[repr(C)]
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // The fields are the registers' names.
pub struct Frame<R = u64> {
    /// The entry taken: a [`Door`], or the vector of an exception or interrupt.
    pub entry: R,
    pub r15: R,
    pub r14: R,
    pub r13: R,
    pub r12: R,
    pub rbp: R,
    pub rbx: R,
    pub r11: R,
    pub r10: R,
    pub r9: R,
    pub r8: R,
    pub rax: R,
    pub rcx: R,
    pub rdx: R,
    pub rsi: R,
    pub rdi: R,
    /// rax at entry: the system call number. For an exception the error code until the handler
    /// has read it, then -1 ("not a system call").
    pub orig_rax: R,
    pub rip: R,
    pub cs: R,
    pub rflags: R,
    pub rsp: R,
    pub ss: R,
}

// ANCHOR: live-frame
/// A frame in place, on a kernel stack. Each register is a cell: the entry code, a call's handler
/// and a ptrace tracer may refer to the same frame, and none has it to itself.
///
/// `sched/thread.rs` has the method that edits a thread's frame.
pub type LiveFrame = Frame<Cell<u64>>;
// ANCHOR_END: live-frame

// ANCHOR: size
/// Bytes of a frame. A multiple of 16, so that the stack is aligned for the call to Rust.
pub const SIZE: usize = size_of::<Frame>();
const _: () = assert!(SIZE == 22 * 8 && SIZE.is_multiple_of(16));
// ANCHOR_END: size

/// rflags.TF: trap after each instruction.
pub const TF: u64 = 1 << 8;
/// rflags.RF: suppresses instruction breakpoints for one instruction.
pub const RF: u64 = 1 << 16;

/// rflags.VM: virtual-8086 mode, absent from long mode; an emulator may enter it.
pub const VM: u64 = 1 << 17;

// ANCHOR: offsets
/// Byte offsets of the fields that the assembly uses.
pub mod offsets {
    use super::{Frame, offset_of};
    /// Offset of `orig_rax`.
    pub const ORIG_RAX: usize = offset_of!(Frame, orig_rax);
    /// Offset of `rsp`.
    pub const RSP: usize = offset_of!(Frame, rsp);
    // ANCHOR_END: offsets
    /// Offset of `rip`.
    pub const RIP: usize = offset_of!(Frame, rip);
    /// Offset of `cs`.
    pub const CS: usize = offset_of!(Frame, cs);
    /// Offset of `rflags`.
    pub const RFLAGS: usize = offset_of!(Frame, rflags);
    /// Offset of `rbp`.
    pub const RBP: usize = offset_of!(Frame, rbp);
    /// Offset of `rax`.
    pub const RAX: usize = offset_of!(Frame, rax);
    /// Offset of `ss`.
    pub const SS: usize = offset_of!(Frame, ss);
}

impl Frame {
    // ANCHOR: is-user
    /// Whether the frame is from user mode, by the privilege level in CS.
    pub fn is_user(&self) -> bool {
        self.cs & 3 != 0
    }
    // ANCHOR_END: is-user

    /// Whether the frame is from 32-bit code of the flat user segment.
    pub fn is_compat(&self) -> bool {
        self.cs == u64::from(USER32_CS)
    }

    /// Table of the system call; `None` for an exception or interrupt.
    #[inline]
    pub fn table(&self) -> Option<Table> {
        Door::of(self.entry).map(Door::table)
    }

    /// The six argument registers of a call of `table`, all 64 bits of each.
    pub fn arguments(&self, table: Table) -> [u64; 6] {
        match table {
            Table::X86_64 => [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9],
            Table::I386 => [self.rbx, self.rcx, self.rdx, self.rsi, self.rdi, self.rbp],
        }
    }
}

impl LiveFrame {
    /// A copy of the registers.
    #[inline(always)]
    pub fn copy(&self) -> Frame {
        Frame {
            entry: self.entry.get(),
            r15: self.r15.get(),
            r14: self.r14.get(),
            r13: self.r13.get(),
            r12: self.r12.get(),
            rbp: self.rbp.get(),
            rbx: self.rbx.get(),
            r11: self.r11.get(),
            r10: self.r10.get(),
            r9: self.r9.get(),
            r8: self.r8.get(),
            rax: self.rax.get(),
            rcx: self.rcx.get(),
            rdx: self.rdx.get(),
            rsi: self.rsi.get(),
            rdi: self.rdi.get(),
            orig_rax: self.orig_rax.get(),
            rip: self.rip.get(),
            cs: self.cs.get(),
            rflags: self.rflags.get(),
            rsp: self.rsp.get(),
            ss: self.ss.get(),
        }
    }

    /// Sets all registers to those of `frame`.
    pub fn replace(&self, frame: &Frame) {
        self.entry.set(frame.entry);
        self.r15.set(frame.r15);
        self.r14.set(frame.r14);
        self.r13.set(frame.r13);
        self.r12.set(frame.r12);
        self.rbp.set(frame.rbp);
        self.rbx.set(frame.rbx);
        self.r11.set(frame.r11);
        self.r10.set(frame.r10);
        self.r9.set(frame.r9);
        self.r8.set(frame.r8);
        self.rax.set(frame.rax);
        self.rcx.set(frame.rcx);
        self.rdx.set(frame.rdx);
        self.rsi.set(frame.rsi);
        self.rdi.set(frame.rdi);
        self.orig_rax.set(frame.orig_rax);
        self.rip.set(frame.rip);
        self.cs.set(frame.cs);
        self.rflags.set(frame.rflags);
        self.rsp.set(frame.rsp);
        self.ss.set(frame.ss);
    }

    /// [`Frame::is_user`].
    pub fn is_user(&self) -> bool {
        self.copy().is_user()
    }
}

/// Inside `naked_asm!`: pushes each of these, and moves the rule by which a debugger finds the
/// frame's end (`entry/debug_info.rs`).
#[macro_export]
macro_rules! push {
    ($($what:literal)+) => {
        concat!($("push ", $what, "\n.cfi_adjust_cfa_offset 8\n",)+)
    };
}

/// Inside `naked_asm!`: pops to each of these, as [`push!`].
#[macro_export]
macro_rules! pop {
    ($($what:literal)+) => {
        concat!($("pop ", $what, "\n.cfi_adjust_cfa_offset -8\n",)+)
    };
}

/// Inside `naked_asm!`: pushes the registers below `orig_rax` with `$rcx` and -ENOSYS (-38) in
/// place of rcx and rax, then the door, operand `door`: the fields of [`Frame`] from rdi down.
#[macro_export]
// ANCHOR: push-registers
macro_rules! push_registers {
    ($rcx:literal) => {
        concat!(
            $crate::push!("rdi" "rsi" "rdx"),
            $crate::push!($rcx),
            $crate::push!("-38" "r8" "r9" "r10" "r11" "rbx" "rbp" "r12" "r13" "r14" "r15" "{door}")
        )
    };
}
// ANCHOR_END: push-registers

/// Inside `naked_asm!`: pops the registers that `push_registers!` pushed; rsp points to
/// `orig_rax` afterwards. `pop_registers!(except rax)` leaves rax as it is.
#[macro_export]
macro_rules! pop_registers {
    () => {
        $crate::pop_registers!(@ "pop rax\n")
    };
    (except rax) => {
        $crate::pop_registers!(@ "add rsp, 8\n")
    };
    (@ $rax:literal) => {
        concat!(
            "add rsp, 8\n.cfi_adjust_cfa_offset -8\n",
            $crate::pop!("r15" "r14" "r13" "r12" "rbp" "rbx" "r11" "r10" "r9" "r8"),
            $rax,
            ".cfi_adjust_cfa_offset -8\n",
            $crate::pop!("rcx" "rdx" "rsi" "rdi")
        )
    };
}
