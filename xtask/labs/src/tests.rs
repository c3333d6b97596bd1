//! Tests of the labs' texts and of the student's tree. What the graders find out is proved by
//! `prove.rs`, which needs built kernels.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use harness::paths;
use regex_lite::Regex;

use crate::holes;
use crate::lab::Lab;
use crate::solution::Solutions;
use crate::student;
use crate::tree::{Tree, git};

/// The tree and its labs, if it is an instructor's.
fn full() -> Option<(Tree, Vec<Lab>)> {
    let tree = Tree::read(paths::own_root()).expect("the tree");
    let labs = Lab::all(paths::own_root()).expect("the labs");
    (!student::is_student(&tree)).then_some((tree, labs))
}

/// A lab has all parts of a text, at least three wrong solutions with different messages, and for
/// each check a rule whose absence the check notices.
#[test]
fn every_lab_is_whole() {
    let Some((tree, labs)) = full() else { return };
    let list = tree.text("labs/README.md").expect("the list");
    let parts = [
        "**Goal.**",
        "**Time:**",
        "**Points:**",
        "**Your files",
        "**Background.**",
        "## Steps",
        "## Hints",
        "## Questions",
        "## Done when",
    ];
    for lab in &labs {
        let name = &lab.name;
        let text = tree.text(&format!("labs/{name}/README.md")).expect(name);
        for part in parts {
            assert!(text.contains(part), "{name}: README.md has no {part}");
        }
        assert_eq!(text.matches("<details>").count(), 3, "{name}: three hints");
        assert!(
            text.contains(&format!("**Points:** {}", lab.points())),
            "{name}: points"
        );
        assert!(
            text.contains(&format!("# Lab {}: ", lab.rules.number)),
            "{name}: title"
        );
        assert!(
            list.contains(&format!("({name}/README.md)")),
            "labs/README.md lacks {name}"
        );
        let (_, holes) = student::tree(&tree, &labs, "test").expect(name);
        let solutions = Solutions::read(lab, &holes).expect(name);
        let messages: BTreeSet<&str> = solutions
            .wrong
            .values()
            .map(|wrong| wrong.message.as_str())
            .collect();
        assert!(
            messages.len() >= 3,
            "{name}: three wrong solutions with messages of their own"
        );
        for (wrong, is) in &solutions.wrong {
            assert!(
                lab.messages.contains_key(&is.message),
                "{name}/wrong/{wrong}: {}",
                is.message
            );
            assert!(
                lab.rules.check.iter().any(|check| check.id == is.check),
                "{name}/wrong/{wrong}"
            );
            assert!(!is.why.is_empty(), "{name}/wrong/{wrong} says not why");
        }
        for check in &lab.rules.check {
            let mut falls = solutions
                .mutations
                .iter()
                .flat_map(|mutation| &mutation.falls);
            assert!(
                falls.any(|fallen| *fallen == check.id),
                "{name}: no mutation loses {}",
                check.id
            );
        }
        for hole in holes.iter().filter(|hole| hole.lab == lab.rules.number) {
            let is_checked = lab
                .rules
                .check
                .iter()
                .any(|check| check.holes.contains(hole.letter));
            assert!(is_checked, "{name}: no check is about hole {}", hole.letter);
        }
    }
    assert!(!labs.is_empty());
}

/// Each message is one that a grader or a rule for crashes names, and names a page that is there.
#[test]
fn messages_are_used_and_name_pages() {
    let Some((tree, labs)) = full() else { return };
    let sources: String = tree
        .files()
        .filter(|(path, _)| path.starts_with("xtask/labs/src/") && !path.ends_with("/tests.rs"))
        .map(|(_, file)| String::from_utf8_lossy(&file.bytes).into_owned())
        .collect();
    for lab in &labs {
        for (name, message) in &lab.messages {
            let is_used = sources.contains(&format!("\"{name}\""))
                || lab.rules.check.iter().any(|check| check.id == *name)
                || lab.rules.crash.iter().any(|rule| rule.message == *name);
            assert!(is_used, "{}: nothing says {name}", lab.name);
            for page in [&message.read, &lab.rules.read] {
                assert!(
                    page.is_empty() || tree.get(page).is_some(),
                    "{}: {page}",
                    lab.name
                );
            }
            assert!(
                message.question.ends_with(['?', '.']),
                "{}: {name}",
                lab.name
            );
        }
        for rule in &lab.rules.crash {
            Regex::new(&rule.pattern).expect(&rule.pattern);
            assert!(lab.messages.contains_key(&rule.message), "{}", rule.message);
        }
    }
}

/// The links of the labs' texts lead somewhere, in the student's tree too.
#[test]
fn links_lead_somewhere() {
    let Some((full, labs)) = full() else { return };
    let (students, _) = student::tree(&full, &labs, "test").expect("a tree");
    let link = Regex::new(r"\]\(([^)#:]+)(?:#[^)]*)?\)").expect("a pattern");
    let mut count = 0;
    for (path, file) in students.files() {
        if !path.starts_with("labs/") || !path.ends_with(".md") {
            continue;
        }
        let text = String::from_utf8_lossy(&file.bytes);
        for found in link.captures_iter(&text) {
            let mut names: Vec<&str> = path.split('/').collect();
            names.pop();
            for name in found[1].split('/') {
                match name {
                    ".." => drop(names.pop()),
                    name => names.push(name),
                }
            }
            let target = names.join("/");
            assert!(students.get(&target).is_some(), "{path}: {target}");
            count += 1;
        }
    }
    assert!(count > 5, "only {count} links");
}

/// Letters and digits of a text: what is left of code in whatever form it is shown.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric()).collect()
}

/// A student's repository has no solution: neither the files, nor three lines of a hole's text or of
/// a solution in another file, nor a history with them. It has the labs.
#[test]
fn nothing_leaks_to_a_student() {
    const TOGETHER: usize = 3;
    /// Shorter pieces are in many places.
    const LEAST: usize = 24;
    let Some((full, labs)) = full() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("student");
    student::write_repository(&full, &labs, "anna", &root).expect("a repository");
    let tree = Tree::read(&root).expect("its tree");
    assert_eq!(tree, Tree::first_commit(&root).expect("its commit"));
    let commits = git(&root, &["rev-list", "--all", "--count"]).expect("its history");
    assert_eq!(String::from_utf8_lossy(&commits).trim(), "1");
    assert_eq!(Lab::all(&root).expect("its labs").len(), labs.len());
    assert_eq!(student::name(&tree).as_deref(), Some("anna"));

    let dropped = student::dropped(&full);
    assert!(dropped.len() > 10, "only {dropped:?}");
    for path in &dropped {
        assert!(tree.get(path).is_none(), "{path} is in the student's tree");
    }
    for (path, _) in tree.files() {
        for word in [
            "wrong/",
            "reference.toml",
            "mutations.toml",
            "instructor",
            "book/answers/",
        ] {
            assert!(!path.contains(word), "{path}");
        }
    }
    let mut secrets: Vec<(String, String)> = Vec::new();
    for hole in holes::of_tree(&full).expect("the holes") {
        secrets.push((format!("hole {}", hole.name()), hole.text));
    }
    for path in dropped.iter().filter(|path| path.starts_with("labs/")) {
        let text = full.text(path).expect("text");
        // What a solution finds in the tree is no secret.
        let lines = text.lines().filter(|line| !line.starts_with("find = "));
        secrets.push((path.clone(), lines.collect::<Vec<_>>().join("\n")));
    }
    let texts: Vec<(&str, String)> = tree
        .files()
        .map(|(path, file)| (path, letters(&String::from_utf8_lossy(&file.bytes))))
        .collect();
    let mut count = 0;
    for (origin, text) in &secrets {
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let lines: Vec<String> = lines.map(letters).filter(|line| !line.is_empty()).collect();
        for window in lines.windows(TOGETHER) {
            let secret = window.concat();
            if secret.len() < LEAST {
                continue;
            }
            count += 1;
            // Other doors' stubs have steps that are the same.
            let public = |path: &str| {
                path.starts_with("kernel/src/entry/") || path.starts_with("kernel/src/abi/")
            };
            let found = texts
                .iter()
                .find(|(path, text)| !public(path) && text.contains(&secret));
            assert!(
                found.is_none(),
                "{origin} is in {}: {secret}",
                found.map_or("", |(path, _)| path)
            );
        }
    }
    assert!(count > 50, "only {count} pieces were looked for");
}

/// A hole of a student's tree has the given piece, and a sealed file with it.
#[test]
fn each_hole_has_a_given_piece() {
    let Some((full, labs)) = full() else { return };
    let (tree, holes) = student::tree(&full, &labs, "anna").expect("a tree");
    assert!(!holes.is_empty());
    for hole in &holes {
        let text = tree.text(&hole.path).expect("a file");
        let theirs = holes::of_file(&hole.path, text).expect("holes");
        let their = theirs.iter().find(|their| their.name() == hole.name());
        assert!(holes::is_given(
            &their.expect("the hole").text,
            &hole.name()
        ));
        let sealed = tree.text(&format!("labs/given/{}.sealed", hole.name()));
        assert!(!sealed.expect("a sealed piece").contains("swapgs"));
    }
}

/// What the seal does, the kernel's build script undoes.
#[test]
fn the_build_script_knows_the_seal() {
    let script = fs::read_to_string(paths::own_root().join("kernel/build.rs")).expect("the script");
    let seal =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/seal.rs")).expect("it");
    for number in ["0x5eed_u32", "1_664_525", "1_013_904_223", ">> 24"] {
        assert!(script.contains(number) && seal.contains(number), "{number}");
    }
}
