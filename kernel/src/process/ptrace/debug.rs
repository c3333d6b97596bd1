//! Hardware breakpoints: a tracer's access to a thread's debug registers, and the report of a #DB
//! (arch/x86/kernel/ptrace.c: ptrace_set_debugreg; hw_breakpoint.c).

use core::sync::atomic::Ordering;

use crate::abi::errno::Errno;
use crate::abi::frame::{LiveFrame, RF};
use crate::arch::cpu;
use crate::arch::debug::{self, Breakpoint, DR6_RESERVED, DR6_STEP, DR6_TRAPS, DebugRegisters};
use crate::mm::layout::TASK_SIZE;
use crate::process::{Task, current};

/// Writable bits of DR7: enable bits, and conditions and lengths of the four breakpoints.
const CONTROL: u64 = 0xffff_03ff;
/// Condition of a breakpoint whose address is written before DR7: a write of one byte.
const WRITE_BYTE: u64 = 1;

/// Debug register `index` (0 to 7) of a thread.
pub fn read(task: &Task, index: usize) -> u64 {
    let registers = task.debug_registers();
    match index {
        0..=3 => registers.breakpoints[index].map_or(0, |breakpoint| breakpoint.address),
        6 => task.debug_status.load(Ordering::Relaxed) ^ DR6_RESERVED,
        7 => registers.control,
        _ => 0,
    }
}

/// Writes debug register `index` of a thread.
///
/// # Errors
/// `EINVAL` for an address outside user memory or not a multiple of the length, or for a condition
/// that programs can't use; `EIO` for a register that doesn't exist.
pub fn write(task: &Task, index: usize, value: u64) -> Result<(), Errno> {
    let mut registers = task.debug_registers();
    let mut result = Ok(());
    match index {
        0..=3 => {
            let (condition, is_on) = registers.breakpoints[index]
                .map_or((WRITE_BYTE, false), |old| (old.condition, old.is_on));
            registers.breakpoints[index] = Some(checked_breakpoint(value, condition, is_on)?);
        }
        6 => {
            let status = value ^ DR6_RESERVED;
            task.debug_status.store(status, Ordering::Relaxed);
            return Ok(());
        }
        7 => result = write_control(&mut registers, value),
        _ => return Err(Errno::EIO),
    }
    task.set_debug_registers(registers);
    result
}

/// Writes DR7. If a breakpoint is invalid, those before it are restored to the enabled ones
/// (ptrace_write_dr7).
fn write_control(registers: &mut DebugRegisters, value: u64) -> Result<(), Errno> {
    let before = registers.enabled();
    let done = set_conditions(registers, value & CONTROL);
    if done.is_ok() {
        registers.control = value;
    } else {
        let _ = set_conditions(registers, before);
    }
    done
}

fn set_conditions(registers: &mut DebugRegisters, control: u64) -> Result<(), Errno> {
    for (index, slot) in registers.breakpoints.iter_mut().enumerate() {
        let is_on = control >> (2 * index) & 3 != 0;
        let condition = control >> (16 + 4 * index) & 0xf;
        let address = match slot {
            Some(old) => old.address,
            None if is_on => 0,
            None => continue,
        };
        *slot = Some(checked_breakpoint(address, condition, is_on)?);
    }
    Ok(())
}

/// Checks a breakpoint (hw_breakpoint_arch_parse): on execution (of length 1), write or access, not
/// on I/O ports; at a user address that is a multiple of its length.
fn checked_breakpoint(address: u64, condition: u64, is_on: bool) -> Result<Breakpoint, Errno> {
    const ON_IO: u64 = 2;
    let breakpoint = Breakpoint {
        address,
        condition,
        is_on,
    };
    let length = breakpoint.len();
    let is_kind = match condition & 3 {
        _ if breakpoint.is_on_execution() => length == 1,
        kind => kind != ON_IO,
    };
    // ANCHOR: address
    let end = address.checked_add(length).filter(|end| *end <= TASK_SIZE);
    if is_kind && end.is_some() && address.is_multiple_of(length) {
        Ok(breakpoint)
    } else {
        Err(Errno::EINVAL)
    }
    // ANCHOR_END: address
}

/// Sets whether a stopped thread is resumed with single steps.
///
/// QEMU (7.2, TCG) reports a step that hits a watchpoint twice, the second time at the first
/// instruction of the kernel's handler, whose frame then overwrites the program's; Linux hangs.
/// Under emulation, a stepping thread therefore has its watchpoints disabled, and the watched
/// memory is compared after the step. That misses reads, and writes that don't change the value.
pub fn set_stepping(task: &Task, steps: bool) {
    let mut registers = task.debug_registers();
    let mut watching = registers.breakpoints.iter().flatten();
    let is_watching = watching.any(|breakpoint| breakpoint.is_on && !breakpoint.is_on_execution());
    let pauses = steps && is_watching && cpu::features().emulated;
    let paused = pauses.then(|| watched_values(task, &registers));
    if registers.paused != paused {
        registers.paused = paused;
        task.set_debug_registers(registers);
    }
}

/// The values at the watched addresses.
fn watched_values(task: &Task, registers: &DebugRegisters) -> [u64; 4] {
    let mm = task.mm();
    registers.breakpoints.map(|slot| {
        let mut bytes = [0; 8];
        if let (Some(breakpoint), Some(mm)) = (slot, &mm) {
            let len = breakpoint.len() as usize;
            mm.lock().peek(breakpoint.address, &mut bytes[..len]);
        }
        u64::from_le_bytes(bytes)
    })
}

/// Records the single-step trap of an instruction that the kernel emulated.
pub fn stepped() {
    current().debug_status.store(DR6_STEP, Ordering::Relaxed);
}

/// Handles a #DB of the running thread: records it for the tracer, and returns DR6; `None` if the
/// trap is not to be reported.
///
/// A breakpoint on execution traps before its instruction, again and again unless the thread
/// continues with RF set (Intel SDM vol. 3, 18.3.1.1).
pub fn trapped(frame: &LiveFrame) -> Option<u64> {
    let task = current();
    let mut registers = task.debug_registers();
    let mut status = debug::take_status();
    if let Some(before) = registers.paused.take() {
        let now = watched_values(&task, &registers);
        for (index, slot) in registers.breakpoints.iter().enumerate() {
            let is_watched = slot.is_some_and(|slot| slot.is_on && !slot.is_on_execution());
            status |= u64::from(is_watched && before[index] != now[index]) << index;
        }
        task.set_debug_registers(registers);
        debug::switch(Some(&registers), true);
    }
    let came_by_breakpoint = status & DR6_TRAPS != 0;
    let mut seen = status & DR6_STEP;
    for (index, slot) in registers.breakpoints.iter().enumerate() {
        let bit = 1 << index;
        let Some(breakpoint) = slot.filter(|breakpoint| breakpoint.is_on && status & bit != 0)
        else {
            continue;
        };
        if breakpoint.is_on_execution() {
            // Only the step is reported; the breakpoint traps when its instruction is executed.
            if status & DR6_STEP != 0 {
                continue;
            }
            frame.rflags.update(|flags| flags | RF);
        }
        status &= !bit;
        seen |= bit;
    }
    task.debug_status.store(seen, Ordering::Relaxed);
    // Bits of disabled breakpoints are meaningless (hw_breakpoint_handler).
    let is_empty = came_by_breakpoint && seen & DR6_TRAPS == 0 && status & !DR6_TRAPS == 0;
    (!is_empty).then_some(status | seen)
}
