//! The images as ELF files, as C libraries, debuggers and ELF parsers read them.

use goblin::elf::dynamic::*;
use goblin::elf::program_header::{PF_R, PF_X, PT_DYNAMIC, PT_GNU_EH_FRAME, PT_LOAD, PT_NOTE};
use goblin::elf::sym::{STB_GLOBAL, STB_WEAK, STT_FUNC};
use goblin::elf::{Elf, header};
use std::collections::BTreeSet;
use vdso::images::{VDSO32, VDSO64, vdso32};

const NAMES: [&str; 5] = [
    "clock_gettime",
    "gettimeofday",
    "clock_getres",
    "time",
    "getcpu",
];

fn images() -> [(u32, &'static [u8], Elf<'static>); 2] {
    [(64, VDSO64), (32, VDSO32)]
        .map(|(bits, image)| (bits, image, Elf::parse(image).expect("an ELF file")))
}

/// All exports of an image: name, version, binding.
fn exports(bits: u32) -> Vec<(String, &'static str, u8)> {
    let mut names = NAMES.to_vec();
    if bits == 32 {
        names.push("clock_gettime64");
    }
    let functions = names.iter().flat_map(|name| {
        [
            (format!("__vdso_{name}"), "LINUX_2.6", STB_GLOBAL),
            (name.to_string(), "LINUX_2.6", STB_WEAK),
        ]
    });
    let kernel = [
        "__kernel_vsyscall",
        "__kernel_sigreturn",
        "__kernel_rt_sigreturn",
    ];
    let kernel = kernel.map(|name| (name.to_owned(), "LINUX_2.5", STB_GLOBAL));
    functions
        .chain(kernel.into_iter().filter(|_| bits == 32))
        .collect()
}

#[test]
fn one_readable_executable_segment() {
    for (bits, image, elf) in images() {
        assert_eq!(elf.header.e_type, header::ET_DYN);
        assert_eq!(
            elf.header.e_machine,
            if bits == 64 {
                header::EM_X86_64
            } else {
                header::EM_386
            }
        );
        let kinds: Vec<u32> = elf
            .program_headers
            .iter()
            .map(|header| header.p_type)
            .collect();
        assert_eq!(kinds, [PT_LOAD, PT_DYNAMIC, PT_NOTE, PT_GNU_EH_FRAME]);
        let load = &elf.program_headers[0];
        assert_eq!(load.p_flags, PF_R | PF_X);
        assert_eq!((load.p_offset, load.p_vaddr, load.p_align), (0, 0, 4096));
        assert_eq!(load.p_filesz, load.p_memsz, "no zeroed data");
        assert!(load.p_filesz <= image.len() as u64);
        for header in &elf.program_headers {
            assert!(
                header.p_filesz > 0,
                "an empty header of type {:#x}",
                header.p_type
            );
            assert!(
                header.p_offset == header.p_vaddr
                    && header.p_offset + header.p_filesz <= load.p_filesz
            );
        }
        assert!(
            image.len() <= 8192,
            "{} bytes are more than two pages",
            image.len()
        );
    }
}

#[test]
fn dynamic_section() {
    for (bits, _, elf) in images() {
        let soname = if bits == 64 {
            "linux-vdso.so.1"
        } else {
            "linux-gate.so.1"
        };
        assert_eq!(elf.soname, Some(soname));
        let dynamic = elf.dynamic.as_ref().expect("PT_DYNAMIC");
        let tags: BTreeSet<u64> = dynamic.dyns.iter().map(|entry| entry.d_tag).collect();
        for needed in [
            DT_HASH,
            DT_GNU_HASH,
            DT_SYMTAB,
            DT_STRTAB,
            DT_STRSZ,
            DT_SYMENT,
            DT_VERSYM,
            DT_VERDEF,
            DT_VERDEFNUM,
        ] {
            assert!(tags.contains(&needed), "{bits}: no tag {needed:#x}");
        }
        // A vDSO isn't relocated, and has no dependencies or constructors.
        for wrong in [
            DT_REL,
            DT_RELA,
            DT_JMPREL,
            DT_TEXTREL,
            DT_PLTGOT,
            DT_NEEDED,
            DT_INIT,
            DT_INIT_ARRAY,
            DT_FINI,
        ] {
            assert!(!tags.contains(&wrong), "{bits}: tag {wrong:#x}");
        }
        assert!(elf.dynrels.is_empty() && elf.dynrelas.is_empty() && elf.pltrelocs.is_empty());
    }
}

#[test]
fn the_exports_are_complete() {
    for (bits, image, elf) in images() {
        let expected = exports(bits);
        let symbols: Vec<_> = elf.dynsyms.iter().skip(1).collect();
        assert_eq!(symbols.len(), expected.len());
        for (name, version, binding) in expected {
            for find in [by_hash, by_gnu_hash] {
                let index =
                    find(image, &elf, &name).unwrap_or_else(|| panic!("{bits}: {name} not found"));
                let symbol = elf.dynsyms.get(index).unwrap();
                assert_eq!(elf.dynstrtab.get_at(symbol.st_name), Some(name.as_str()));
                assert_eq!(
                    (symbol.st_bind(), symbol.st_type()),
                    (binding, STT_FUNC),
                    "{name}"
                );
                assert!(symbol.st_size > 0 && symbol.st_shndx != 0, "{name}");
                assert_eq!(version_of(&elf, index), version, "{name}");
            }
        }
        let at = |name: &str| {
            symbols
                .iter()
                .find(|s| elf.dynstrtab.get_at(s.st_name) == Some(name))
                .unwrap()
                .st_value
        };
        for name in NAMES {
            assert_eq!(at(name), at(&format!("__vdso_{name}")));
        }
    }
}

fn version_of<'a>(elf: &'a Elf<'_>, index: usize) -> &'a str {
    let version = elf.versym.as_ref().unwrap().get_at(index).unwrap();
    let definitions = elf.verdef.as_ref().unwrap();
    let definition = definitions
        .iter()
        .find(|definition| definition.vd_ndx == version.vs_val & 0x7fff)
        .unwrap();
    elf.dynstrtab
        .get_at(definition.iter().next().unwrap().vda_name)
        .unwrap()
}

fn word(image: &[u8], offset: u64) -> u32 {
    u32::from_le_bytes(image[offset as usize..][..4].try_into().unwrap())
}

fn tag(elf: &Elf<'_>, tag: u64) -> u64 {
    elf.dynamic
        .as_ref()
        .unwrap()
        .dyns
        .iter()
        .find(|entry| entry.d_tag == tag)
        .unwrap()
        .d_val
}

fn is_name(elf: &Elf<'_>, index: usize, name: &str) -> bool {
    elf.dynsyms
        .get(index)
        .and_then(|symbol| elf.dynstrtab.get_at(symbol.st_name))
        == Some(name)
}

/// Lookup as in musl, by DT_HASH (System V gABI, "Hash Table").
fn by_hash(image: &[u8], elf: &Elf<'_>, name: &str) -> Option<usize> {
    let table = tag(elf, DT_HASH);
    let at = |index: u32| word(image, table + 4 * u64::from(index));
    let hash = name.bytes().fold(0u32, |hash, byte| {
        let hash = (hash << 4).wrapping_add(byte.into());
        let top = hash & 0xf000_0000;
        (hash ^ top >> 24) & !top
    });
    let (buckets, chains) = (at(0), at(1));
    let mut index = at(2 + hash % buckets);
    while index != 0 && index < chains {
        if is_name(elf, index as usize, name) {
            return Some(index as usize);
        }
        index = at(2 + buckets + index);
    }
    None
}

/// Lookup as in glibc, by DT_GNU_HASH with its Bloom filter.
fn by_gnu_hash(image: &[u8], elf: &Elf<'_>, name: &str) -> Option<usize> {
    let table = tag(elf, DT_GNU_HASH);
    let hash = name.bytes().fold(5381u32, |hash, byte| {
        hash.wrapping_mul(33).wrapping_add(byte.into())
    });
    let [buckets, first, filters, shift] = [0, 1, 2, 3].map(|index| word(image, table + 4 * index));
    let bits = if elf.is_64 { 64 } else { 32 };
    let filter = table + 16 + u64::from(hash / bits % filters) * u64::from(bits / 8);
    let filter = u64::from(word(image, filter))
        | if elf.is_64 {
            u64::from(word(image, filter + 4)) << 32
        } else {
            0
        };
    if filter >> (hash % bits) & filter >> ((hash >> shift) % bits) & 1 == 0 {
        return None;
    }
    let bucket_at = table + 16 + u64::from(filters) * u64::from(bits / 8);
    let mut index = word(image, bucket_at + 4 * u64::from(hash % buckets));
    while index >= first {
        let chain = word(image, bucket_at + 4 * u64::from(buckets + index - first));
        if chain | 1 == hash | 1 && is_name(elf, index as usize, name) {
            return Some(index as usize);
        }
        if chain & 1 != 0 {
            return None;
        }
        index += 1;
    }
    None
}

#[test]
fn undefined_names_are_not_found() {
    for (_, image, elf) in images() {
        for name in [
            "",
            "clock",
            "__vdso_clock_gettime65",
            "vvar_page",
            "memcpy",
            "VDSO_GETCPU_SITE",
        ] {
            assert_eq!(
                (by_hash(image, &elf, name), by_gnu_hash(image, &elf, name)),
                (None, None),
                "{name}"
            );
        }
    }
}

#[test]
fn instructions_that_debuggers_recognize() {
    let code = |offset: usize, len: usize| &VDSO32[offset..offset + len];
    // The kernel restarts a call two bytes before the landing pad; gdb and libgcc recognise signal
    // frames by these bytes.
    assert_eq!(
        code(vdso32::VDSO32_SYSENTER_RETURN - 2, 6),
        [0xcd, 0x80, 0x5d, 0x5a, 0x59, 0xc3]
    );
    assert_eq!(code(vdso32::KERNEL_VSYSCALL, 3), [0x51, 0x52, 0x55]);
    assert_eq!(vdso32::VDSO32_VSYSCALL_SITE, vdso32::KERNEL_VSYSCALL + 3);
    assert_eq!(
        code(vdso32::VDSO32_VSYSCALL_SITE, 4),
        vdso::images::VSYSCALL_INT80
    );
    assert_eq!(
        vdso32::VDSO32_SYSENTER_RETURN,
        vdso32::VDSO32_VSYSCALL_SITE + 6
    );
    assert_eq!(
        code(vdso32::KERNEL_SIGRETURN, 8),
        [0x58, 0xb8, 119, 0, 0, 0, 0xcd, 0x80]
    );
    assert_eq!(
        code(vdso32::KERNEL_RT_SIGRETURN, 7),
        [0xb8, 173, 0, 0, 0, 0xcd, 0x80]
    );
}
