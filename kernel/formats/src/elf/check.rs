//! Checks of ELF headers and segments.
//!
//! `xmas_elf` decodes the fields. That crate panics on files with headers out of bounds and on
//! unaligned ones, so it never gets a user's file: it gets a small aligned buffer with copies of
//! the file header and of one program header at a time.

use alloc::vec::Vec;

use xmas_elf::ElfFile;
use xmas_elf::header::{Machine, Type as FileType};
use xmas_elf::program::{ProgramHeader, Type as SegmentType};

use super::{Class, Error, Image, Kind, Segment, Source, Stack};

/// Bytes in a page, the unit in which segments are mapped.
pub(super) const PAGE: u64 = 4096;
/// Maximum length of an interpreter path in bytes, with its NUL (`PATH_MAX`).
const PATH_MAX: u64 = 4096;
/// Maximum size of a program header table in bytes, as in Linux.
const TABLE_MAX: u64 = 65536;
/// `EM_486`: Linux accepts it for 32-bit programs, too.
const EM_486: u16 = 6;
/// Values of the class byte in `e_ident`.
const RAW_CLASS_32: u8 = 1;
const RAW_CLASS_64: u8 = 2;
/// `PT_GNU_STACK`: its flags are the stack's permissions.
pub(super) const PT_GNU_STACK: u32 = 0x6474_e551;
/// Offset of the program header's copy in [`Headers`], after the largest file header.
const PHDR_AT: usize = 64;

/// Copies of the file header and one program header, aligned for `xmas_elf`.
#[repr(C, align(8))]
struct Headers([u8; PHDR_AT + 64]);

/// Checked fields of the file header.
struct FileHeader {
    class: Class,
    kind: Kind,
    entry: u64,
    phoff: u64,
    phnum: u16,
}

/// Checks a program's headers, and describes its image.
///
/// # Errors
/// The first error in the headers. [`Image::check_segments`] checks the segments.
pub fn parse<S: Source + ?Sized>(file: &S) -> Result<Image, Error> {
    read(file, true)
}

/// Checks a dynamic linker's headers; its `PT_INTERP` is ignored.
///
/// # Errors
/// As [`parse`]; [`Error::Truncated`] for a file shorter than a header.
pub fn parse_interpreter<S: Source + ?Sized>(file: &S, class: Class) -> Result<Image, Error> {
    if file.size() < class.header_size() as u64 {
        return Err(Error::Truncated);
    }
    read(file, false)
}

fn read<S: Source + ?Sized>(file: &S, is_program: bool) -> Result<Image, Error> {
    let mut headers = Headers([0; PHDR_AT + 64]);
    let header = file_header(file, &mut headers)?;
    point_to_copied_phdr(&mut headers, header.class);

    let mut image = Image {
        class: header.class,
        kind: header.kind,
        entry: header.entry,
        phdr_vaddr: 0,
        phnum: header.phnum,
        phentsize: header.class.phdr_size(),
        segments: Vec::new(),
        interp: None,
        stack: Stack::Unstated,
        align: PAGE,
    };
    for index in 0..header.phnum {
        let size = usize::from(image.phentsize);
        let at = header.phoff + u64::from(index) * u64::from(image.phentsize);
        if !file.read_at(at, &mut headers.0[PHDR_AT..PHDR_AT + size]) {
            return Err(Error::ProgramHeaders);
        }
        let elf = ElfFile::new(&headers.0).map_err(|_| Error::NotElf)?;
        let phdr = elf.program_header(0).map_err(|_| Error::ProgramHeaders)?;
        match phdr.get_type() {
            Ok(SegmentType::Load) => load_segment(&phdr, header.phoff, &mut image)?,
            Ok(SegmentType::Interp) if is_program && image.interp.is_none() => {
                image.interp = Some(interpreter(file, &phdr)?);
            }
            Ok(SegmentType::OsSpecific(PT_GNU_STACK)) => {
                let executable = phdr.flags().is_execute();
                image.stack = if executable {
                    Stack::Executable
                } else {
                    Stack::NotExecutable
                };
            }
            // PT_TLS, PT_PHDR, PT_NOTE, PT_GNU_PROPERTY, PT_GNU_RELRO and unknown types are for the
            // C library; the kernel ignores them.
            _ => {}
        }
    }
    Ok(image)
}

/// Copies the first bytes of the file, padded with zeros.
fn read_head<S: Source + ?Sized>(file: &S, out: &mut [u8]) -> Result<(), Error> {
    out.fill(0);
    let size = usize::try_from(file.size()).unwrap_or(usize::MAX);
    let len = out.len().min(size);
    if file.read_at(0, &mut out[..len]) {
        Ok(())
    } else {
        Err(Error::NotElf)
    }
}

/// Copies the file header into `headers` and checks it, with the program header table's position.
fn file_header<S: Source + ?Sized>(file: &S, headers: &mut Headers) -> Result<FileHeader, Error> {
    let bytes = &mut headers.0;
    read_head(file, &mut bytes[..PHDR_AT])?;
    if bytes[..4] != *b"\x7fELF" {
        return Err(Error::NotElf);
    }
    // As in Linux e_machine alone, at the same offset in both classes, decides the width. The class
    // byte is set accordingly for `xmas_elf`.
    bytes[4] = RAW_CLASS_32;
    let machine = ElfFile::new(bytes)
        .map_err(|_| Error::NotElf)?
        .header
        .pt2
        .machine();
    let class = match machine.as_machine() {
        Machine::X86_64 => Class::Elf64,
        Machine::X86 | Machine::Other(EM_486) => Class::Elf32,
        _ => return Err(Error::Machine),
    };
    bytes[4] = if class == Class::Elf64 {
        RAW_CLASS_64
    } else {
        RAW_CLASS_32
    };

    let elf = ElfFile::new(bytes).map_err(|_| Error::NotElf)?;
    let raw = &elf.header.pt2;
    let kind = match raw.type_().as_type() {
        FileType::Executable => Kind::Fixed,
        FileType::SharedObject => Kind::Relocatable,
        _ => return Err(Error::Type),
    };
    let table = u64::from(raw.ph_count()) * u64::from(class.phdr_size());
    let end = raw
        .ph_offset()
        .checked_add(table)
        .ok_or(Error::ProgramHeaders)?;
    if raw.ph_entry_size() != class.phdr_size()
        || table == 0
        || table > TABLE_MAX
        || end > file.size()
    {
        return Err(Error::ProgramHeaders);
    }
    Ok(FileHeader {
        class,
        kind,
        entry: raw.entry_point(),
        phoff: raw.ph_offset(),
        phnum: raw.ph_count(),
    })
}

/// Changes the copied file header: its program header table is the one entry copied after it.
fn point_to_copied_phdr(headers: &mut Headers, class: Class) {
    let (phoff, phnum) = match class {
        Class::Elf32 => (28..32, 44..46),
        Class::Elf64 => (32..40, 56..58),
    };
    headers.0[phoff.clone()].fill(0);
    headers.0[phoff.start] = PHDR_AT as u8;
    headers.0[phnum].copy_from_slice(&1u16.to_le_bytes());
}

/// Adds a `PT_LOAD` to the image.
fn load_segment(phdr: &ProgramHeader<'_>, phoff: u64, image: &mut Image) -> Result<(), Error> {
    let (vaddr, offset, filesz) = (phdr.virtual_addr(), phdr.offset(), phdr.file_size());
    // As in Linux, alignments that are no power of two are ignored.
    if phdr.align().is_power_of_two() {
        image.align = image.align.max(phdr.align());
    }
    if (offset..offset.saturating_add(filesz)).contains(&phoff) {
        image.phdr_vaddr = (phoff - offset).wrapping_add(vaddr);
    }
    image.segments.try_reserve(1).map_err(|_| Error::NoMemory)?;
    image.segments.push(Segment {
        vaddr,
        memsz: phdr.mem_size(),
        file_offset: offset,
        filesz,
        read: phdr.flags().is_read(),
        write: phdr.flags().is_write(),
        execute: phdr.flags().is_execute(),
    });
    Ok(())
}

/// Reads the dynamic linker's path, up to the first NUL; the last byte must be NUL.
fn interpreter<S: Source + ?Sized>(file: &S, phdr: &ProgramHeader<'_>) -> Result<Vec<u8>, Error> {
    let size = phdr.file_size();
    if !(2..=PATH_MAX).contains(&size) {
        return Err(Error::Interpreter);
    }
    let size = size as usize;
    let mut path = Vec::new();
    path.try_reserve_exact(size).map_err(|_| Error::NoMemory)?;
    path.resize(size, 0);
    if !file.read_at(phdr.offset(), &mut path) {
        return Err(Error::Truncated);
    }
    if path.last() != Some(&0) {
        return Err(Error::Interpreter);
    }
    let end = path
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(path.len());
    path.truncate(end);
    Ok(path)
}
