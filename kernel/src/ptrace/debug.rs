//! Breakpoints in hardware: what a tracer may write to a thread's debug registers, and what a #DB
//! tells it (arch/x86/kernel/ptrace.c: ptrace_set_debugreg).

use alloc::boxed::Box;

use crate::arch::debug::{self, DR6_STEP, DR6_TRAPS, DebugRegisters};
use crate::mm::layout::TASK_SIZE;
use crate::process::{Task, current};
use crate::syscall::errno::Errno;

/// DR7: the low byte's enable bits, and type and length of the four.
const CONTROL: u64 = 0xffff_03ff;

/// Debug register `index` (0 to 7) of a thread.
pub fn read(task: &Task, index: usize) -> u64 {
    let registers = task.debug.lock();
    let registers = registers.as_deref().copied().unwrap_or_default();
    match index {
        0..=3 => registers.addresses[index],
        6 => registers.status,
        7 => registers.control,
        _ => 0,
    }
}

/// Writes it.
///
/// # Errors
/// `EINVAL` for an address that isn't the program's, or a kind of breakpoint that isn't for
/// programs; `EIO` for a register that doesn't exist.
pub fn write(task: &Task, index: usize, value: u64) -> Result<(), Errno> {
    let mut slot = task.debug.lock();
    let mut registers = slot.as_deref().copied().unwrap_or_default();
    match index {
        0..=3 if value >= TASK_SIZE => return Err(Errno::EINVAL),
        0..=3 => registers.addresses[index] = value,
        6 => registers.status = value,
        7 => registers.control = checked_control(value)?,
        _ => return Err(Errno::EIO),
    }
    *slot = (registers != DebugRegisters::default()).then(|| Box::new(registers));
    Ok(())
}

/// DR7 from a tracer: the reserved bits go; a breakpoint that is on must be one on execution (one
/// byte), on writing or on access, not on I/O ports.
fn checked_control(value: u64) -> Result<u64, Errno> {
    let value = value & CONTROL;
    for index in 0..4 {
        let is_on = value >> (2 * index) & 3 != 0;
        let kind = value >> (16 + 4 * index) & 3;
        let length = value >> (18 + 4 * index) & 3;
        if is_on && (kind == 2 || kind == 0 && length != 0) {
            return Err(Errno::EINVAL);
        }
    }
    Ok(value)
}

/// A #DB came from the running thread: notes it for the tracer, and returns DR6.
pub fn trapped() -> u64 {
    let status = debug::take_status();
    if let Some(registers) = current().debug.lock().as_deref_mut() {
        registers.status |= status & (DR6_TRAPS | DR6_STEP);
    }
    status
}
