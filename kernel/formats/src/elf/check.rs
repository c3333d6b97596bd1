//! The checks themselves.
//!
//! The fields are read by `xmas_elf`. That crate panics on files with headers out of bounds and on
//! unaligned ones, so it never sees a user's file: it is given a small aligned buffer with a copy
//! of the file header and of one program header at a time.

use alloc::vec::Vec;

use xmas_elf::ElfFile;
use xmas_elf::header::{Machine, Type as FileType};
use xmas_elf::program::{ProgramHeader, Type as SegmentType};

use super::{Class, Error, Image, Kind, Segment, Source, Stack};

/// Bytes in a page, the unit in which segments are mapped.
pub(super) const PAGE: u64 = 4096;
/// Longest interpreter path with its NUL (`PATH_MAX`).
const PATH_MAX: u64 = 4096;
/// Largest program header table in bytes, as in Linux.
const TABLE_MAX: u64 = 65536;
/// `EM_486`, which Linux takes for a 32-bit program too.
const EM_486: u16 = 6;
/// Values of the class byte in `e_ident`.
const RAW_CLASS_32: u8 = 1;
const RAW_CLASS_64: u8 = 2;
/// `PT_GNU_STACK`: its flags say whether the stack is executable.
pub(super) const PT_GNU_STACK: u32 = 0x6474_e551;
/// Where the copy of a program header lies in [`Copy`], behind the largest file header.
const PHDR_AT: usize = 64;

/// The file header and one program header, aligned as `xmas_elf` needs them.
#[repr(C, align(8))]
struct Headers([u8; PHDR_AT + 64]);

/// What the file header says, once checked.
struct FileHeader {
    class: Class,
    kind: Kind,
    entry: u64,
    phoff: u64,
    phnum: u16,
}

/// Checks a whole file and describes what to map.
pub fn parse<S: Source + ?Sized>(file: &S) -> Result<Image, Error> {
    let mut headers = Headers([0; PHDR_AT + 64]);
    let header = file_header(file, &mut headers)?;
    point_to_copied_phdr(&mut headers, header.class);

    let limit = header.class.task_size();
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
        extent: 0..0,
        align: PAGE,
    };
    if image.entry >= limit {
        return Err(Error::Address);
    }
    for index in 0..header.phnum {
        let size = usize::from(image.phentsize);
        let at = header.phoff + u64::from(index) * u64::from(image.phentsize);
        if !file.read_at(at, &mut headers.0[PHDR_AT..PHDR_AT + size]) {
            return Err(Error::ProgramHeaders);
        }
        let elf = ElfFile::new(&headers.0).map_err(|_| Error::NotElf)?;
        let phdr = elf.program_header(0).map_err(|_| Error::ProgramHeaders)?;
        program_header(file, &phdr, header.phoff, &mut image)?;
    }
    if image.segments.is_empty() {
        return Err(Error::NothingToLoad);
    }
    // A base that is a multiple of this must leave room for the image below the limit.
    if image.kind == Kind::Relocatable
        && image.align > limit - (image.extent.end - image.extent.start)
    {
        return Err(Error::Address);
    }
    Ok(image)
}

/// Copies the file header into `headers` and checks it, the place of the table included.
fn file_header<S: Source + ?Sized>(file: &S, headers: &mut Headers) -> Result<FileHeader, Error> {
    let bytes = &mut headers.0;
    // The 32-bit header first: a 32-bit file may be shorter than a 64-bit header.
    if !file.read_at(0, &mut bytes[..Class::Elf32.header_size()]) || bytes[..4] != *b"\x7fELF" {
        return Err(Error::NotElf);
    }
    // Linux tells the width by e_machine alone, which lies at the same place in both; the class byte
    // is then set to agree with it for `xmas_elf`.
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
    if !file.read_at(0, &mut bytes[..class.header_size()]) {
        return Err(Error::NotElf);
    }
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

/// Makes the copied file header say that its table is the one entry copied behind it.
fn point_to_copied_phdr(headers: &mut Headers, class: Class) {
    let (phoff, phnum) = match class {
        Class::Elf32 => (28..32, 44..46),
        Class::Elf64 => (32..40, 56..58),
    };
    headers.0[phoff.clone()].fill(0);
    headers.0[phoff.start] = PHDR_AT as u8;
    headers.0[phnum].copy_from_slice(&1u16.to_le_bytes());
}

/// Takes one program header into the image.
fn program_header<S: Source + ?Sized>(
    file: &S,
    phdr: &ProgramHeader<'_>,
    phoff: u64,
    image: &mut Image,
) -> Result<(), Error> {
    match phdr.get_type() {
        Ok(SegmentType::Load) => load_segment(file, phdr, phoff, image),
        Ok(SegmentType::Interp) if image.interp.is_none() => {
            image.interp = Some(interpreter(file, phdr)?);
            Ok(())
        }
        Ok(SegmentType::OsSpecific(PT_GNU_STACK)) => {
            let executable = phdr.flags().is_execute();
            image.stack = if executable {
                Stack::Executable
            } else {
                Stack::NotExecutable
            };
            Ok(())
        }
        // PT_TLS, PT_PHDR, PT_NOTE, PT_GNU_PROPERTY, PT_GNU_RELRO and unknown ones are between the
        // program and its C library: the kernel acts on none of them.
        _ => Ok(()),
    }
}

fn load_segment<S: Source + ?Sized>(
    file: &S,
    phdr: &ProgramHeader<'_>,
    phoff: u64,
    image: &mut Image,
) -> Result<(), Error> {
    let (vaddr, memsz) = (phdr.virtual_addr(), phdr.mem_size());
    let (offset, filesz) = (phdr.offset(), phdr.file_size());
    let limit = image.class.task_size();

    if filesz > memsz {
        return Err(Error::Segment);
    }
    if memsz > limit || vaddr > limit - memsz {
        return Err(Error::Address);
    }
    // Rounding up an odd alignment would be a guess: like Linux, ignore what is no power of two.
    if phdr.align().is_power_of_two() {
        image.align = image.align.max(phdr.align());
    }
    if memsz == 0 {
        return Ok(());
    }
    if filesz > 0 {
        let end = offset.checked_add(filesz).ok_or(Error::Segment)?;
        if end > file.size() || vaddr % PAGE != offset % PAGE {
            return Err(Error::Segment);
        }
        if (offset..end).contains(&phoff) {
            image.phdr_vaddr = phoff - offset + vaddr;
        }
    }
    // Does not overflow: at most `limit`, which is a whole number of pages.
    let (start, end) = (vaddr - vaddr % PAGE, (vaddr + memsz).next_multiple_of(PAGE));
    image.extent = if image.segments.is_empty() {
        start..end
    } else {
        image.extent.start.min(start)..image.extent.end.max(end)
    };
    image.segments.push(Segment {
        vaddr,
        memsz,
        file_offset: offset,
        filesz,
        read: phdr.flags().is_read(),
        write: phdr.flags().is_write(),
        execute: phdr.flags().is_execute(),
    });
    Ok(())
}

/// Reads the path of the dynamic linker: up to its first NUL, and the last byte must be one.
fn interpreter<S: Source + ?Sized>(file: &S, phdr: &ProgramHeader<'_>) -> Result<Vec<u8>, Error> {
    let size = phdr.file_size();
    if !(2..=PATH_MAX).contains(&size) {
        return Err(Error::Interpreter);
    }
    let mut path = alloc::vec![0; size as usize];
    if !file.read_at(phdr.offset(), &mut path) || path.last() != Some(&0) {
        return Err(Error::Interpreter);
    }
    let end = path
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(path.len());
    path.truncate(end);
    Ok(path)
}
