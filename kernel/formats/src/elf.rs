//! Decides whether an ELF file may be loaded, and describes its image.
//!
//! The rules are those of Linux's `binfmt_elf` for x86: what it refuses is refused, what it
//! tolerates (`e_ident` bytes it never reads, overlapping segments, odd alignments) is tolerated.
//! One thing is stricter: a segment that reaches past the end of its file is refused here,
//! where Linux would load it and send SIGBUS at the first touch.
//!
//! Next: `check.rs` holds the checks; `kernel/src/process/exec.rs` maps an [`Image`].

use alloc::vec::Vec;
use core::ops::Range;

mod check;

pub use check::parse;

/// A file that can be read at any position: a slice, or an inode of the kernel's.
pub trait Source {
    /// Length of the file in bytes.
    fn size(&self) -> u64;
    /// Fills `out` from byte `offset` on; false if the file ends before.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> bool;
}

impl Source for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> bool {
        let Ok(start) = usize::try_from(offset) else {
            return false;
        };
        let Some(end) = start.checked_add(out.len()) else {
            return false;
        };
        match self.get(start..end) {
            Some(bytes) => {
                out.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }
}

/// Width of the program: which system call table, register set and address limit it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// ELF32 for i386.
    Elf32,
    /// ELF64 for x86-64.
    Elf64,
}

impl Class {
    /// First address past what a program of this class may map (`TASK_SIZE`).
    pub const fn task_size(self) -> u64 {
        match self {
            Class::Elf32 => 0xffff_e000,
            Class::Elf64 => 0x7fff_ffff_f000,
        }
    }

    const fn header_size(self) -> usize {
        match self {
            Class::Elf32 => 52,
            Class::Elf64 => 64,
        }
    }

    const fn phdr_size(self) -> u16 {
        match self {
            Class::Elf32 => 32,
            Class::Elf64 => 56,
        }
    }
}

/// Whether addresses in the file are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ET_EXEC`: linked for fixed addresses.
    Fixed,
    /// `ET_DYN`: all addresses are relative to a base the kernel picks.
    Relocatable,
}

/// What the file says of its stack (`PT_GNU_STACK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// It says nothing: an old 32-bit program then gets everything readable as executable too.
    Unstated,
    /// Executable.
    Executable,
    /// Not executable.
    NotExecutable,
}

/// One `PT_LOAD` segment. Where two share a page, the later one's page replaces the earlier's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First address, before the base is added.
    pub vaddr: u64,
    /// Bytes in memory; what is past `filesz` is zero.
    pub memsz: u64,
    /// Position in the file of the byte at `vaddr`; congruent to it modulo the page size.
    pub file_offset: u64,
    /// Bytes that come from the file.
    pub filesz: u64,
    /// May be read (`PF_R`).
    pub read: bool,
    /// May be written (`PF_W`).
    pub write: bool,
    /// May be executed (`PF_X`).
    pub execute: bool,
}

/// A program that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Width of the program.
    pub class: Class,
    /// Fixed or relocatable.
    pub kind: Kind,
    /// Address of the first instruction, before the base is added.
    pub entry: u64,
    /// Address of the program headers in memory before the base is added; 0 where no segment holds
    /// them (`AT_PHDR`).
    pub phdr_vaddr: u64,
    /// Number of program headers (`AT_PHNUM`).
    pub phnum: u16,
    /// Size of one in bytes (`AT_PHENT`).
    pub phentsize: u16,
    /// What to map, in the file's order; never empty.
    pub segments: Vec<Segment>,
    /// Path of the dynamic linker (`PT_INTERP`), without its NUL.
    pub interp: Option<Vec<u8>>,
    /// The file's wish for the stack.
    pub stack: Stack,
    /// From the first page of the lowest segment to the last of the highest, in whole pages.
    pub extent: Range<u64>,
    /// Alignment the base must have, in bytes: a power of two, one page at least.
    pub align: u64,
}

/// Why a file can't be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It does not begin with an ELF header.
    NotElf,
    /// Neither `ET_EXEC` nor `ET_DYN`.
    Type,
    /// Not for this machine.
    Machine,
    /// The program header table has entries of another size, none, too many, or lies outside.
    ProgramHeaders,
    /// `PT_INTERP` is no NUL-terminated path in the file.
    Interpreter,
    /// A segment has more bytes in the file than in memory, lies outside the file, or is not
    /// congruent to its position there.
    Segment,
    /// A segment or the entry point lies above the program's address space, or the alignment asked
    /// for leaves no room in it.
    Address,
    /// No `PT_LOAD` with anything in it.
    NothingToLoad,
}

impl Error {
    /// True where the answer is ENOMEM (no room for it); otherwise it is ENOEXEC.
    pub const fn is_out_of_memory(self) -> bool {
        matches!(self, Error::Address)
    }
}

#[cfg(test)]
mod tests;
