//! Debug registers: breakpoints in hardware (Intel SDM vol. 3, 18.2).
//!
//! They belong to a task, and only a tracer gives it any (`crate::ptrace::debug`): the CPU's are
//! written at a switch only if one of the two tasks has some.

use core::arch::asm;

/// DR6: which of the four breakpoints it was.
pub const DR6_TRAPS: u64 = 0xf;
/// DR6: a single step.
pub const DR6_STEP: u64 = 1 << 14;
/// DR6's bits that read as 1 while they say nothing (Intel SDM vol. 3, 18.2.3).
pub const DR6_RESERVED: u64 = 0xffff_0ff0;
/// DR7 with nothing turned on.
const DR7_OFF: u64 = 1 << 10;

/// What a breakpoint waits for: bits 0 and 1 of its four in DR7.
const KIND: u64 = 3;
/// Running the instruction at the address.
const EXECUTE: u64 = 0;

/// One of the four breakpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breakpoint {
    /// Its address.
    pub address: u64,
    /// Kind and length, as DR7 has them: four bits.
    pub condition: u64,
    /// Whether it is turned on.
    pub is_on: bool,
}

impl Breakpoint {
    /// Bytes that it watches.
    pub fn len(&self) -> u64 {
        const LENGTHS: [u64; 4] = [1, 2, 8, 4];
        LENGTHS[(self.condition >> 2 & 3) as usize]
    }

    /// Whether it strikes before an instruction runs, and not behind one that touches memory.
    pub fn is_on_execution(&self) -> bool {
        self.condition & KIND == EXECUTE
    }
}

/// A task's debug registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DebugRegisters {
    /// The breakpoints that the tracer has written to.
    pub breakpoints: [Option<Breakpoint>; 4],
    /// DR7 as the tracer wrote it.
    pub control: u64,
    /// Breakpoints on memory are off for now; this is what stood there (`ptrace/debug.rs`).
    pub paused: Option<[u64; 4]>,
}

impl DebugRegisters {
    /// DR7 that turns on what is on, each by its global bit.
    pub fn enabled(&self) -> u64 {
        let bits = |(index, slot): (usize, &Option<Breakpoint>)| {
            let breakpoint = slot.filter(|breakpoint| {
                breakpoint.is_on && (self.paused.is_none() || breakpoint.is_on_execution())
            })?;
            Some(2 << (2 * index) | breakpoint.condition << (16 + 4 * index))
        };
        let each = self.breakpoints.iter().enumerate().filter_map(bits);
        each.fold(0, |all, one| all | one)
    }
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
        let address = |index: usize| registers.breakpoints[index].map_or(0, |b| b.address);
        write_register!("dr0", address(0));
        write_register!("dr1", address(1));
        write_register!("dr2", address(2));
        write_register!("dr3", address(3));
        write_register!("dr7", registers.enabled() | DR7_OFF);
    }
}

/// What a #DB was for, a bit set for each reason; the register starts anew.
pub fn take_status() -> u64 {
    let status: u64;
    // SAFETY: reading a debug register has no effect.
    unsafe {
        asm!("mov {}, dr6", out(reg) status, options(nomem, nostack, preserves_flags));
    }
    write_register!("dr6", DR6_RESERVED);
    status ^ DR6_RESERVED
}
