//! ELF executables: whether a file may be loaded, and the layout of its image.
//!
//! The rules are those of Linux's `binfmt_elf` for x86: what it refuses is refused, what it
//! tolerates (`e_ident` bytes it never reads, overlapping segments, odd alignments, a file shorter
//! than its header, which is read as if zeros followed, segments that reach past the file's end) is
//! tolerated. One difference: errors that Linux finds only after the old program is gone, so that
//! the process dies, are found before that ([`Image::check_segments`]).
//!
//! Next: `check.rs` holds the checks; `kernel/src/process/exec.rs` maps an [`Image`].

use alloc::vec::Vec;
use core::ops::Range;

mod check;

pub use check::{parse, parse_interpreter};

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

/// The file's request for its stack (`PT_GNU_STACK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// No request: an old 32-bit program then gets everything readable as executable too.
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
    /// What to map, in the file's order; not checked yet. There may be nothing: with a dynamic linker
    /// that is a program too.
    pub segments: Vec<Segment>,
    /// Path of the dynamic linker (the first `PT_INTERP`), without its NUL.
    pub interp: Option<Vec<u8>>,
    /// The file's request for the stack.
    pub stack: Stack,
    /// Alignment the base should have, in bytes: a power of two, one page at least.
    pub align: u64,
}

impl Image {
    /// From the first page of the lowest segment to the last of the highest, in whole pages; empty
    /// without segments. For segments that have been checked.
    pub fn extent(&self) -> Range<u64> {
        let occupied = self.segments.iter().filter(|segment| segment.memsz > 0);
        let ends = occupied.map(|segment| segment.vaddr.saturating_add(segment.memsz));
        let starts = self.segments.iter().filter(|segment| segment.memsz > 0);
        let start = starts
            .map(|segment| segment.vaddr & !(check::PAGE - 1))
            .min();
        match (start, ends.max()) {
            (Some(start), Some(end)) => {
                start..end.saturating_add(check::PAGE - 1) & !(check::PAGE - 1)
            }
            _ => 0..0,
        }
    }

    /// Checks what there is to map.
    ///
    /// # Errors
    /// [`Error::Segment`], [`Error::Address`].
    pub fn check_segments(&self) -> Result<(), Error> {
        let limit = self.class.task_size();
        for segment in &self.segments {
            segment.check(limit)?;
        }
        Ok(())
    }
}

impl Segment {
    fn check(&self, limit: u64) -> Result<(), Error> {
        if self.filesz > self.memsz {
            return Err(Error::Segment);
        }
        if self.memsz > limit || self.vaddr > limit - self.memsz {
            return Err(Error::Address);
        }
        if self.filesz == 0 {
            return Ok(());
        }
        // Whole pages are mapped, and none of them may lie past the end of any file.
        let end = self.file_offset.checked_add(self.filesz);
        let in_file = end.is_some_and(|end| end <= i64::MAX as u64 - check::PAGE);
        if !in_file || self.vaddr % check::PAGE != self.file_offset % check::PAGE {
            return Err(Error::Segment);
        }
        Ok(())
    }
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
    /// `PT_INTERP` is no NUL-terminated path.
    Interpreter,
    /// The file ends before something that must be read: the path of the dynamic linker, or the
    /// header of one.
    Truncated,
    /// A segment has more bytes in the file than in memory, lies where no file reaches, or is not
    /// congruent to its position there.
    Segment,
    /// A segment lies above the program's address space.
    Address,
    /// The kernel has no memory for the description.
    NoMemory,
}

#[cfg(test)]
mod tests;
