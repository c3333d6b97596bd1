//! Decoder for the instruction at which a program raised an exception. The instruction is read from
//! user memory once, as the program may change it at any time.

use core::ops::Deref;

use super::{Task, current};
use crate::abi::frame::Frame;
use crate::arch::gdt::{self, TLS_FIRST, USER_CS};
use crate::arch::segments::Segments;
use crate::arch::user_desc;
use crate::usercopy::UserPtr;

/// Address bits of 32-bit code.
const LOW: u64 = 0xffff_ffff;
/// Longest instruction, bytes (Intel SDM vol. 2, 2.3.11).
const MAX_LENGTH: usize = 15;

/// Bytes from rip on, as far as they can be read: the instruction and possibly some after it.
pub struct Bytes {
    bytes: [u8; MAX_LENGTH],
    len: usize,
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The bytes at the running program's rip; empty if they can't be read.
pub fn bytes(frame: &Frame) -> Bytes {
    let mut bytes = [0; MAX_LENGTH];
    // A code segment of the LDT may have another base than 0 (insn_get_effective_ip).
    let start = if frame.cs == u64::from(USER_CS) {
        frame.rip
    } else {
        base(&current(), frame.cs as u16).wrapping_add(frame.rip) & LOW
    };
    // Up to the first byte that isn't mapped.
    let len = UserPtr::new(start).read_prefix(&mut bytes);
    Bytes { bytes, len }
}

/// Base of the segment of `selector` (x86_fsgsbase_read_task).
pub fn base(task: &Task, selector: u16) -> u64 {
    descriptor(task, selector).map_or(0, user_desc::base)
}

/// Descriptor of a program's selector, in the LDT or among the GDT's user descriptors.
pub fn descriptor(task: &Task, selector: u16) -> Option<u64> {
    const LOCAL: u16 = 1 << 2;
    let index = usize::from(selector >> 3);
    if selector & LOCAL != 0 {
        let mm = task.mm()?;
        let descriptor = mm.lock().ldt.descriptors().get(index).copied();
        return descriptor;
    }
    match index.checked_sub(TLS_FIRST) {
        Some(slot) if slot < 3 => Some(task.tls.lock()[slot]),
        _ => gdt::user_descriptor(index),
    }
}

/// Decoder of prefixes, opcode and operands of an instruction (Intel SDM vol. 2, chapter 2).
pub struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    /// 64-bit code.
    long: bool,
    /// The default size of operands and addresses is 32 bits, not 16.
    big: bool,
    rex: u8,
    has_operand_prefix: bool,
    has_address_prefix: bool,
    segment: Option<SegmentRegister>,
}

/// Segment register.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SegmentRegister {
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
}

/// Bits of a REX prefix.
const REX_B: u8 = 1;
const REX_X: u8 = 2;
const REX_W: u8 = 8;

impl<'a> Decoder<'a> {
    /// Decoder for the instruction at the start of `bytes`.
    pub fn new(bytes: &'a [u8], long: bool, big: bool) -> Self {
        Self {
            bytes,
            at: 0,
            long,
            big,
            rex: 0,
            has_operand_prefix: false,
            has_address_prefix: false,
            segment: None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Decodes the prefixes; returns the opcode byte.
    pub fn opcode(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            match byte {
                0x66 => self.has_operand_prefix = true,
                0x67 => self.has_address_prefix = true,
                0x26 => self.segment = Some(SegmentRegister::Es),
                0x2e => self.segment = Some(SegmentRegister::Cs),
                0x36 => self.segment = Some(SegmentRegister::Ss),
                0x3e => self.segment = Some(SegmentRegister::Ds),
                0x64 => self.segment = Some(SegmentRegister::Fs),
                0x65 => self.segment = Some(SegmentRegister::Gs),
                0xf0 | 0xf2 | 0xf3 => {}
                0x40..=0x4f if self.long => {
                    self.rex = byte;
                    continue;
                }
                _ => return Some(byte),
            }
            // A REX prefix counts only immediately before the opcode.
            self.rex = 0;
        }
    }

    /// Operand size, bytes.
    pub fn operand_size(&self) -> u64 {
        match (self.rex & REX_W != 0, self.big != self.has_operand_prefix) {
            (true, _) => 8,
            (false, true) => 4,
            (false, false) => 2,
        }
    }

    /// Decodes an immediate operand of `size` bytes, at most 8.
    pub fn immediate(&mut self, size: usize) -> Option<u64> {
        let part = self.bytes.get(self.at..self.at + size)?;
        self.at += size;
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(part);
        Some(u64::from_le_bytes(bytes))
    }

    /// Decodes a signed displacement of `size` bytes.
    fn displacement(&mut self, size: usize) -> Option<u64> {
        let unused = 64 - 8 * size as u32;
        Some(((self.immediate(size)? << unused) as i64 >> unused) as u64)
    }

    /// Bytes decoded so far; the instruction's length once its operands are decoded.
    pub fn len(&self) -> usize {
        self.at
    }

    /// The reg field of the ModRM byte, which extends the opcode.
    pub fn modrm_reg(&self) -> Option<u8> {
        Some(self.bytes.get(self.at)? >> 3 & 7)
    }

    /// The linear address of ModRM's memory operand; `None` for a register.
    pub fn memory_operand(&mut self, frame: &Frame) -> Option<u64> {
        let modrm = self.byte()?;
        let (mode, rm) = (modrm >> 6, modrm & 7);
        if mode == 3 {
            return None;
        }
        let is_wide = self.big != self.has_address_prefix || self.long;
        let (offset, on_stack) = if is_wide {
            self.wide_offset(frame, mode, rm)?
        } else {
            self.narrow_offset(frame, mode, rm)?
        };
        let mask = match (self.long, is_wide) {
            (true, _) if !self.has_address_prefix => u64::MAX,
            (_, true) => LOW,
            (_, false) => 0xffff,
        };
        let usual = if on_stack {
            SegmentRegister::Ss
        } else {
            SegmentRegister::Ds
        };
        let base = self.segment_base(frame, self.segment.unwrap_or(usual));
        let address = base.wrapping_add(offset & mask);
        Some(if self.long { address } else { address & LOW })
    }

    /// Decodes a 32- or 64-bit address: its offset, and whether SS is its default segment.
    fn wide_offset(&mut self, frame: &Frame, mode: u8, rm: u8) -> Option<(u64, bool)> {
        const SP: u8 = 4;
        const BP: u8 = 5;
        let (mut offset, mut base) = (0, Some(rm | self.rex_bit(REX_B)));
        if rm == SP {
            let sib = self.byte()?;
            let index = sib >> 3 & 7 | self.rex_bit(REX_X);
            if index != SP {
                offset = register(frame, index) << (sib >> 6);
            }
            base = Some(sib & 7 | self.rex_bit(REX_B));
            if sib & 7 == BP && mode == 0 {
                offset = offset.wrapping_add(self.displacement(4)?);
                base = None;
            }
        } else if rm == BP && mode == 0 {
            offset = self.displacement(4)?;
            if self.long {
                // Relative to the next instruction, which begins here: no operand follows.
                offset = offset.wrapping_add(frame.rip).wrapping_add(self.at as u64);
            }
            base = None;
        }
        let more = match mode {
            1 => self.displacement(1)?,
            2 => self.displacement(4)?,
            _ => 0,
        };
        let from = base.map_or(0, |base| register(frame, base));
        let on_stack = matches!(base, Some(SP | BP));
        Some((offset.wrapping_add(from).wrapping_add(more), on_stack))
    }

    /// Decodes a 16-bit address (Intel SDM vol. 2, table 2-1): its offset, and whether SS is its
    /// default segment.
    fn narrow_offset(&mut self, frame: &Frame, mode: u8, rm: u8) -> Option<(u64, bool)> {
        let uses_bp = matches!(rm, 2 | 3) || rm == 6 && mode != 0;
        let from = match rm {
            0 => frame.rbx.wrapping_add(frame.rsi),
            1 => frame.rbx.wrapping_add(frame.rdi),
            2 => frame.rbp.wrapping_add(frame.rsi),
            3 => frame.rbp.wrapping_add(frame.rdi),
            4 => frame.rsi,
            5 => frame.rdi,
            6 if mode == 0 => self.displacement(2)?,
            6 => frame.rbp,
            _ => frame.rbx,
        };
        let more = match mode {
            1 => self.displacement(1)?,
            2 => self.displacement(2)?,
            _ => 0,
        };
        Some((from.wrapping_add(more), uses_bp))
    }

    fn rex_bit(&self, bit: u8) -> u8 {
        if self.rex & bit != 0 { 8 } else { 0 }
    }

    fn segment_base(&self, frame: &Frame, segment: SegmentRegister) -> u64 {
        let now = Segments::read();
        let selector = match segment {
            SegmentRegister::Fs => return now.fs_base,
            SegmentRegister::Gs => return now.gs_base,
            // In 64-bit code the base of the other segments is 0.
            _ if self.long => return 0,
            SegmentRegister::Es => now.es,
            SegmentRegister::Ds => now.ds,
            SegmentRegister::Cs => frame.cs as u16,
            SegmentRegister::Ss => frame.ss as u16,
        };
        base(&current(), selector)
    }
}

/// General register by its number in instruction encodings.
fn register(frame: &Frame, number: u8) -> u64 {
    match number {
        0 => frame.rax,
        1 => frame.rcx,
        2 => frame.rdx,
        3 => frame.rbx,
        4 => frame.rsp,
        5 => frame.rbp,
        6 => frame.rsi,
        7 => frame.rdi,
        8 => frame.r8,
        9 => frame.r9,
        10 => frame.r10,
        11 => frame.r11,
        12 => frame.r12,
        13 => frame.r13,
        14 => frame.r14,
        _ => frame.r15,
    }
}
