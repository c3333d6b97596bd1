//! The instruction at which a program met an exception, read from its memory. The program may
//! change it at any time: what is done for it is decided by one copy.

use core::ops::Deref;

use super::{Task, current};
use crate::abi::frame::Frame;
use crate::arch::gdt::{self, TLS_FIRST, USER_CS};
use crate::arch::segments::Segments;
use crate::arch::user_desc;
use crate::usercopy::UserPtr;

/// The half of an address that 32-bit code has.
const LOW: u64 = 0xffff_ffff;
/// Most bytes of an instruction (Intel SDM vol. 2, 2.3.11).
const LONGEST: usize = 15;

/// Its bytes, as far as they can be read, and maybe some behind it.
pub struct Bytes {
    bytes: [u8; LONGEST],
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
    let mut bytes = [0; LONGEST];
    // A segment of the program's own may begin elsewhere than at 0 (insn_get_effective_ip).
    let start = if frame.cs == u64::from(USER_CS) {
        frame.rip
    } else {
        base(&current(), frame.cs as u16).wrapping_add(frame.rip) & LOW
    };
    // Up to the first byte that isn't there.
    let len = UserPtr::new(start).read_prefix(&mut bytes);
    Bytes { bytes, len }
}

/// The base that loading `selector` gives a program (x86_fsgsbase_read_task).
pub fn base(task: &Task, selector: u16) -> u64 {
    descriptor(task, selector).map_or(0, user_desc::base)
}

/// The descriptor that a selector of a program's names: one of the GDT's for programs, or of its
/// LDT.
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

/// The prefixes and the operands of one instruction (Intel SDM vol. 2, chapter 2).
pub struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    /// 64-bit code.
    long: bool,
    /// Operands and addresses are 32 bits wide where no prefix says otherwise.
    big: bool,
    rex: u8,
    other_operand: bool,
    other_address: bool,
    segment: Option<Segment>,
}

/// A segment register that a prefix can name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Segment {
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
    /// One for the instruction that `bytes` begins with.
    pub fn new(bytes: &'a [u8], long: bool, big: bool) -> Self {
        Self {
            bytes,
            at: 0,
            long,
            big,
            rex: 0,
            other_operand: false,
            other_address: false,
            segment: None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Takes the prefixes and the opcode behind them.
    pub fn opcode(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            match byte {
                0x66 => self.other_operand = true,
                0x67 => self.other_address = true,
                0x26 => self.segment = Some(Segment::Es),
                0x2e => self.segment = Some(Segment::Cs),
                0x36 => self.segment = Some(Segment::Ss),
                0x3e => self.segment = Some(Segment::Ds),
                0x64 => self.segment = Some(Segment::Fs),
                0x65 => self.segment = Some(Segment::Gs),
                0xf0 | 0xf2 | 0xf3 => {}
                0x40..=0x4f if self.long => {
                    self.rex = byte;
                    continue;
                }
                _ => return Some(byte),
            }
            // Only right before the opcode does it count.
            self.rex = 0;
        }
    }

    /// Bytes of the operands.
    pub fn operand_size(&self) -> u64 {
        match (self.rex & REX_W != 0, self.big != self.other_operand) {
            (true, _) => 8,
            (false, true) => 4,
            (false, false) => 2,
        }
    }

    /// An immediate operand of up to 8 bytes.
    pub fn immediate(&mut self, size: usize) -> Option<u64> {
        let part = self.bytes.get(self.at..self.at + size)?;
        self.at += size;
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(part);
        Some(u64::from_le_bytes(bytes))
    }

    /// A signed one.
    fn displacement(&mut self, size: usize) -> Option<u64> {
        let unused = 64 - 8 * size as u32;
        Some(((self.immediate(size)? << unused) as i64 >> unused) as u64)
    }

    /// Bytes taken so far: all of the instruction, once its operands have been.
    pub fn len(&self) -> usize {
        self.at
    }

    /// The middle field of the ModRM byte, which tells instructions of one opcode apart.
    pub fn modrm_reg(&self) -> Option<u8> {
        Some(self.bytes.get(self.at)? >> 3 & 7)
    }

    /// The address of the operand that ModRM says to be in memory; `None` for a register.
    pub fn memory_operand(&mut self, frame: &Frame) -> Option<u64> {
        let modrm = self.byte()?;
        let (mode, rm) = (modrm >> 6, modrm & 7);
        if mode == 3 {
            return None;
        }
        let is_wide = self.big != self.other_address || self.long;
        let (offset, on_stack) = if is_wide {
            self.wide_offset(frame, mode, rm)?
        } else {
            self.narrow_offset(frame, mode, rm)?
        };
        let mask = match (self.long, is_wide) {
            (true, _) if !self.other_address => u64::MAX,
            (_, true) => LOW,
            (_, false) => 0xffff,
        };
        let usual = if on_stack { Segment::Ss } else { Segment::Ds };
        let base = self.segment_base(frame, self.segment.unwrap_or(usual));
        let address = base.wrapping_add(offset & mask);
        Some(if self.long { address } else { address & LOW })
    }

    /// The offset of a 32- or 64-bit address, and whether the stack's segment is its own.
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
                // From the next instruction, which begins here: no operand follows.
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

    /// The offset of a 16-bit address (table 2-1).
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

    fn segment_base(&self, frame: &Frame, segment: Segment) -> u64 {
        let now = Segments::read();
        let selector = match segment {
            Segment::Fs => return now.fs_base,
            Segment::Gs => return now.gs_base,
            // In 64-bit code the others begin at 0.
            _ if self.long => return 0,
            Segment::Es => now.es,
            Segment::Ds => now.ds,
            Segment::Cs => frame.cs as u16,
            Segment::Ss => frame.ss as u16,
        };
        base(&current(), selector)
    }
}

/// A general register by its number in instructions.
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
