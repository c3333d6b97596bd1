//! The kernel's entries as one type: [`call`] makes the same call through any of them.
//!
//! The door determines the table of a number: only `SYSCALL` from 64-bit code uses the x86_64
//! table, every other door the i386 one. [`Door::number`] returns the right column of
//! [`crate::numbers`].

use core::fmt;

use crate::numbers::Call;

/// A way into the kernel that a program of this width can use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// `INT 0x80`, from either width.
    Int80,
    /// `SYSCALL` from 64-bit code.
    #[cfg(target_arch = "x86_64")]
    Syscall,
    /// `__kernel_vsyscall` of the 32-bit vDSO, whichever instruction it uses.
    #[cfg(target_arch = "x86")]
    Vsyscall,
    /// `SYSENTER` executed by the program itself (Intel).
    #[cfg(target_arch = "x86")]
    Sysenter,
    /// `SYSCALL` executed by the program itself in 32-bit code (AMD).
    #[cfg(target_arch = "x86")]
    Syscall32,
}

impl Door {
    /// All doors of programs of this width, usable on this CPU or not.
    #[cfg(target_arch = "x86_64")]
    pub const ALL: &'static [Door] = &[Door::Int80, Door::Syscall];
    /// All doors of programs of this width, usable on this CPU or not.
    #[cfg(target_arch = "x86")]
    pub const ALL: &'static [Door] =
        &[Door::Int80, Door::Vsyscall, Door::Sysenter, Door::Syscall32];

    /// The door of typed system calls, which always works.
    #[cfg(target_arch = "x86_64")]
    pub const NATIVE: Door = Door::Syscall;
    /// The door of typed system calls, which always works.
    #[cfg(target_arch = "x86")]
    pub const NATIVE: Door = Door::Int80;

    /// Whether this CPU and this kernel support the door.
    pub fn available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86")]
            Door::Vsyscall => crate::sysenter::has_vsyscall(),
            #[cfg(target_arch = "x86")]
            Door::Sysenter => vsyscall_is(crate::sysenter::Instruction::Sysenter),
            #[cfg(target_arch = "x86")]
            Door::Syscall32 => vsyscall_is(crate::sysenter::Instruction::Syscall),
            _ => true,
        }
    }

    /// The available doors.
    pub fn usable() -> impl Iterator<Item = Door> {
        Door::ALL.iter().copied().filter(|door| door.available())
    }

    /// The number of `call` in this door's table.
    pub const fn number(self, call: Call) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Door::Syscall => call.x86_64,
            _ => call.i386,
        }
    }

    /// The short name, as in the kernel's call log and in /proc/doors.
    pub const fn name(self) -> &'static str {
        match self {
            Door::Int80 => "int80",
            #[cfg(target_arch = "x86_64")]
            Door::Syscall => "syscall",
            #[cfg(target_arch = "x86")]
            Door::Vsyscall => "vsyscall",
            #[cfg(target_arch = "x86")]
            Door::Sysenter => "sysenter",
            #[cfg(target_arch = "x86")]
            Door::Syscall32 => "syscall32",
        }
    }

    /// The door of that name.
    pub fn named(name: &str) -> Option<Door> {
        Door::ALL.iter().copied().find(|door| door.name() == name)
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether `__kernel_vsyscall` uses `wanted`. A raw door is only available if the kernel selected
/// its instruction: otherwise the instruction may not exist, or have no entry point.
#[cfg(target_arch = "x86")]
fn vsyscall_is(wanted: crate::sysenter::Instruction) -> bool {
    crate::sysenter::instruction() == Some(wanted)
}

/// Makes system call `number` (of the door's table) through `door`; returns the raw result,
/// `-errno` on failure.
///
/// # Safety
/// The door must be [`available`](Door::available), and the call sound for this program.
#[inline(always)] // most callers pass a constant door: no branch remains
pub unsafe fn call(door: Door, number: usize, args: [usize; 6]) -> isize {
    match door {
        // SAFETY: the caller guarantees that door and call are valid, here and in each arm below.
        Door::Int80 => unsafe { crate::int80::call(number, &args) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Door::Syscall => unsafe { crate::syscall::call(number, &args) },
        #[cfg(target_arch = "x86")]
        // SAFETY: as above.
        Door::Vsyscall => unsafe { crate::sysenter::call(number, &args) },
        #[cfg(target_arch = "x86")]
        // SAFETY: as above.
        Door::Sysenter => unsafe { crate::sysenter::raw(number, &args) },
        #[cfg(target_arch = "x86")]
        // SAFETY: as above.
        Door::Syscall32 => unsafe { crate::syscall::call(number, &args) },
    }
}
