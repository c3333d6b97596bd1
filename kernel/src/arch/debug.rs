//! Debug registers: hardware breakpoints (Intel SDM vol. 3, 18.2).
//!
//! They are part of a task and set by its tracer (`crate::process::ptrace::debug`). A switch writes
//! the CPU's registers only if one of the two tasks has breakpoints.

use core::arch::asm;

/// DR6 bits B0 to B3: the breakpoints that were hit.
pub const DR6_TRAPS: u64 = 0xf;
/// DR6 bit BS: single step.
pub const DR6_STEP: u64 = 1 << 14;
/// DR6 bits that are 1 when no condition is reported (Intel SDM vol. 3, 18.2.3).
pub const DR6_RESERVED: u64 = 0xffff_0ff0;
/// DR7 with all breakpoints disabled; bit 10 is always 1.
const DR7_OFF: u64 = 1 << 10;

/// R/W bits of a breakpoint's condition in DR7.
const KIND: u64 = 3;
/// R/W value: break on instruction execution.
const EXECUTE: u64 = 0;

/// A hardware breakpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breakpoint {
    /// Linear address.
    pub address: u64,
    /// R/W and LEN, the breakpoint's four condition bits in DR7.
    pub condition: u64,
    /// Whether the breakpoint is enabled.
    pub is_on: bool,
}

impl Breakpoint {
    /// Length of the watched range in bytes.
    pub fn len(&self) -> u64 {
        const LENGTHS: [u64; 4] = [1, 2, 8, 4];
        LENGTHS[(self.condition >> 2 & 3) as usize]
    }

    /// Whether it is an instruction breakpoint (a fault before the instruction) and not a data
    /// breakpoint (a trap after the access).
    pub fn is_on_execution(&self) -> bool {
        self.condition & KIND == EXECUTE
    }
}

/// A task's debug registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DebugRegisters {
    /// Breakpoints; `None` if the tracer has never set one.
    pub breakpoints: [Option<Breakpoint>; 4],
    /// DR7 as the tracer wrote it.
    pub control: u64,
    /// Data breakpoints are suspended; the watched memory's content at that time
    /// (`process/ptrace/debug.rs`).
    pub paused: Option<[u64; 4]>,
}

impl DebugRegisters {
    /// DR7 value for the enabled breakpoints, by their global enable bits.
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
        // SAFETY: the kernel doesn't use the debug registers itself; the addresses are in user
        // memory and the bits set are defined ones.
        unsafe {
            asm!(concat!("mov ", $name, ", {}"), in(reg) $value,
                 options(nomem, nostack, preserves_flags));
        }
    };
}

/// Loads the next task's breakpoints; with `had_some` the previous task's are disabled first.
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

/// Reads and resets DR6; returns a bit set for each condition of the last #DB.
pub fn take_status() -> u64 {
    let status: u64;
    // SAFETY: reading a debug register has no side effect.
    unsafe {
        asm!("mov {}, dr6", out(reg) status, options(nomem, nostack, preserves_flags));
    }
    write_register!("dr6", DR6_RESERVED);
    status ^ DR6_RESERVED
}
