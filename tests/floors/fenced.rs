//! `unsafe` is in the files of the kernel that `unsafe.txt` names, and in no other.
//!
//! A new `unsafe` goes to one of them, or the file gets a line there, which a reviewer sees. A folder without
//! any forbids it, so that the compiler refuses it too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, ensure};
use harness::paths;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Item;

use super::source::{attributes_of, has_cfg_test};

/// Whether the word `unsafe` is in the source, tests apart. Attributes count: `#[unsafe(naked)]`.
fn has_unsafe(source: &str) -> Result<bool> {
    let file = syn::parse_file(source)?;
    Ok(file.items.iter().any(item_has_unsafe))
}

fn item_has_unsafe(item: &Item) -> bool {
    if has_cfg_test(attributes_of(item)) {
        return false;
    }
    // A module may have tests inside.
    if let Item::Mod(module) = item
        && let Some((_, items)) = &module.content
    {
        return items.iter().any(item_has_unsafe);
    }
    names_unsafe(item.to_token_stream())
}

fn names_unsafe(stream: TokenStream) -> bool {
    stream.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "unsafe",
        TokenTree::Group(group) => names_unsafe(group.stream()),
        _ => false,
    })
}

#[test]
fn unsafe_code_is_where_the_list_says() -> Result<()> {
    let list = fs::read_to_string(paths::root().join("tests/floors/unsafe.txt"))?;
    let listed: BTreeSet<&str> = list.lines().collect();
    let root = paths::root().join("kernel/src");
    let (source, _) = super::kernel()?;
    let mut found = BTreeSet::new();
    // Lines of each folder, and whether it may hold unsafe code.
    let mut folders: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for module in &source.modules {
        if module.is_test || !seen.insert(&module.file) {
            continue;
        }
        let name = module.file.to_str().context("a path in UTF-8")?;
        let text = fs::read_to_string(root.join(name)).context(name.to_owned())?;
        let is_unsafe = has_unsafe(&text).context(name.to_owned())?;
        if is_unsafe {
            found.insert(name);
        }
        let folder = module.path.first().map_or("main", String::as_str);
        let (lines, may) = folders.entry(folder).or_default();
        *lines += text.lines().count();
        *may |= is_unsafe;
    }
    let new: Vec<_> = found.difference(&listed).collect();
    ensure!(
        new.is_empty(),
        "unsafe code in files without a line in tests/floors/unsafe.txt: {new:?}"
    );
    let gone: Vec<_> = listed.difference(&found).collect();
    ensure!(
        gone.is_empty(),
        "files of tests/floors/unsafe.txt without unsafe code: {gone:?}"
    );

    let all: usize = folders.values().map(|(lines, _)| lines).sum();
    let may = folders.values().filter(|(_, may)| *may);
    let may: usize = may.map(|(lines, _)| lines).sum();
    println!("{} files hold unsafe code", found.len());
    println!(
        "folders with such files: {may} of {all} lines, {} %",
        may * 100 / all
    );
    for (folder, (_, may)) in folders {
        let front = [
            root.join(folder).join("mod.rs"),
            root.join(format!("{folder}.rs")),
        ];
        let front = front.iter().find_map(|path| fs::read_to_string(path).ok());
        ensure!(
            may || front.is_some_and(|text| text.contains("forbid(unsafe_code)")),
            "{folder} has no unsafe code, and doesn't forbid it"
        );
    }
    Ok(())
}

/// Roots of the crates and tests outside the kernel that have no unsafe code. (`tests/heap` compiles the
/// kernel's own heap; programs and the vDSO make system calls.)
const SAFE_CRATES: &[&str] = &[
    "kernel/formats/src/lib.rs",
    "tests/cases/main.rs",
    "tests/editor/main.rs",
    "tests/floors/main.rs",
    "tests/src/lib.rs",
    "xtask/costs/src/main.rs",
    "xtask/microscope/src/main.rs",
    "xtask/src/main.rs",
];

#[test]
fn crates_of_the_host_forbid_unsafe_code() -> Result<()> {
    for path in SAFE_CRATES {
        let text = fs::read_to_string(paths::root().join(path))?;
        ensure!(
            text.lines().any(|line| line == "#![forbid(unsafe_code)]"),
            "{path} doesn't forbid unsafe code"
        );
    }
    Ok(())
}

#[test]
fn each_form_of_unsafe_is_found() -> Result<()> {
    for wrong in [
        "fn f() { unsafe { g() } }",
        "unsafe impl Send for S {}",
        "pub unsafe fn f() {}",
        "#[unsafe(naked)] extern \"C\" fn f() {}",
        "macro_rules! m { () => { unsafe {} } }",
        "mod m { unsafe trait T {} }",
        "unsafe extern \"C\" { fn f(); }",
    ] {
        ensure!(has_unsafe(wrong)?, "{wrong}: not found");
        let test = format!("#[cfg(test)] mod tests {{ {wrong} }}");
        ensure!(!has_unsafe(&test)?, "{test}: tests count");
    }
    for fine in [
        "#![forbid(unsafe_code)]",
        "/// unsafe\nfn f() { \"unsafe\"; }",
    ] {
        ensure!(!has_unsafe(fine)?, "{fine}");
    }
    Ok(())
}
