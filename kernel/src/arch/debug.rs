//! Debug registers: breakpoints in hardware (Intel SDM vol. 3, 18.2).
//!
//! They belong to a task, and only a tracer gives it any (`crate::ptrace::debug`): the CPU's are
//! written at a switch only if one of the two tasks has some.

use core::arch::asm;

/// DR6: which of the four breakpoints it was.
pub const DR6_TRAPS: u64 = 0xf;
/// DR6: a single step.
pub const DR6_STEP: u64 = 1 << 14;
/// DR6's bits that read as 1 (Intel SDM vol. 3, 18.2.3).
const DR6_RESERVED: u64 = 0xffff_0ff0;
/// DR7 with nothing turned on.
const DR7_OFF: u64 = 1 << 10;

/// A task's debug registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DebugRegisters {
    /// DR0 to DR3: addresses.
    pub addresses: [u64; 4],
    /// DR6 as the tracer sees it: what happened since it last looked.
    pub status: u64,
    /// DR7: what is turned on.
    pub control: u64,
}

macro_rules! write_register {
    ($name:literal, $value:expr) => {
        // SAFETY: ring 0 may write debug registers, and the kernel has no use of its own for
        // them; addresses lie in user memory and the bits set are defined ones.
        unsafe {
            asm!(concat!("mov ", $name, ", {}"), in(reg) $value,
                 options(nomem, nostack, preserves_flags));
        }
    };
}

/// Gives the CPU a task's breakpoints; with `had_some` the former task's are taken away first.
pub fn switch(next: Option<&DebugRegisters>, had_some: bool) {
    if had_some {
        write_register!("dr7", DR7_OFF);
    }
    if let Some(registers) = next {
        write_register!("dr0", registers.addresses[0]);
        write_register!("dr1", registers.addresses[1]);
        write_register!("dr2", registers.addresses[2]);
        write_register!("dr3", registers.addresses[3]);
        write_register!("dr7", registers.control | DR7_OFF);
    }
}

/// What a #DB was for; the register starts anew.
pub fn take_status() -> u64 {
    let status: u64;
    // SAFETY: reading a debug register has no effect.
    unsafe {
        asm!("mov {}, dr6", out(reg) status, options(nomem, nostack, preserves_flags));
    }
    write_register!("dr6", DR6_RESERVED);
    status
}
