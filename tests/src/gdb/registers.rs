//! A machine's registers, as QEMU's gdb stub lists them (its gdb-xml/i386-64bit.xml).

use anyhow::{Context, Result, ensure};

use super::packets;

/// A register that a script can name; the value is its index in the stub's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
#[allow(missing_docs)] // The names are the registers'.
pub enum Register {
    Rax,
    Rbx,
    Rcx,
    Rdx,
    Rsi,
    Rdi,
    Rbp,
    Rsp,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    Rip,
    Eflags,
    Cs,
    Ss,
    Ds,
    Es,
    Fs,
    Gs,
    FsBase,
    GsBase,
    /// The GS base that SWAPGS exchanges with the one in use.
    KernelGsBase,
    Cr0,
    Cr2,
    Cr3,
}

impl Register {
    /// Offset and size in bytes: 64 bits each, but for the flags and selectors.
    fn place(self) -> (usize, usize) {
        let index = self as usize;
        let (flags, bases) = (Self::Eflags as usize, Self::FsBase as usize);
        if index < flags {
            (8 * index, 8)
        } else if index < bases {
            (8 * flags + 4 * (index - flags), 4)
        } else {
            (8 * flags + 4 * (bases - flags) + 8 * (index - bases), 8)
        }
    }
}

/// All registers: those named above, and the others as the stub sent them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers(Vec<u8>);

impl Registers {
    /// Parses the stub's answer.
    pub(super) fn from_hex(text: &str) -> Result<Self> {
        let bytes = packets::from_hex(text).context("registers that aren't hexadecimal digits")?;
        let (start, size) = Register::Cr3.place();
        ensure!(
            bytes.len() >= start + size,
            "only {} bytes of registers",
            bytes.len()
        );
        Ok(Self(bytes))
    }

    /// The text that the stub reads back.
    pub(super) fn to_hex(&self) -> String {
        packets::to_hex(&self.0)
    }

    /// A register's value.
    pub fn get(&self, register: Register) -> u64 {
        let (start, size) = register.place();
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&self.0[start..start + size]);
        u64::from_le_bytes(bytes)
    }

    /// Changes a register here; [`Gdb::set_registers`](super::Gdb::set_registers) loads it.
    pub fn set(&mut self, register: Register, value: u64) {
        let (start, size) = register.place();
        self.0[start..start + size].copy_from_slice(&value.to_le_bytes()[..size]);
    }
}
