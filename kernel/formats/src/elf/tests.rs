//! Tests of the ELF parser: both widths, and invalid files.

use alloc::vec;
use alloc::vec::Vec;

use super::check::{PAGE, PT_GNU_STACK};
use super::*;

/// A small program: one text segment with the headers, one data segment, a stack note.
fn sample(class: Class) -> Vec<u8> {
    let phdr = usize::from(class.phdr_size());
    let head = class.header_size();
    let mut file = vec![0; 0x1100];
    file[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 0, 1, 1, 0]);
    file[16] = 2;
    file[18] = if class == Class::Elf64 { 62 } else { 3 };
    write_word(&mut file, class, 24, 28, 0x40_0100); // entry; phoff follows
    let (phoff, phentsize) = if class == Class::Elf64 {
        (32, 54)
    } else {
        (28, 42)
    };
    file[phoff] = head as u8;
    file[phentsize] = phdr as u8;
    file[phentsize + 2] = 3;
    write_phdr(
        &mut file,
        class,
        head,
        [1, 5, 0, 0x40_0000, 0x200, 0x200, 0x1000],
    );
    write_phdr(
        &mut file,
        class,
        head + phdr,
        [1, 6, 0x1000, 0x40_2000, 0x80, 0x3000, 0x1000],
    );
    write_phdr(
        &mut file,
        class,
        head + 2 * phdr,
        [PT_GNU_STACK.into(), 6, 0, 0, 0, 0, 16],
    );
    file
}

/// Writes a word to the file header: at `at64`, or for 32 bits just before `end32`.
fn write_word(file: &mut [u8], class: Class, at64: usize, end32: usize, value: u64) {
    match class {
        Class::Elf64 => file[at64..at64 + 8].copy_from_slice(&value.to_le_bytes()),
        Class::Elf32 => file[end32 - 4..end32].copy_from_slice(&(value as u32).to_le_bytes()),
    }
}

/// Writes a program header; fields: type, flags, offset, vaddr, filesz, memsz, align.
fn write_phdr(file: &mut [u8], class: Class, at: usize, fields: [u64; 7]) {
    let [kind, flags, offset, vaddr, filesz, memsz, align] = fields;
    let bytes: Vec<u8> = match class {
        Class::Elf64 => [
            kind | flags << 32,
            offset,
            vaddr,
            vaddr,
            filesz,
            memsz,
            align,
        ]
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect(),
        Class::Elf32 => [kind, offset, vaddr, vaddr, filesz, memsz, flags, align]
            .into_iter()
            .flat_map(|field| (field as u32).to_le_bytes())
            .collect(),
    };
    file[at..at + bytes.len()].copy_from_slice(&bytes);
}

/// Checks the sample with its second segment replaced.
fn with_segment(class: Class, fields: [u64; 7]) -> Result<Image, Error> {
    let mut file = sample(class);
    write_phdr(
        &mut file,
        class,
        class.header_size() + usize::from(class.phdr_size()),
        fields,
    );
    checked(&file[..])
}

/// Checks headers and segments.
fn checked(file: &[u8]) -> Result<Image, Error> {
    let image = parse(file)?;
    image.check_segments().map(|()| image)
}

#[test]
fn a_good_file_of_either_class() {
    for class in [Class::Elf32, Class::Elf64] {
        let image = parse(&sample(class)[..]).expect("the sample is well-formed");
        assert_eq!(
            (image.class, image.kind, image.entry),
            (class, Kind::Fixed, 0x40_0100)
        );
        assert_eq!(image.phdr_vaddr, 0x40_0000 + class.header_size() as u64);
        assert_eq!((image.phnum, image.phentsize), (3, class.phdr_size()));
        assert_eq!(image.extent(), 0x40_0000..0x40_5000);
        assert_eq!(
            (image.stack, image.interp, image.align),
            (Stack::NotExecutable, None, PAGE)
        );
        let data = Segment {
            vaddr: 0x40_2000,
            memsz: 0x3000,
            file_offset: 0x1000,
            filesz: 0x80,
            read: true,
            write: true,
            execute: false,
        };
        assert_eq!(image.segments[1], data);
    }
}

#[test]
fn file_header_fields() {
    for class in [Class::Elf32, Class::Elf64] {
        let good = sample(class);
        let with = |at: usize, byte: u8| {
            let mut file = good.clone();
            file[at] = byte;
            parse(&file[..])
        };
        let phentsize = if class == Class::Elf64 { 54 } else { 42 };
        assert_eq!(with(0, 0), Err(Error::NotElf));
        assert_eq!(with(16, 1), Err(Error::Type));
        assert_eq!(with(18, 40), Err(Error::Machine));
        assert_eq!(with(phentsize, 57), Err(Error::ProgramHeaders));
        assert_eq!(with(phentsize + 2, 0), Err(Error::ProgramHeaders));
        assert_eq!(with(phentsize + 3, 0xff), Err(Error::ProgramHeaders));
        // Linux reads no identification bytes after the magic.
        for at in 4..16 {
            assert!(with(at, 0xa5).is_ok());
        }
        for length in 0..class.header_size() + 3 * usize::from(class.phdr_size()) {
            assert!(parse(&good[..length]).is_err());
        }
        // The entry point is checked when the base is known.
        let mut entry = good.clone();
        write_word(&mut entry, class, 24, 28, class.task_size());
        assert!(parse(&entry[..]).is_ok());
    }
}

#[test]
fn a_file_shorter_than_its_header() {
    // The program header overlaps the file header, as in the smallest programs.
    let mut file = sample(Class::Elf32);
    file[28] = 4;
    file[44] = 1;
    file[4..8].copy_from_slice(&1_u32.to_le_bytes());
    let expected = parse(&file[..]).expect("complete");
    assert_eq!(parse(&file[..45]).expect("zeros follow"), expected);
    assert_eq!(parse(&file[..44]), Err(Error::ProgramHeaders));
    for class in [Class::Elf32, Class::Elf64] {
        let good = sample(class);
        assert_eq!(parse_interpreter(&good[..], class), parse(&good[..]));
        let short = &good[..class.header_size() - 1];
        assert_eq!(parse_interpreter(short, class), Err(Error::Truncated));
    }
}

#[test]
fn segment_fields() {
    for class in [Class::Elf32, Class::Elf64] {
        let limit = class.task_size();
        let max = if class == Class::Elf64 {
            u64::MAX
        } else {
            u32::MAX.into()
        };
        let segment = |offset, vaddr, filesz, memsz, align| {
            with_segment(class, [1, 6, offset, vaddr, filesz, memsz, align])
        };
        assert_eq!(
            segment(0x1000, 0x40_2000, 0x81, 0x80, 0x1000),
            Err(Error::Segment)
        );
        assert_eq!(
            segment(0x1001, 0x40_2000, 0x80, 0x80, 0x1000),
            Err(Error::Segment)
        );
        // Past the file's end, but below the maximum file size.
        assert!(segment(0x1000, 0x40_2000, 0x101, 0x200, 0x1000).is_ok());
        assert!(segment(0x7fff_e000, 0x40_2000, 0x2000, 0x2000, 0x1000).is_ok());
        let far = segment(max & !0xfff, 0x40_2000, 0x2000, 0x2000, 0x1000);
        assert_eq!(far.is_err(), class == Class::Elf64);
        assert_eq!(segment(0x1000, limit, 0, 1, 0x1000), Err(Error::Address));
        assert_eq!(segment(0x1000, max, 0, max, 0x1000), Err(Error::Address));
        assert_eq!(
            segment(0x1000, 0x1000, 0, limit, 0x1000),
            Err(Error::Address)
        );
        let last =
            segment(0x1000, limit - 0x1000, 0x80, 0x1000, 0x1000).expect("ends at the limit");
        assert_eq!(last.extent(), 0x40_0000..limit);
        assert_eq!(
            segment(0x1000, 0x40_2000, 0x80, 0x80, 0x3000)
                .expect("odd alignment")
                .align,
            PAGE
        );
        // No bytes from the file: its offset is not checked.
        assert!(segment(0x1234_5678, 0x40_2001, 0, 0x80, 0x1000).is_ok());
        let empty = segment(0, 0x40_2000, 0, 0, 0).expect("an empty one");
        assert_eq!(empty.extent(), 0x40_0000..0x40_1000);
    }
}

#[test]
fn relocatable_images() {
    for class in [Class::Elf32, Class::Elf64] {
        let mut file = sample(class);
        file[16] = 3;
        assert_eq!(
            parse(&file[..]).expect("a static PIE").kind,
            Kind::Relocatable
        );
        let mut align = |align| {
            let at = class.header_size();
            write_phdr(
                &mut file,
                class,
                at,
                [1, 5, 0, 0x40_0000, 0x200, 0x200, align],
            );
            parse(&file[..])
        };
        assert_eq!(align(0x20_0000).expect("2 MiB pages").align, 0x20_0000);
        let top = if class == Class::Elf64 {
            1 << 63
        } else {
            1 << 31
        };
        assert_eq!(align(top).expect("the kernel finds out").align, top);
    }
}

#[test]
fn interpreter_paths() {
    let with = |offset, size: u64, bytes: &[u8]| {
        let mut file = sample(Class::Elf64);
        file[0x300..0x300 + bytes.len()].copy_from_slice(bytes);
        write_phdr(
            &mut file,
            Class::Elf64,
            64 + 2 * 56,
            [3, 4, offset, 0, size, size, 1],
        );
        parse(&file[..])
    };
    let image = with(0x300, 6, b"/ld.x\0").expect("a path");
    assert_eq!(
        (image.interp.as_deref(), image.stack),
        (Some(&b"/ld.x"[..]), Stack::Unstated)
    );
    assert_eq!(
        with(0x300, 8, b"/ld\0.x\0\0")
            .expect("a path")
            .interp
            .as_deref(),
        Some(&b"/ld"[..])
    );
    for (offset, size, error) in [
        (0x300, 5, Error::Interpreter),
        (0x300, 1, Error::Interpreter),
        (0x300, 4097, Error::Interpreter),
        (0, 0, Error::Interpreter),
        (0x10ff, 6, Error::Truncated),
        (u64::MAX, 6, Error::Truncated),
    ] {
        assert_eq!(
            with(offset, size, b"/ld.x\0"),
            Err(error),
            "{offset:#x} {size}"
        );
    }
    // A dynamic linker's PT_INTERP is ignored.
    let mut file = sample(Class::Elf64);
    write_phdr(&mut file, Class::Elf64, 64 + 2 * 56, [3, 4, 0, 0, 1, 1, 1]);
    let image = parse_interpreter(&file[..], Class::Elf64).expect("a linker");
    assert_eq!(image.interp, None);
}

#[test]
fn nothing_to_load() {
    let mut file = sample(Class::Elf64);
    write_phdr(&mut file, Class::Elf64, 64, [4, 4, 0, 0, 0, 0, 0]);
    write_phdr(
        &mut file,
        Class::Elf64,
        64 + 56,
        [0x6fff_ffff, 4, 0, 0, 0, 0, 0],
    );
    let image = checked(&file[..]).expect("Linux runs it, if only for a moment");
    assert_eq!((image.segments.len(), image.extent()), (0, 0..0));
}
