//! Which allocations of the kernel can't answer `ENOMEM`, and why they need not.
//!
//! `allocations.txt` has a line for each file and way to allocate: how often it stands there outside of
//! tests, and what bounds its size. Everything else is to go through `mm/fallible.rs`. What a file has
//! more of than its line says, or less, is named. Containers that grow by single elements, and copies of
//! containers, look like everything else in the source: the test build of the kernel finds those that
//! reach a page (`mm/injection.rs`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use harness::paths;

/// Ways to allocate that have no answer for when there is no memory, or one that no fault is injected into.
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

/// Where they are allowed: this is what answers.
const ANSWERS: &str = "mm/fallible.rs";

/// A file below `kernel/src`, and a way to allocate.
type Place = (String, &'static str);

/// Names every place that the table doesn't account for.
///
/// # Errors
/// If there is one, or the table has one that isn't there.
pub fn check() -> Result<()> {
    let root = paths::root().join("kernel/src");
    let path = paths::root().join("xtask/src/allocations.txt");
    let table = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let allowed = read(&table)?;
    let mut found = BTreeMap::new();
    for file in sources(&root)? {
        let name = file.strip_prefix(&root)?.to_string_lossy().into_owned();
        count(&fs::read_to_string(&file)?, &name, &mut found);
    }
    let wrong = differences(&found, &allowed);
    ensure!(
        wrong.is_empty(),
        "allocations without an answer for no memory, and xtask/src/allocations.txt:\n{}",
        wrong.join("\n")
    );
    Ok(())
}

/// What is there and what is allowed, where they differ.
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

/// Reads lines such as `fs/tty/mod.rs vec! 2 two rings of a page, at the making of a terminal`.
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
fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if stem == "tests" || stem == "ktest" || path.ends_with(ANSWERS) {
            continue;
        }
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Counts the ways to allocate in the source of `file`.
fn count(source: &str, file: &str, found: &mut BTreeMap<Place, usize>) {
    // The tests of a file are its end.
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
