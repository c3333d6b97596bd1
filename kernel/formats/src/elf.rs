//! ELF executables: validation of a file, and the layout of its image.
//!
//! The rules are those of Linux's `binfmt_elf` for x86, including what it tolerates: `e_ident`
//! bytes that it never reads, overlapping segments, odd alignments, a file shorter than its header
//! (the rest is taken as zeros), segments that reach past the file's end. One difference: errors
//! that Linux finds only after the point of no return, where they kill the process, are found
//! before it ([`Image::check_segments`]).
//!
//! Next: `check.rs` holds the checks; `kernel/src/process/exec.rs` maps an [`Image`].

use alloc::vec::Vec;
use core::ops::Range;

mod check;

pub use check::{parse, parse_interpreter};

/// A file with random access: a slice, or an inode.
pub trait Source {
    /// Length of the file in bytes.
    fn size(&self) -> u64;
    /// Fills `out` with the bytes at `offset`; false if the file ends inside.
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

/// Width of the program: selects its system call table, register set and address limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// ELF32 for i386.
    Elf32,
    /// ELF64 for x86-64.
    Elf64,
}

impl Class {
    /// End of the addresses that a program of this class may map (`TASK_SIZE`).
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
    /// `ET_DYN`: all addresses are relative to a base that the kernel chooses.
    Relocatable,
}

/// Stack permissions that the file requests (`PT_GNU_STACK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// No request: for a 32-bit program all readable mappings are then executable, too.
    Unstated,
    /// Executable.
    Executable,
    /// Not executable.
    NotExecutable,
}

/// One `PT_LOAD` segment. If two share a page, the later one's page replaces the earlier's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First address, before the base is added.
    pub vaddr: u64,
    /// Bytes in memory; those past `filesz` are zero.
    pub memsz: u64,
    /// File offset of the byte at `vaddr`; congruent to it modulo the page size.
    pub file_offset: u64,
    /// Bytes from the file.
    pub filesz: u64,
    /// May be read (`PF_R`).
    pub read: bool,
    /// May be written (`PF_W`).
    pub write: bool,
    /// May be executed (`PF_X`).
    pub execute: bool,
}

/// A program with valid headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Width of the program.
    pub class: Class,
    /// Fixed or relocatable.
    pub kind: Kind,
    /// Address of the first instruction, before the base is added.
    pub entry: u64,
    /// Address of the program headers in memory before the base is added (`AT_PHDR`); 0 if no
    /// segment contains them.
    pub phdr_vaddr: u64,
    /// Number of program headers (`AT_PHNUM`).
    pub phnum: u16,
    /// Size of a program header in bytes (`AT_PHENT`).
    pub phentsize: u16,
    /// Segments to map, in the file's order; not checked yet. There may be none: with a dynamic
    /// linker that is a valid program.
    pub segments: Vec<Segment>,
    /// Path of the dynamic linker (the first `PT_INTERP`), without its NUL.
    pub interp: Option<Vec<u8>>,
    /// Requested stack permissions.
    pub stack: Stack,
    /// Alignment of the base in bytes: a power of two, at least one page.
    pub align: u64,
}

impl Image {
    /// Addresses from the lowest segment's first page to the highest segment's last page; empty
    /// without segments. The segments must have been checked.
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

    /// Checks the segments.
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
        // Whole pages are mapped, and all of them must be below the maximum file size.
        let end = self.file_offset.checked_add(self.filesz);
        let in_file = end.is_some_and(|end| end <= i64::MAX as u64 - check::PAGE);
        if !in_file || self.vaddr % check::PAGE != self.file_offset % check::PAGE {
            return Err(Error::Segment);
        }
        Ok(())
    }
}

/// Reason why a file can't be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The file doesn't begin with an ELF header.
    NotElf,
    /// Neither `ET_EXEC` nor `ET_DYN`.
    Type,
    /// Not for this machine.
    Machine,
    /// The program header table is empty, too large, outside of the file, or has entries of another
    /// size.
    ProgramHeaders,
    /// `PT_INTERP` is not a NUL-terminated path.
    Interpreter,
    /// The file ends inside the dynamic linker's path, or a dynamic linker inside its header.
    Truncated,
    /// A segment has more bytes in the file than in memory, exceeds the maximum file size, or its
    /// address isn't congruent to its file offset.
    Segment,
    /// A segment reaches past the end of the address space.
    Address,
    /// No memory for the description.
    NoMemory,
}

#[cfg(test)]
mod tests;
