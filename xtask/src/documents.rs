//! Tests that README.md, docs/ and comments agree with the tree: links, paths, names of tests, the
//! walk of one write(), the rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use harness::paths;
use regex_lite::Regex;

use crate::sources;

/// A file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(paths::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below `folder` that ends in one of `endings`, with its text.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    sources::files(&paths::root().join(folder))
        .expect("a folder")
        .into_iter()
        .map(|path| path.display().to_string())
        .filter(|path| endings.iter().any(|ending| path.ends_with(ending)))
        .filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
        .collect()
}

/// README's "One write(), ten files": each names the next one in its module comment.
#[test]
fn each_file_of_the_walk_names_the_next() {
    let readme = read("README.md");
    let (_, walk) = readme.split_once("ten files\n").expect("the walk");
    let (walk, _) = walk.split_once("\nThen the other doors").expect("its end");
    let files: Vec<&str> = walk
        .lines()
        .filter_map(|line| Some(line.split_once("](")?.1.split_once(')')?.0))
        .collect();
    assert_eq!(files.len(), 10);
    for pair in files.windows(2) {
        let comment: String = read(pair[0])
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        // By its last two names, or more.
        let next = pair[1].rsplitn(3, '/').take(2).collect::<Vec<_>>();
        let next = format!("{}/{}", next[1], next[0]);
        let (_, said) = comment.rsplit_once("on a call's path").expect(pair[0]);
        assert!(said.contains(&next), "{}: {next} comes next", pair[0]);
    }
}

/// Functions that the examples of breakpoints name exist: in README.md and in what `xtask debug`
/// prints.
#[test]
fn breakpoints_of_the_examples_exist() {
    let example = Regex::new(r"break (trident::|programs::)([a-z0-9_:]+)").expect("a pattern");
    let pages = ["README.md", "xtask/src/debug.rs"];
    let mut found = 0;
    for page in pages {
        for (_, [root, path]) in example.captures_iter(&read(page)).map(|c| c.extract()) {
            let folder = if root == "programs::" {
                "user/bin/src"
            } else {
                "kernel/src"
            };
            let (module, name) = path.rsplit_once("::").unwrap_or(("", path));
            let module = module.rsplit("::").next().unwrap_or_default();
            let defined = files(folder, &[".rs"]).into_iter().any(|(file, text)| {
                let is_module = module.is_empty()
                    || file.ends_with(&format!("/{module}.rs"))
                    || file.ends_with(&format!("/{module}/mod.rs"));
                is_module
                    && [format!("fn {name}("), format!("fn {name}<")]
                        .iter()
                        .any(|definition| text.contains(definition))
            });
            assert!(defined, "{page}: {root}{path} is no function");
            found += 1;
        }
    }
    assert!(found >= 3, "only {found} examples were read");
}

/// Each relative link of the pages in the root and in docs/ names an existing file.
#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for (page, text) in pages() {
        let folder = Path::new(&page).parent().expect("a folder");
        for (_, link) in text
            .match_indices("](")
            .map(|(at, _)| text[at + 2..].split_once(')').expect("an end"))
            .map(|(link, rest)| (rest, link))
        {
            if link.contains("://") || link.starts_with('#') {
                continue;
            }
            let file = link.split('#').next().expect("a first part");
            assert!(folder.join(file).exists(), "{page}: {link} leads nowhere");
            links += 1;
        }
    }
    assert!(links > 10, "only {links} links");
}

/// The pages in the root and in docs/, each with its text.
fn pages() -> Vec<(String, String)> {
    let mut pages = files("docs", &[".md"]);
    for page in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        pages.push((paths::root().join(page).display().to_string(), read(page)));
    }
    pages
}

/// A path of at least two names. Those of C files count if they begin at the root: others are
/// Linux's.
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    let path =
        r"(?:^|[^\w./*<>-])((?:[\w-]+/)+[\w.-]+\.(?:rs|txt|md)|tests/[\w./-]+\.[ch])\b(\S{0,3})";
    Regex::new(path).expect("a pattern")
});

/// The paths in a line of prose, without texts of links, which are checked by their targets,
/// without `NAME` for any name, and without Linux's own documentation.
fn paths_in(line: &str) -> Vec<String> {
    PATH.captures_iter(line)
        .filter(|found| !found[2].contains("]("))
        .map(|found| found[1].to_owned())
        .filter(|path| !path.contains("NAME") && !path.starts_with("Documentation/"))
        .collect()
}

#[test]
fn paths_are_read_from_prose() {
    let found = paths_in(
        "//! See `vfs/file.rs`, (tests/floors/floors.txt); fs/exec.c, arch/x86/*.rs, a.rs",
    );
    assert_eq!(found, ["vfs/file.rs", "tests/floors/floors.txt"]);
    assert!(paths_in("[`table/i386.rs`](kernel/x)").is_empty());
    assert!(paths_in("`tests/programs/NAME.c`").is_empty());
}

/// Paths in comments and on the pages name existing files: from the root, from a crate's source, or
/// from the file's own folder or the one above.
#[test]
fn paths_in_prose_are_there() {
    let mut texts = pages();
    for folder in ["boot", "kernel", "tests", "user", "xtask"] {
        texts.extend(files(folder, &[".rs", ".c", ".h"]));
    }
    let folders = [
        "",
        "kernel/src",
        "user/vdso/src",
        "user/bin/src/bin",
        "xtask/src",
    ];
    let mut wrong = Vec::new();
    let mut count = 0;
    for (file, text) in texts {
        let is_page = file.ends_with(".md");
        let own = Path::new(&file).parent().expect("a folder");
        for line in text.lines().filter(|line| line.contains('/')) {
            let prose = match line.find("//").or_else(|| line.find("/*")) {
                _ if is_page => line,
                Some(start) => &line[start..],
                None => continue,
            };
            for path in paths_in(prose) {
                count += 1;
                let folders = folders.iter().map(|folder| paths::root().join(folder));
                let mut places = folders.chain([own.to_owned(), own.join("..")]);
                if !places.any(|folder| folder.join(&path).is_file()) {
                    wrong.push(format!("{file}: {path}"));
                }
            }
        }
    }
    assert!(count > 300, "only {count} paths");
    assert!(wrong.is_empty(), "not there:\n{}", wrong.join("\n"));
}

/// Functions of at least four words that the pages name, tests for the most part, exist.
#[test]
fn tests_that_the_pages_name_are_there() {
    let name = Regex::new(r"`(?:\w+::)*([a-z0-9]+(?:_[a-z0-9]+){3,})`").expect("a pattern");
    let mut sources = String::new();
    for folder in ["kernel/src", "tests", "user", "xtask/src", "xtask/labs/src"] {
        sources.extend(files(folder, &[".rs"]).into_iter().map(|(_, text)| text));
    }
    let mut count = 0;
    for (page, text) in pages() {
        for (_, [function]) in name.captures_iter(&text).map(|found| found.extract()) {
            count += 1;
            let is_there = sources.contains(&format!("fn {function}("));
            assert!(is_there, "{page}: no function {function}");
        }
    }
    assert!(count > 10, "only {count} names");
}

/// One rule of docs/RULES.md: the files that keep it, and the files of its tests.
#[derive(Default)]
struct Rule {
    kept_by: Vec<String>,
    held_by: Vec<String>,
}

/// The rules by their numbers.
fn rules() -> BTreeMap<u32, Rule> {
    let quoted = |line: &str| {
        line.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let mut rules = BTreeMap::new();
    let mut last = 0;
    for line in read("docs/RULES.md").lines() {
        if let Some(title) = line.strip_prefix("### Rule ") {
            let (number, _) = title.split_once(':').expect("a title");
            last = number.parse().expect("a number");
            assert!(
                rules.insert(last, Rule::default()).is_none(),
                "two rules {last}"
            );
        } else if let Some(list) = line.strip_prefix("- Kept by: ") {
            rules.get_mut(&last).expect("a rule").kept_by = quoted(list);
        } else if let Some(list) = line.strip_prefix("- Held by: ") {
            rules.get_mut(&last).expect("a rule").held_by = quoted(list);
        }
    }
    rules
}

/// The numbers behind "Rule" and "Rules" in a text: "Rule 4", "Rules 1, 3 and 20", "Rules 22 to
/// 24".
fn cited(text: &str) -> Vec<u32> {
    /// Compiled once: hundreds of files are searched.
    static LIST: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\bRules? (\d+(?:(?:, | and | to |\s*//[/!]? )\d+)*)").expect("a pattern")
    });
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d+").expect("a pattern"));
    let mut numbers = Vec::new();
    for found in LIST.captures_iter(text) {
        let list = &found[1];
        let these: Vec<u32> = NUMBER
            .find_iter(list)
            .map(|n| n.as_str().parse().expect("a number"))
            .collect();
        if list.contains(" to ") {
            numbers.extend(these[0]..=these[1]);
        } else {
            numbers.extend(these);
        }
    }
    numbers
}

#[test]
fn rules_name_files_that_are_there() {
    let rules = rules();
    let count = rules.len() as u32;
    assert!(rules.keys().copied().eq(1..=count), "{:?}", rules.keys());
    assert!(read("README.md").contains(&format!("the {count} rules of")));
    for (number, rule) in &rules {
        assert!(!rule.kept_by.is_empty(), "Rule {number} is kept by no file");
        // Rule 6 has no test: no emulator shows its breach.
        assert!(
            !rule.held_by.is_empty() || *number == 6,
            "Rule {number} is held by no test"
        );
        for file in rule.kept_by.iter().chain(&rule.held_by) {
            let is_there = ["", "kernel/src/"]
                .iter()
                .any(|folder| paths::root().join(folder).join(file).is_file());
            assert!(is_there, "Rule {number}: {file} is not there");
        }
    }
}

/// Comments cite existing rules; a program or a case that a rule names cites the rule.
#[test]
fn comments_cite_rules_that_are_there() {
    let rules = rules();
    let mut citing = BTreeMap::new();
    for folder in ["kernel/src", "tests", "user"] {
        for (file, text) in files(folder, &[".rs", ".c", ".h"]) {
            let numbers = cited(&text);
            for number in &numbers {
                assert!(rules.contains_key(number), "{file} cites Rule {number}");
            }
            citing.insert(file, numbers);
        }
    }
    assert!(citing.values().flatten().count() > 30);
    for (number, rule) in &rules {
        let citing_files = rule
            .held_by
            .iter()
            .filter(|file| file.starts_with("user/bin/") || file.contains("way_back"));
        for file in citing_files {
            let path = paths::root().join(file).display().to_string();
            assert!(
                citing[&path].contains(number),
                "{file} does not cite Rule {number}"
            );
        }
    }
}
