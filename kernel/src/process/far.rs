//! Emulation of far returns, IRET and far calls of programs.
//!
//! QEMU up to 7.2 accesses the program's stack as supervisor in these instructions, which SMAP
//! forbids: the page fault's frame is in user mode, its error code says supervisor. Linux oopses.
//! Here the kernel emulates the instruction as Intel SDM vol. 2 describes it: the stack is accessed
//! by user copies, the selectors are checked against their descriptors, and the registers change
//! only after all checks. The program continues by the kernel's IRET, which checks again.

use super::instruction::{self, Decoder};
use super::signal::frame::RESTORED_FLAGS;
use super::{Task, current};
use crate::abi::frame::{Frame, LiveFrame, RF};
use crate::arch::gdt::USER_CS;
use crate::mm::layout::TASK_SIZE;
use crate::usercopy::UserPtr;
use crate::vm::fault::Access;

/// Exception raised by the emulated instruction.
#[derive(Debug, PartialEq, Eq)]
pub enum FarFault {
    /// Vector and error code (a selector, or 0).
    Segment(u8, u64),
    /// Page fault: address and access.
    Page(u64, Access),
}

const NOT_PRESENT: u8 = 11;
const STACK: u8 = 12;
const PROTECTION: u8 = 13;

/// RFLAGS.NT, nested task: IRET with NT set raises #GP in long mode.
const NT: u64 = 1 << 14;
/// RFLAGS.ID, which programs can change.
const ID: u64 = 1 << 21;

/// Bits of a selector reported in an error code.
const INDEX: u16 = !3;
const RING_3: u16 = 3;

// Bits of a descriptor (Intel SDM vol. 3, 3.4.5).
const WRITABLE: u64 = 1 << 41;
const CONFORMING: u64 = 1 << 42;
const CODE: u64 = 1 << 43;
const CODE_OR_DATA: u64 = 1 << 44;
const DPL: u64 = 3 << 45;
const PRESENT: u64 = 1 << 47;
const LONG: u64 = 1 << 53;
const BIG: u64 = 1 << 54;
const PAGES: u64 = 1 << 55;

/// Emulates the instruction at the running program's rip if it is a far return, IRET or far call.
/// Returns whether it was.
///
/// # Errors
/// The exception that the instruction raises; `live` is unchanged.
pub fn complete(live: &LiveFrame) -> Result<bool, FarFault> {
    let task = current();
    let frame = &live.copy();
    let bytes = instruction::bytes(frame);
    let is_big = |selector: u64| {
        instruction::descriptor(&task, selector as u16).is_none_or(|bits| bits & BIG != 0)
    };
    let long = frame.cs == u64::from(USER_CS);
    let mut decoder = Decoder::new(&bytes, long, long || is_big(frame.cs));
    let opcode = decoder.opcode();
    let mut stack = UserStack {
        base: match long {
            true => 0,
            false => instruction::base(&task, frame.ss as u16),
        },
        mask: match long {
            true => u64::MAX,
            false if is_big(frame.ss) => u32::MAX.into(),
            false => u16::MAX.into(),
        },
        size: decoder.operand_size(),
        pointer: frame.rsp,
    };
    let mut next = frame.clone();
    match opcode {
        Some(0xca | 0xcb) => {
            let extra = match opcode {
                Some(0xca) => decoder.immediate(2),
                _ => Some(0),
            };
            let Some(extra) = extra else {
                return Ok(false);
            };
            let (to, selector) = (stack.pop()?, stack.pop()? as u16);
            set_code_segment(&task, &mut next, to, selector, Rights::Return)?;
            next.rsp = stack.add(frame.rsp, 2 * stack.size + extra);
        }
        Some(0xcf) => iret(&task, &mut next, &mut stack, long)?,
        Some(0xff) if decoder.modrm_reg() == Some(3) => {
            let Some(at) = decoder.memory_operand(frame) else {
                return Ok(false);
            };
            let to = read(at, stack.size)?;
            let selector = read(at.wrapping_add(stack.size), 2)? as u16;
            call(&task, &mut next, &mut stack, to, selector, decoder.len())?;
        }
        Some(0x9a) if !long => {
            let to = decoder.immediate(stack.size as usize);
            let (Some(to), Some(selector)) = (to, decoder.immediate(2)) else {
                return Ok(false);
            };
            call(
                &task,
                &mut next,
                &mut stack,
                to,
                selector as u16,
                decoder.len(),
            )?;
        }
        _ => return Ok(false),
    }
    live.replace(&next);
    Ok(true)
}

/// The stack of the emulated instruction.
struct UserStack {
    /// Base of the stack segment.
    base: u64,
    /// Bits of the stack pointer in use: 16, 32 or 64.
    mask: u64,
    /// Operand size, bytes.
    size: u64,
    pointer: u64,
}

impl UserStack {
    fn address(&self, pointer: u64) -> u64 {
        let address = self.base.wrapping_add(pointer & self.mask);
        // With a segment base, addresses wrap at 4 GiB.
        if self.mask == u64::MAX {
            address
        } else {
            address & u64::from(u32::MAX)
        }
    }

    fn pop(&mut self) -> Result<u64, FarFault> {
        let word = read(self.address(self.pointer), self.size)?;
        self.pointer = self.pointer.wrapping_add(self.size);
        Ok(word)
    }

    /// `pointer` plus `more`; a 16-bit stack pointer leaves the upper bits of the register
    /// unchanged.
    fn add(&self, pointer: u64, more: u64) -> u64 {
        let sum = pointer.wrapping_add(more) & self.mask;
        if self.mask == u64::from(u16::MAX) {
            pointer & !self.mask | sum
        } else {
            sum
        }
    }
}

fn read(at: u64, size: u64) -> Result<u64, FarFault> {
    let mut bytes = [0; 8];
    UserPtr::new(at)
        .read_into(&mut bytes[..size as usize])
        .map_err(|_| FarFault::Page(at, Access::Read))?;
    Ok(u64::from_le_bytes(bytes))
}

/// Rule of the check of a code segment's selector.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rights {
    /// Far return: the selector's RPL must be 3.
    Return,
    /// Far call: the RPL is ignored and becomes 3.
    Call,
}

/// Checks and sets CS and rip.
fn set_code_segment(
    task: &Task,
    next: &mut Frame,
    to: u64,
    selector: u16,
    rights: Rights,
) -> Result<(), FarFault> {
    let error = u64::from(selector & INDEX);
    let refused = Err(FarFault::Segment(PROTECTION, error));
    if selector & INDEX == 0 {
        return refused;
    }
    let Some(bits) = instruction::descriptor(task, selector) else {
        return refused;
    };
    let is_code = bits & CODE_OR_DATA != 0 && bits & CODE != 0;
    if !is_code || rights == Rights::Return && selector & RING_3 != RING_3 {
        return refused;
    }
    // A non-conforming segment needs DPL 3; a conforming one may have any.
    if bits & CONFORMING == 0 && bits & DPL != DPL {
        return refused;
    }
    if bits & PRESENT == 0 {
        return Err(FarFault::Segment(NOT_PRESENT, error));
    }
    let in_reach = if bits & LONG != 0 {
        to < TASK_SIZE
    } else {
        let limit = bits & 0xffff | bits >> 32 & 0xf_0000;
        let limit = if bits & PAGES != 0 {
            limit << 12 | 0xfff
        } else {
            limit
        };
        to & u64::from(u32::MAX) <= limit
    };
    if !in_reach {
        return Err(FarFault::Segment(PROTECTION, 0));
    }
    next.cs = u64::from(selector | RING_3);
    next.rip = if bits & LONG != 0 {
        to
    } else {
        to & u64::from(u32::MAX)
    };
    next.rflags &= !RF;
    Ok(())
}

/// IRET to the same ring. In 64-bit code it also pops rsp and SS, in 32-bit code it doesn't.
fn iret(task: &Task, next: &mut Frame, stack: &mut UserStack, long: bool) -> Result<(), FarFault> {
    if next.rflags & NT != 0 {
        return Err(FarFault::Segment(PROTECTION, 0));
    }
    let (to, selector, flags) = (stack.pop()?, stack.pop()? as u16, stack.pop()?);
    let mut pointer = stack.add(next.rsp, 3 * stack.size);
    set_code_segment(task, next, to, selector, Rights::Return)?;
    if long {
        let (new, ss) = (stack.pop()?, stack.pop()? as u16);
        let bits = stack_segment(task, ss)?;
        next.ss = ss.into();
        pointer = if next.cs == u64::from(USER_CS) {
            new
        } else if bits & BIG != 0 {
            new & u64::from(u32::MAX)
        } else {
            next.rsp & !u64::from(u16::MAX) | new & u64::from(u16::MAX)
        };
    }
    let width = if stack.size == 2 {
        u16::MAX.into()
    } else {
        u64::MAX
    };
    let loaded = (RESTORED_FLAGS | NT | ID) & width;
    next.rflags = next.rflags & !loaded | flags & loaded;
    next.rsp = pointer;
    Ok(())
}

/// Checks a stack segment (writable data of ring 3); returns its descriptor.
fn stack_segment(task: &Task, selector: u16) -> Result<u64, FarFault> {
    let error = u64::from(selector & INDEX);
    let descriptor = instruction::descriptor(task, selector).filter(|bits| {
        let is_data = bits & CODE_OR_DATA != 0 && bits & CODE == 0 && bits & WRITABLE != 0;
        selector & INDEX != 0 && selector & RING_3 == RING_3 && is_data && bits & DPL == DPL
    });
    match descriptor {
        None => Err(FarFault::Segment(PROTECTION, error)),
        Some(bits) if bits & PRESENT == 0 => Err(FarFault::Segment(STACK, error)),
        Some(bits) => Ok(bits),
    }
}

/// Far call: pushes CS and the return address, after all other checks.
fn call(
    task: &Task,
    next: &mut Frame,
    stack: &mut UserStack,
    to: u64,
    selector: u16,
    len: usize,
) -> Result<(), FarFault> {
    let (cs, behind) = (next.cs, next.rip.wrapping_add(len as u64));
    set_code_segment(task, next, to, selector, Rights::Call)?;
    for (place, word) in [(1, cs), (2, behind)] {
        let at = stack.address(next.rsp.wrapping_sub(place * stack.size));
        let bytes = word.to_le_bytes();
        UserPtr::new(at)
            .write_slice(&bytes[..stack.size as usize])
            .map_err(|_| FarFault::Page(at, Access::Write))?;
    }
    next.rsp = stack.add(next.rsp, (2 * stack.size).wrapping_neg());
    Ok(())
}
