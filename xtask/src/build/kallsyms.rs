//! Fills the kernel's reserved `.kallsyms` section with its own function names, so that a panic
//! can print a symbolised backtrace with nothing but the kernel in memory.
//!
//! Format, all numbers little-endian `u32`:
//!
//! | offset      | content |
//! |-------------|---------|
//! | 0           | the eight bytes `KALLSYMS` |
//! | 8           | N, the number of symbols |
//! | 12          | bytes in the names area |
//! | 16          | N addresses, each less [`BASE`], ascending, no two the same |
//! | 16 + 4N     | N + 1 offsets into the names area: name *i* is between offset *i* and *i* + 1 |
//! | 20 + 8N     | the names area: demangled names, UTF-8, with nothing between them |
//!
//! The rest of the section is zero. A kernel that finds N = 0 has not been filled.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use object::elf;
use object::read::elf::ElfFile64;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

/// The kernel's lowest virtual address.
pub const BASE: u64 = 0xffff_ffff_8000_0000;
/// The section's first bytes.
pub const MAGIC: &[u8; 8] = b"KALLSYMS";

/// Names longer than this are cut: enough for any path of the kernel's own.
const LONGEST_NAME: usize = 120;

/// Returns the kernel ELF file with its `.kallsyms` section filled in.
pub fn fill(mut kernel: Vec<u8>) -> Result<Vec<u8>> {
    let (start, size, symbols) = {
        let file = ElfFile64::<object::Endianness>::parse(&*kernel).context("not an ELF64 file")?;
        if file.elf_header().e_machine.get(file.endian()) != elf::EM_X86_64 {
            bail!("not an x86_64 file");
        }
        let Some(section) = file.section_by_name(".kallsyms") else {
            // A kernel without the section prints bare addresses: nothing to do.
            return Ok(kernel);
        };
        let (start, size) = section
            .file_range()
            .context(".kallsyms takes no space in the file")?;
        (start as usize, size as usize, functions(&file))
    };
    let table = fit(&symbols, size);
    let place = kernel
        .get_mut(start..start + size)
        .context(".kallsyms lies outside the file")?;
    place.fill(0);
    place[..table.len()].copy_from_slice(&table);
    Ok(kernel)
}

/// The kernel's functions: address (less [`BASE`]) and mangled name.
fn functions(file: &ElfFile64<'_>) -> BTreeMap<u32, String> {
    let mut functions = BTreeMap::new();
    for symbol in file.symbols() {
        let in_text = symbol.kind() == SymbolKind::Text && symbol.is_definition();
        let Some(offset) = symbol.address().checked_sub(BASE) else {
            continue;
        };
        let (Ok(offset), Ok(name), true) = (u32::try_from(offset), symbol.name(), in_text) else {
            continue;
        };
        functions.entry(offset).or_insert_with(|| name.to_owned());
    }
    functions
}

/// The table with as much in it as fits: full names, else names without generic arguments,
/// else the kernel's own functions only.
fn fit(symbols: &BTreeMap<u32, String>, size: usize) -> Vec<u8> {
    let full: Level = |name| Some(demangle(name));
    let plain: Level = |name| Some(without_generics(&demangle(name)));
    let own: Level =
        |name| Some(without_generics(&demangle(name))).filter(|name| name.contains("trident::"));
    let none: Level = |_| None;
    [full, plain, own, none]
        .into_iter()
        .map(|level| encode(symbols, level))
        .find(|table| table.len() <= size)
        .unwrap_or_default()
}

/// Converts a mangled name: `None` omits the symbol.
type Level = fn(&str) -> Option<String>;

fn encode(symbols: &BTreeMap<u32, String>, level: Level) -> Vec<u8> {
    let (mut addresses, mut offsets, mut names) = (Vec::new(), vec![0], String::new());
    for (address, name) in symbols {
        if let Some(name) = level(name) {
            addresses.push(*address);
            names.push_str(&name);
            offsets.push(names.len() as u32);
        }
    }
    let mut table = MAGIC.to_vec();
    let counts = [addresses.len() as u32, names.len() as u32];
    for number in counts.iter().chain(&addresses).chain(&offsets) {
        table.extend_from_slice(&number.to_le_bytes());
    }
    table.extend_from_slice(names.as_bytes());
    table
}

/// The readable name, without its hash.
fn demangle(name: &str) -> String {
    let mut name = format!("{:#}", rustc_demangle::demangle(name));
    if let Some((end, _)) = name.char_indices().nth(LONGEST_NAME) {
        name.truncate(end);
    }
    name
}

/// `a::b<c>::d` becomes `a::b<..>::d`, while the `<` of `<T as Trait>::f` stays.
fn without_generics(name: &str) -> String {
    let (mut plain, mut depth) = (String::new(), 0_u32);
    for (index, character) in name.char_indices() {
        match character {
            '<' if index > 0 => {
                if depth == 0 {
                    plain.push_str("<..>");
                }
                depth += 1;
            }
            '>' if depth > 0 => depth -= 1,
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(table: &[u8], at: usize) -> usize {
        u32::from_le_bytes(table[at..at + 4].try_into().expect("four bytes")) as usize
    }

    #[test]
    fn a_name_is_found_by_its_offsets() {
        let symbols = BTreeMap::from([(16, "first".to_owned()), (64, "second".to_owned())]);
        let table = fit(&symbols, 4096);
        assert_eq!(&table[..8], MAGIC);
        assert_eq!((number(&table, 8), number(&table, 12)), (2, 11));
        assert_eq!((number(&table, 16), number(&table, 20)), (16, 64));
        let names = &table[20 + 8 * 2..];
        let (from, to) = (number(&table, 16 + 8 + 4), number(&table, 16 + 8 + 8));
        assert_eq!(&names[from..to], b"second");
    }

    #[test]
    fn too_many_names_give_way_to_the_kernels_own() {
        let mut symbols: BTreeMap<u32, String> = (0..100)
            .map(|index| (index, format!("core::something::{index}")))
            .collect();
        symbols.insert(1000, "trident::main".into());
        let table = fit(&symbols, 64);
        assert_eq!(number(&table, 8), 1);
    }

    #[test]
    fn generic_arguments_can_be_left_out() {
        assert_eq!(without_generics("a::b<c::D<e>, f>::g"), "a::b<..>::g");
        assert_eq!(without_generics("<T as a::B>::c"), "<T as a::B>::c");
    }

    #[test]
    fn a_file_that_is_not_a_kernel_is_an_error() {
        assert!(fill(b"#!/bin/sh".to_vec()).is_err());
    }
}
