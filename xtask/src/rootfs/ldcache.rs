//! `/etc/ld.so.cache`, as ldconfig(8) makes it: the dynamic linker finds libraries in it instead of
//! trying one directory after the other.
//!
//! The format is glibc's `sysdeps/generic/dl-cache.h`, `struct cache_file_new`: a header of 48
//! bytes, entries of 24 sorted from the last name to the first, strings.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::tree::Tree;

/// The libraries' directory, the path that programs load them by, and glibc's flags for their kind
/// (`FLAG_ELF_LIBC6`, with `FLAG_X8664_LIB64` for the wide ones).
const DIRECTORIES: [(&str, &str, u32); 2] = [
    (
        "usr/lib/x86_64-linux-gnu/",
        "/lib/x86_64-linux-gnu/",
        0x0303,
    ),
    ("usr/lib/i386-linux-gnu/", "/lib/i386-linux-gnu/", 0x0003),
];

const HEADER_SIZE: usize = 48;
const ENTRY_SIZE: usize = 24;
/// `cache_file_new_flags_endian_little`.
const LITTLE_ENDIAN: u8 = 2;

/// Makes the cache of the tree's libraries.
pub fn make(tree: &Tree) -> Vec<u8> {
    let mut libraries: Vec<(String, String, u32)> = Vec::new();
    for (directory, seen_as, flags) in DIRECTORIES {
        for name in names(tree, directory) {
            libraries.push((name.to_owned(), format!("{seen_as}{name}"), flags));
        }
    }
    libraries.sort_by(|a, b| compare(&b.0, &a.0).then(b.2.cmp(&a.2)));
    encode(&libraries)
}

/// The names that programs ask for (`DT_SONAME`): links to a file beside them, and files that no
/// such link points to.
fn names<'a>(tree: &'a Tree, directory: &'a str) -> Vec<&'a str> {
    let is_library = |name: &str| name.starts_with("lib") || name.starts_with("ld-");
    let here: Vec<(&str, Option<&str>)> = tree
        .list(directory)
        .filter(|(name, _)| is_library(name) && name.contains(".so") && !name.contains('/'))
        .collect();
    let targets: HashSet<&str> = here.iter().filter_map(|(_, target)| *target).collect();
    here.iter()
        .filter(|(name, target)| target.is_some() || !targets.contains(name))
        .map(|(name, _)| *name)
        .collect()
}

fn encode(libraries: &[(String, String, u32)]) -> Vec<u8> {
    let mut strings = Vec::new();
    let mut entries = Vec::new();
    let strings_at = HEADER_SIZE + ENTRY_SIZE * libraries.len();
    for (name, path, flags) in libraries {
        let mut place = |text: &str| {
            let at = strings_at + strings.len();
            strings.extend_from_slice(text.as_bytes());
            strings.push(0);
            at as u32
        };
        for field in [*flags, place(name), place(path), 0, 0, 0] {
            entries.extend_from_slice(&field.to_le_bytes());
        }
    }
    let mut cache = b"glibc-ld.so.cache1.1".to_vec();
    cache.extend_from_slice(&(libraries.len() as u32).to_le_bytes());
    cache.extend_from_slice(&(strings.len() as u32).to_le_bytes());
    cache.extend_from_slice(&[LITTLE_ENDIAN, 0, 0, 0]);
    cache.resize(HEADER_SIZE, 0);
    cache.extend_from_slice(&entries);
    cache.extend_from_slice(&strings);
    cache
}

/// The order in which the dynamic linker searches: numbers in names count as numbers
/// (glibc's `_dl_cache_libcmp`).
fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        let ordering = match (left, right) {
            ([l, ..], [r, ..]) if l.is_ascii_digit() && r.is_ascii_digit() => {
                let (l, r) = (take_number(&mut left), take_number(&mut right));
                if l != r {
                    return l.cmp(&r);
                }
                continue;
            }
            ([l, ..], _) if l.is_ascii_digit() => Ordering::Greater,
            (_, [r, ..]) if r.is_ascii_digit() => Ordering::Less,
            ([l, rest_l @ ..], [r, rest_r @ ..]) if l == r => {
                (left, right) = (rest_l, rest_r);
                continue;
            }
            _ => left.first().cmp(&right.first()),
        };
        return ordering;
    }
}

fn take_number(text: &mut &[u8]) -> u64 {
    let mut number = 0_u64;
    while let [digit, rest @ ..] = *text
        && digit.is_ascii_digit()
    {
        number = number
            .wrapping_mul(10)
            .wrapping_add(u64::from(digit - b'0'));
        *text = rest;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_compared_as_such() {
        assert_eq!(compare("libx.so.9", "libx.so.10"), Ordering::Less);
        assert_eq!(compare("libc.so.6", "libc.so.6"), Ordering::Equal);
        assert_eq!(compare("liba.so.1", "libab.so.1"), Ordering::Less);
        assert_eq!(compare("lib1.so", "libz.so"), Ordering::Greater);
    }

    #[test]
    fn links_and_files_without_one_are_listed() {
        let mut tree = Tree::default();
        tree.file("usr/lib/x86_64-linux-gnu/libb.so.1.2", 0o644, "");
        tree.link("usr/lib/x86_64-linux-gnu/libb.so.1", "libb.so.1.2");
        tree.file("usr/lib/x86_64-linux-gnu/liba.so.2", 0o644, "");
        tree.file("usr/lib/x86_64-linux-gnu/sub/libc.so.3", 0o644, "");
        let cache = make(&tree);
        assert_eq!(&cache[20..24], [2, 0, 0, 0]);
        let strings = &cache[HEADER_SIZE + 2 * ENTRY_SIZE..];
        assert!(strings.starts_with(b"libb.so.1\0/lib/x86_64-linux-gnu/libb.so.1\0liba.so.2\0"));
    }
}
