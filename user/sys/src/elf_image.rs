//! A loaded ELF image, as a dynamic linker reads it.
//!
//! The tables are found through ELF header, program headers and `PT_DYNAMIC`: symbol table, string
//! table, hash tables, versions. Source: the gABI's chapters on dynamic linking. Only images of the
//! program's own width are supported. `lookup.rs` looks names up in the hash tables.

use core::ffi::{CStr, c_char};

#[cfg(target_pointer_width = "64")]
mod layout {
    /// Offset of `e_phoff`, and of `e_phnum`, in the ELF header.
    pub const HEADER: (usize, usize) = (32, 56);
    /// Size of a program header; offsets of `p_offset` and `p_vaddr` in it.
    pub const PROGRAM_HEADER: (usize, usize, usize) = (56, 8, 16);
    /// Size of a symbol; offsets of `st_value` and `st_shndx` in it.
    pub const SYMBOL: (usize, usize, usize) = (24, 8, 6);
}

#[cfg(target_pointer_width = "32")]
mod layout {
    /// Offset of `e_phoff`, and of `e_phnum`, in the ELF header.
    pub const HEADER: (usize, usize) = (28, 44);
    /// Size of a program header; offsets of `p_offset` and `p_vaddr` in it.
    pub const PROGRAM_HEADER: (usize, usize, usize) = (32, 4, 8);
    /// Size of a symbol; offsets of `st_value` and `st_shndx` in it.
    pub const SYMBOL: (usize, usize, usize) = (16, 4, 14);
}

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const DT_HASH: usize = 4;
const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_SONAME: usize = 14;
const DT_VERSYM: usize = 0x6fff_fff0;
const DT_VERDEF: usize = 0x6fff_fffc;
const DT_GNU_HASH: usize = 0x6fff_fef5;

/// A loaded ELF image: the addresses of its tables, 0 if it lacks one.
#[derive(Debug)]
pub struct Image {
    /// Load bias: address minus `p_vaddr` or `st_value`.
    bias: usize,
    dynamic: usize,
    strings: usize,
    symbols: usize,
    pub(crate) hash: usize,
    pub(crate) gnu_hash: usize,
    versions: usize,
    definitions: usize,
}

/// Reads a `T` from the image.
///
/// # Safety
/// `address` must point to a readable `T`, aligned or not.
pub(crate) unsafe fn read<T: Copy>(address: usize) -> T {
    // SAFETY: the caller's guarantee; the read needs no alignment.
    unsafe { (address as *const T).read_unaligned() }
}

impl Image {
    /// The image whose ELF header is at `base`; `None` if it has no dynamic section.
    ///
    /// # Safety
    /// A well-formed ELF image of this width must be mapped there, and stay.
    pub unsafe fn new(base: usize) -> Option<Image> {
        let (size, offset_at, address_at) = layout::PROGRAM_HEADER;
        // SAFETY: the header and the program headers are in the image's first page.
        let (first, count) = unsafe {
            (
                base + read::<usize>(base + layout::HEADER.0),
                read::<u16>(base + layout::HEADER.1),
            )
        };
        let (mut bias, mut dynamic) = (None, None);
        for header in (0..usize::from(count)).map(|index| first + index * size) {
            // SAFETY: within the program headers, whose number is in the ELF header.
            let (kind, offset, address) = unsafe {
                let offset: usize = read(header + offset_at);
                let address: usize = read(header + address_at);
                (read::<u32>(header), offset, address)
            };
            match kind {
                PT_LOAD if bias.is_none() => {
                    bias = Some(base.wrapping_add(offset).wrapping_sub(address));
                }
                PT_DYNAMIC => dynamic = Some(base + offset),
                _ => {}
            }
        }
        let mut image = Image {
            bias: bias?,
            dynamic: dynamic?,
            strings: 0,
            symbols: 0,
            hash: 0,
            gnu_hash: 0,
            versions: 0,
            definitions: 0,
        };
        image.strings = image.table(DT_STRTAB);
        image.symbols = image.table(DT_SYMTAB);
        image.hash = image.table(DT_HASH);
        image.gnu_hash = image.table(DT_GNU_HASH);
        image.versions = image.table(DT_VERSYM);
        image.definitions = image.table(DT_VERDEF);
        Some(image)
    }

    /// The value of the dynamic section's entry `tag`.
    fn dynamic(&self, tag: usize) -> Option<usize> {
        const WORD: usize = size_of::<usize>();
        (self.dynamic..)
            .step_by(2 * WORD)
            // SAFETY: the dynamic section is read up to its terminator, DT_NULL (0).
            .map(|entry| unsafe { (read::<usize>(entry), read::<usize>(entry + WORD)) })
            .take_while(|&(found, _)| found != 0)
            .find(|&(found, _)| found == tag)
            .map(|(_, value)| value)
    }

    /// The address of the table that the dynamic section's entry `tag` points to, or 0.
    fn table(&self, tag: usize) -> usize {
        self.dynamic(tag)
            .map_or(0, |address| self.bias.wrapping_add(address))
    }

    /// The string at `offset` of the string table.
    fn string(&self, offset: usize) -> &'static str {
        // SAFETY: the image's offsets are those of NUL-terminated strings in its string table.
        unsafe { CStr::from_ptr((self.strings + offset) as *const c_char) }
            .to_str()
            .unwrap_or("?")
    }

    /// `DT_SONAME`, the image's name.
    pub fn soname(&self) -> Option<&'static str> {
        self.dynamic(DT_SONAME).map(|offset| self.string(offset))
    }

    /// The name of symbol `index`.
    pub(crate) fn symbol_name(&self, index: usize) -> &'static str {
        // SAFETY: the callers get the index from the hash tables, which cover the symbol table.
        self.string(unsafe { read::<u32>(self.symbols + index * layout::SYMBOL.0) } as usize)
    }

    /// The address of symbol `index`; `None` if it isn't defined in this image.
    pub(crate) fn symbol_address(&self, index: usize) -> Option<usize> {
        let (size, value_at, section_at) = layout::SYMBOL;
        let symbol = self.symbols + index * size;
        // SAFETY: as in `symbol_name`.
        let (value, section) = unsafe {
            (
                read::<usize>(symbol + value_at),
                read::<u16>(symbol + section_at),
            )
        };
        (section != 0).then(|| self.bias.wrapping_add(value))
    }

    /// The name of symbol `index`'s version; empty without one.
    pub(crate) fn symbol_version(&self, index: usize) -> &'static str {
        if self.versions == 0 || self.definitions == 0 {
            return "";
        }
        // SAFETY: the version table is parallel to the symbol table. Bit 15 marks a hidden symbol.
        let wanted = unsafe { read::<u16>(self.versions + 2 * index) } & 0x7fff;
        let mut definition = self.definitions;
        loop {
            // SAFETY: Verdef: version, flags, index, count (u16 each), hash, aux, next (u32 each);
            // Verdaux: name, next. `next` is the next entry's offset, 0 at the end of the list.
            let (number, name, next) = unsafe {
                let aux = definition + read::<u32>(definition + 12) as usize;
                (
                    read::<u16>(definition + 4),
                    read::<u32>(aux),
                    read::<u32>(definition + 16),
                )
            };
            match (number == wanted, next) {
                (true, _) => return self.string(name as usize),
                (false, 0) => return "",
                (false, next) => definition += next as usize,
            }
        }
    }

    /// The image's defined symbols: name, version, address. Their number is in `DT_HASH`.
    pub fn symbols(&self) -> impl Iterator<Item = (&'static str, &'static str, usize)> + '_ {
        let count = match self.hash {
            0 => 0,
            // SAFETY: the hash table's second word is the number of symbols.
            hash => unsafe { read::<u32>(hash + 4) as usize },
        };
        (1..count).filter_map(|index| {
            Some((
                self.symbol_name(index),
                self.symbol_version(index),
                self.symbol_address(index)?,
            ))
        })
    }
}
