//! Strips the parts of an ELF file that no loader maps: debug information and the symbol table.
//!
//! The kernel is embedded in the boot image, so these megabytes would be copied at every boot
//! and count against the smallest memory. Section headers of what stays are kept: a bootloader
//! finds its configuration by section name.

use anyhow::{Context, Result};
use object::elf::{ELFCLASS32, ELFCLASS64, FileHeader64, SHF_ALLOC, SHT_STRTAB};
use object::read::elf::{FileHeader, SectionHeader};
use object::{LittleEndian as LE, Object, ObjectSegment, U64};

/// Returns the file with only its allocated sections.
pub fn allocated_only(file: &[u8]) -> Result<Vec<u8>> {
    let header = FileHeader64::<LE>::parse(file).context("not an ELF64 file")?;
    let endian = header.endian()?;
    let sections = header.sections(endian, file)?;

    // Linkers put sections that are not allocated after all others: one cut removes them.
    let headers_end = header.e_phoff(endian)
        + u64::from(header.e_phentsize(endian)) * u64::from(header.e_phnum(endian));
    let end = header
        .program_headers(endian, file)?
        .iter()
        .map(|segment| segment.p_offset.get(LE) + segment.p_filesz.get(LE))
        .fold(headers_end, u64::max);
    let mut stripped = file
        .get(..end as usize)
        .context("a segment lies past the end")?
        .to_vec();

    // The table opens with an entry of zeros.
    let zeros = *header
        .section_headers(endian, file)?
        .first()
        .context("no sections")?;
    let mut table = vec![zeros];
    let mut names = vec![0_u8];
    for section in sections.iter() {
        if section.sh_flags(endian) & u64::from(SHF_ALLOC) == 0 {
            continue;
        }
        let mut kept = *section;
        kept.sh_name.set(LE, names.len() as u32);
        names.extend_from_slice(sections.section_name(endian, section)?);
        names.push(0);
        // These refer to sections by number, and the numbers change.
        kept.sh_link.set(LE, 0);
        kept.sh_info.set(LE, 0);
        table.push(kept);
    }
    let mut strings = zeros;
    strings.sh_type.set(LE, SHT_STRTAB);
    strings.sh_name.set(LE, names.len() as u32);
    names.extend_from_slice(b".shstrtab\0");
    strings.sh_offset = U64::new(LE, stripped.len() as u64);
    strings.sh_size = U64::new(LE, names.len() as u64);
    strings.sh_addralign = U64::new(LE, 1);
    table.push(strings);
    stripped.extend_from_slice(&names);
    stripped.resize(stripped.len().next_multiple_of(8), 0);

    let mut header = *header;
    header.e_shoff = U64::new(LE, stripped.len() as u64);
    header.e_shnum.set(LE, table.len() as u16);
    header.e_shstrndx.set(LE, table.len() as u16 - 1);
    stripped.extend_from_slice(object::bytes_of_slice(&table));
    let header = object::bytes_of(&header);
    stripped[..header.len()].copy_from_slice(header);
    Ok(stripped)
}

/// Returns a program's file up to the end of its last segment, without sections: the part that a
/// kernel reads. A file that is not ELF is returned unchanged.
pub fn segments_only(file: &[u8]) -> Vec<u8> {
    // Offset and width of e_shoff; e_shentsize, e_shnum, e_shstrndx end the header.
    let (shoff, width, header_end) = match file.get(4) {
        Some(&ELFCLASS64) => (0x28, 8, 64),
        Some(&ELFCLASS32) => (0x20, 4, 52),
        _ => return file.to_vec(),
    };
    let Some(end) = segments_end(file) else {
        return file.to_vec();
    };
    let mut stripped = file[..end].to_vec();
    stripped[shoff..shoff + width].fill(0);
    stripped[header_end - 4..header_end].fill(0);
    stripped
}

fn segments_end(file: &[u8]) -> Option<usize> {
    let parsed = object::File::parse(file).ok()?;
    let ends = parsed.segments().map(|segment| {
        let (start, size) = segment.file_range();
        start + size
    });
    let end = usize::try_from(ends.max()?).ok()?;
    (64..=file.len()).contains(&end).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::ObjectSection;

    #[test]
    fn only_mapped_sections_stay() {
        let this = std::fs::read(std::env::current_exe().expect("a path")).expect("readable");
        let Ok(before) = object::read::elf::ElfFile64::<LE>::parse(&*this) else {
            return; // the host has another format
        };
        let stripped = allocated_only(&this).expect("stripped");
        assert!(stripped.len() < this.len());
        let after = object::read::elf::ElfFile64::<LE>::parse(&*stripped).expect("still ELF");
        let text = after.section_by_name(".text").expect(".text");
        assert_eq!(
            text.data().ok(),
            before.section_by_name(".text").and_then(|s| s.data().ok())
        );
        assert!(after.section_by_name(".debug_info").is_none());
        for (old, new) in before.segments().zip(after.segments()) {
            assert_eq!((old.address(), old.size()), (new.address(), new.size()));
            // The first segment holds the ELF header, which differs.
            if old.file_range().0 != 0 {
                assert_eq!(old.data().expect("data"), new.data().expect("data"));
            }
        }
    }

    #[test]
    fn a_programs_segments_stay() {
        let this = std::fs::read(std::env::current_exe().expect("a path")).expect("readable");
        let Ok(before) = object::File::parse(&*this) else {
            return; // the host has another format
        };
        let stripped = segments_only(&this);
        assert!(stripped.len() < this.len());
        let after = object::File::parse(&*stripped).expect("still ELF");
        assert_eq!(after.segments().count(), before.segments().count());
        assert_eq!(after.sections().count(), 0);
        assert_eq!(segments_only(b"#!/bin/sh"), b"#!/bin/sh");
    }
}
