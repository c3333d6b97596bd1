//! The kernel's infallible allocations, and why they need not return `ENOMEM`.
//!
//! `allocations.txt` has a line for each file and way to allocate: the number of uses outside of
//! tests, and the bound of their size. All other allocations go through `mm/fallible.rs`. The check
//! lists each file whose number differs. Containers that grow by single elements, and copies of
//! containers, can't be recognised in the source: the test build of the kernel finds those that
//! reach a page (`mm/injection.rs`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use harness::paths;

use crate::sources;

/// Ways to allocate that can't fail, or that fault injection doesn't reach.
const WAYS: [&str; 16] = [
    ".collect()",
    ".collect::<",
    ".to_vec()",
    ".to_string()",
    ".to_owned()",
    ".into_owned()",
    ".concat()",
    ".repeat(",
    ".reserve(",
    ".reserve_exact(",
    ".try_reserve(",
    ".try_reserve_exact(",
    ".resize(",
    "vec!",
    "format!",
    "::with_capacity(",
];

/// The file that is not checked: it has the fallible forms.
const ANSWERS: &str = "mm/fallible.rs";

/// A file below `kernel/src`, and a way to allocate.
type Place = (String, &'static str);

/// Compares every place with the table.
///
/// # Errors
/// If a place is missing in the table, or the table has one that doesn't exist.
pub fn check() -> Result<()> {
    let root = paths::root().join("kernel/src");
    let path = paths::root().join("xtask/src/allocations.txt");
    let table = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let allowed = read(&table)?;
    let mut found = BTreeMap::new();
    for file in kernel_sources(&root)? {
        let name = file.strip_prefix(&root)?.to_string_lossy().into_owned();
        count(&fs::read_to_string(&file)?, &name, &mut found);
    }
    let wrong = differences(&found, &allowed);
    ensure!(
        wrong.is_empty(),
        "infallible allocations that differ from xtask/src/allocations.txt:\n{}",
        wrong.join("\n")
    );
    Ok(())
}

/// The differences between the uses found and the uses allowed.
fn differences(found: &BTreeMap<Place, usize>, allowed: &BTreeMap<Place, usize>) -> Vec<String> {
    let places = found.keys().chain(allowed.keys());
    let mut wrong: Vec<String> = places
        .filter_map(|place| {
            let (is, may) = (
                found.get(place).unwrap_or(&0),
                allowed.get(place).unwrap_or(&0),
            );
            let (file, way) = place;
            (is != may).then(|| format!("  {file} {way}: {is}, where {may} are accounted for"))
        })
        .collect();
    wrong.dedup();
    wrong.sort();
    wrong.dedup();
    wrong
}

/// Reads lines such as `tty/mod.rs vec! 2 two rings of a page, at the making of a terminal`.
fn read(table: &str) -> Result<BTreeMap<Place, usize>> {
    let lines = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.splitn(4, ' ');
            let mut word = || {
                words
                    .next()
                    .with_context(|| format!("no reason in {line:?}"))
            };
            let (file, way, number, reason) = (word()?, word()?, word()?, word()?);
            let way = WAYS.into_iter().find(|known| *known == way);
            let way = way.with_context(|| format!("no way to allocate in {line:?}"))?;
            ensure!(!reason.trim().is_empty(), "no reason in {line:?}");
            Ok(((file.to_owned(), way), number.parse()?))
        })
        .collect()
}

/// The kernel's source files, tests left out.
fn kernel_sources(root: &Path) -> Result<Vec<PathBuf>> {
    let is_counted = |path: &PathBuf| {
        let below = path.strip_prefix(root).unwrap_or(path).with_extension("");
        let is_test = below.iter().any(|part| part == "tests" || part == "ktest");
        path.extension().is_some_and(|extension| extension == "rs")
            && !is_test
            && !path.ends_with(ANSWERS)
    };
    Ok(sources::files(root)?
        .into_iter()
        .filter(is_counted)
        .collect())
}

/// Counts the ways to allocate in the source of `file`.
fn count(source: &str, file: &str, found: &mut BTreeMap<Place, usize>) {
    // A file's tests are at its end.
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or(source);
    for line in code.lines() {
        let line = line.split("//").next().unwrap_or(line);
        for way in WAYS {
            let starts = line.match_indices(way).filter(|(at, _)| {
                // `try_format!` is another word, `fallible::with_capacity` another function.
                let before = line[..*at].chars().next_back();
                let is_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
                let is_path = way.starts_with("::") && line[..*at].ends_with("fallible");
                !(is_path || is_word && !way.starts_with(['.', ':']))
            });
            let number = starts.count();
            if number > 0 {
                *found.entry((file.to_owned(), way)).or_default() += number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_allocate_are_found_outside_of_comments_and_tests() {
        let source = "let a = b.iter().collect();\nlet c = try_format!(\"x\")?; // not vec![]\n\
                      let d = fallible::with_capacity(3)?;\nlet e: Vec<u8> = Vec::with_capacity(3);\n\
                      let f = [vec![1], vec![2]];\n#[cfg(test)]\nmod tests {\nvec![3]\n}\n";
        let mut found = BTreeMap::new();
        count(source, "a.rs", &mut found);
        let expected = [(".collect()", 1), ("::with_capacity(", 1), ("vec!", 2)];
        let expected = expected.map(|(way, number)| (("a.rs".to_owned(), way), number));
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[test]
    fn a_place_that_is_new_or_gone_is_named() {
        let found = BTreeMap::from([(("a.rs".to_owned(), "vec!"), 2)]);
        let allowed = read("# why\na.rs vec! 1 one page\nb.rs format! 1 a line\n").unwrap();
        let wrong = differences(&found, &allowed);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains("a.rs vec!: 2") && wrong[1].contains("b.rs format!: 0"));
        assert!(differences(&found, &read("a.rs vec! 2 two pages").unwrap()).is_empty());
        assert!(read("a.rs vec! 2").is_err() && read("a.rs push 2 why").is_err());
    }

    #[test]
    fn every_allocation_of_the_kernel_is_accounted_for() {
        check().unwrap();
    }
}
