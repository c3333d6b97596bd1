//! Symbols: names of addresses, of an ELF file or of Linux's /proc/kallsyms.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};

/// A named range of addresses. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Symbols {
    /// Width of the file's code in bits.
    pub bits: u32,
    /// By address: name and size. Of several at an address the one with a size wins.
    ranges: Arc<BTreeMap<u64, (String, u64)>>,
    /// All names.
    addresses: Arc<BTreeMap<String, u64>>,
    /// The file's code: address and bytes of each section.
    code: Arc<Vec<(u64, Vec<u8>)>>,
}

impl Symbols {
    fn new(bits: u32, symbols: impl IntoIterator<Item = (u64, String, u64)>) -> Self {
        let mut ranges: BTreeMap<u64, (String, u64)> = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for (address, name, size) in symbols {
            addresses.insert(name.clone(), address);
            let known = ranges.get(&address).map(|(_, size)| *size);
            if known.is_none_or(|known| size > known) {
                ranges.insert(address, (name, size));
            }
        }
        Self {
            bits,
            ranges: Arc::new(ranges),
            addresses: Arc::new(addresses),
            code: Arc::default(),
        }
    }

    /// The bytes of a file's code; none of /proc/kallsyms.
    pub fn bytes(&self, address: u64, size: u64) -> Option<Vec<u8>> {
        self.code.iter().find_map(|(start, bytes)| {
            let from = usize::try_from(address.checked_sub(*start)?).ok()?;
            bytes.get(from..from + size as usize).map(<[u8]>::to_vec)
        })
    }

    /// The address of a name.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.addresses.get(name).copied()
    }

    /// The symbol that `address` is in, and the offset in it. Symbols without a size are labels in
    /// others.
    pub fn containing(&self, address: u64) -> Option<(&str, u64)> {
        let below = self.ranges.range(..=address).rev();
        let (start, (name, _)) = below
            .take(8)
            .find(|(start, (_, size))| address < *start + size)?;
        Some((name, address - start))
    }

    /// [`Symbols::containing`], or a symbol without a size a few bytes below: assembly often has none.
    pub fn near(&self, address: u64) -> Option<(&str, u64)> {
        const NEAR: u64 = 64;
        self.containing(address).or_else(|| {
            let (start, (name, _)) = self.ranges.range(..=address).next_back()?;
            (address - start < NEAR).then_some((name.as_str(), address - start))
        })
    }

    /// The size of the symbol at an address.
    pub fn size(&self, address: u64) -> Option<u64> {
        self.ranges.get(&address).map(|(_, size)| *size)
    }
}

/// The symbols of an ELF file, demangled.
///
/// # Errors
/// The file can't be read, or is no ELF file.
pub fn of_file(path: &Path) -> Result<Symbols> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    of_bytes(&bytes, 0).with_context(|| format!("in {}", path.display()))
}

/// The symbols of an ELF image that lies at `base`.
///
/// # Errors
/// The bytes are no ELF file.
pub fn of_bytes(bytes: &[u8], base: u64) -> Result<Symbols> {
    let file = object::File::parse(bytes)?;
    let bits = if file.is_64() { 64 } else { 32 };
    let is_place = |kind| {
        matches!(
            kind,
            SymbolKind::Text | SymbolKind::Data | SymbolKind::Unknown | SymbolKind::Label
        )
    };
    let symbols = file.symbols().chain(file.dynamic_symbols());
    let symbols = symbols.filter(|symbol| !symbol.is_undefined() && is_place(symbol.kind()));
    let named = symbols.filter_map(|symbol| {
        let name = format!("{:#}", rustc_demangle::demangle(symbol.name().ok()?));
        Some((symbol.address() + base, name, symbol.size()))
    });
    let code = file
        .sections()
        .filter(|section| section.kind() == SectionKind::Text);
    let code =
        code.filter_map(|section| Some((section.address() + base, section.data().ok()?.to_vec())));
    Ok(Symbols {
        code: Arc::new(code.collect()),
        ..Symbols::new(bits, named)
    })
}

/// The symbols of Linux's /proc/kallsyms: each text symbol ends where the next begins.
pub fn of_kallsyms(text: &str) -> Symbols {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        let kind = words.next()?;
        matches!(kind, "t" | "T" | "d" | "D" | "b" | "B" | "r" | "R")
            .then(|| words.next().map(|name| (address, name.to_owned())))
            .flatten()
    });
    let mut lines: Vec<(u64, String)> = lines.collect();
    // Global names come first in an address's list.
    lines.sort_by_key(|(address, _)| *address);
    let ends: Vec<u64> = lines
        .iter()
        .map(|(address, _)| {
            let next = lines.partition_point(|(other, _)| other <= address);
            lines.get(next).map_or(*address, |(other, _)| *other)
        })
        .collect();
    let sized = lines
        .into_iter()
        .zip(ends)
        .map(|((address, name), end)| (address, name, end - address));
    Symbols::new(64, sized)
}

/// The last two parts of a path, without generic arguments: what a reader calls a function.
pub fn short(name: &str) -> String {
    // `<A as B>::f` and `f::<true>` have their own brackets.
    let mut depth = 0;
    let mut plain = String::new();
    for (at, letter) in name.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' if !name[..at].ends_with('-') => depth -= 1,
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    let parts: Vec<&str> = plain.split("::").filter(|part| !part.is_empty()).collect();
    let last = parts.iter().rev().take(2).rev();
    let last: Vec<&str> = last.copied().collect();
    if last.is_empty() {
        name.to_owned()
    } else {
        last.join("::")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_generic_arguments() {
        assert_eq!(
            short("trident::entry::syscall::entry_syscall_64::<true>"),
            "syscall::entry_syscall_64"
        );
        assert_eq!(short("<trident::a::B as c::D>::run"), "run");
        assert_eq!(short("__x64_sys_getpid"), "__x64_sys_getpid");
    }

    #[test]
    fn an_address_has_the_symbol_below_it() {
        let symbols =
            of_kallsyms("10 T first\n20 t second\n20 t alias\n30 A absolute\n30 T third\n");
        assert_eq!(symbols.containing(0x12), Some(("first", 2)));
        assert_eq!(symbols.containing(0x2f), Some(("second", 15)));
        assert_eq!(symbols.containing(0x8), None);
    }
}
