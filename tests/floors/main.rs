//! The floors of `kernel/src`: paths run down only.
//!
//! `floors.txt` has a line for each floor: its number, and its folders. A path from a folder to one of a
//! higher floor is an error, beyond those that `remaining.txt` counts; that list only shrinks. So is a
//! circle of paths between folders of one floor, or a circle of many files of one folder. `fenced.rs` says
//! where unsafe code may be.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use harness::paths;
use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use regex_lite::Regex;
use source::{Arrow, Id, Source};

mod covers;
mod doors;
mod fenced;
mod guards;
mod locks;
mod numbers;
mod resolve;
mod source;

/// Most files of one folder whose imports form a circle.
const LARGEST_CIRCLE: usize = 30;

/// The floor of each folder.
struct Floors(BTreeMap<String, u32>);

impl Floors {
    fn read(text: &str) -> Result<Self> {
        let mut floors = BTreeMap::new();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let number = words.next().context("a line is empty")?.parse()?;
            floors.extend(words.map(|folder| (folder.to_owned(), number)));
        }
        Ok(Self(floors))
    }

    fn of(&self, folder: &str) -> Result<u32> {
        let floor = self.0.get(folder).copied();
        floor.with_context(|| format!("floors.txt has no floor for {folder}"))
    }
}

/// The folder of a module in `kernel/src`, or the name of its file there; `main` for the root.
fn folder(source: &Source, module: Id) -> &str {
    let path = &source.modules[module].path;
    path.first().map_or("main", String::as_str)
}

/// The paths that run up, by folders: `"mm -> process"`.
fn upward(source: &Source, floors: &Floors) -> Result<BTreeMap<String, Vec<Arrow>>> {
    let mut upward: BTreeMap<String, Vec<Arrow>> = BTreeMap::new();
    for arrow in source.arrows() {
        let (from, to) = (folder(source, arrow.from), folder(source, arrow.to));
        if from != to && floors.of(from)? < floors.of(to)? {
            upward
                .entry(format!("{from} -> {to}"))
                .or_default()
                .push(arrow);
        }
    }
    Ok(upward)
}

/// The largest circle of paths between files of each folder, largest first: the folder, and the files.
fn circles(source: &Source) -> Vec<(String, Vec<&Path>)> {
    let mut graphs: BTreeMap<&str, DiGraphMap<&Path, ()>> = BTreeMap::new();
    for arrow in source.arrows() {
        let (from, to) = (folder(source, arrow.from), folder(source, arrow.to));
        if from == to {
            let file = |id: Id| source.modules[id].file.as_path();
            let graph = graphs.entry(from).or_default();
            graph.add_edge(file(arrow.from), file(arrow.to), ());
        }
    }
    let largest = |graph| tarjan_scc(graph).into_iter().max_by_key(Vec::len);
    let mut circles: Vec<_> = graphs
        .iter()
        .filter_map(|(folder, graph)| Some(((*folder).to_owned(), largest(graph)?)))
        .collect();
    circles.sort_by_key(|(_, files)| std::cmp::Reverse(files.len()));
    circles
}

/// Folders of one floor that paths join to a circle.
fn circles_of_folders<'a>(source: &'a Source, floors: &Floors) -> Result<Vec<Vec<&'a str>>> {
    let mut graph = DiGraphMap::<&str, ()>::new();
    for arrow in source.arrows() {
        let (from, to) = (folder(source, arrow.from), folder(source, arrow.to));
        if floors.of(from)? == floors.of(to)? {
            graph.add_edge(from, to, ());
        }
    }
    let mut circles = tarjan_scc(&graph);
    circles.retain(|circle| circle.len() > 1);
    Ok(circles)
}

fn kernel() -> Result<(Source, Floors)> {
    let source = Source::read(&paths::root().join("kernel/src/main.rs"))?;
    let floors = Floors::read(include_str!("floors.txt"))?;
    Ok((source, floors))
}

#[test]
fn paths_run_down() -> Result<()> {
    let (source, floors) = kernel()?;
    let mut remaining = BTreeMap::new();
    for line in include_str!("remaining.txt").lines() {
        let (folders, count) = line.split_once(": ").context("a line of remaining.txt")?;
        remaining.insert(folders, count.parse::<usize>()?);
    }
    let upward = upward(&source, &floors)?;
    let mut report = String::new();
    for (folders, arrows) in &upward {
        let allowed = remaining.remove(folders.as_str()).unwrap_or(0);
        if arrows.len() > allowed {
            writeln!(
                report,
                "{folders}: {} paths run up, not {allowed}:",
                arrows.len()
            )?;
            for arrow in arrows {
                let file = source.modules[arrow.from].file.display();
                writeln!(report, "  kernel/src/{file}:{}: {}", arrow.line, arrow.text)?;
            }
        } else if arrows.len() < allowed {
            writeln!(
                report,
                "{folders}: {} of {allowed} paths remain: lower the number in remaining.txt",
                arrows.len()
            )?;
        }
    }
    for mut circle in circles_of_folders(&source, &floors)? {
        circle.sort_unstable();
        let folders = format!("circle of {}", circle.join(", "));
        if remaining.remove(folders.as_str()).is_none() {
            writeln!(report, "a {folders}")?;
        }
    }
    for folders in remaining.keys() {
        writeln!(
            report,
            "{folders}: no path remains: remove the line from remaining.txt"
        )?;
    }
    let count: usize = upward.values().map(Vec::len).sum();
    println!("{count} paths run up");
    ensure!(report.is_empty(), "\n{report}");
    Ok(())
}

#[test]
fn circles_in_a_folder_are_small() -> Result<()> {
    let (source, _) = kernel()?;
    let circles = circles(&source);
    for (folder, files) in circles.iter().take(5) {
        println!("largest circle in {folder}: {} files", files.len());
    }
    for (folder, files) in &circles {
        ensure!(
            files.len() <= LARGEST_CIRCLE,
            "{} files of {folder} import each other in a circle: {files:?}",
            files.len()
        );
    }
    Ok(())
}

/// docs/ARCHITECTURE.md has a row for each folder, with its floor and its lines: within a tenth, or within 100.
#[test]
fn the_page_has_the_floors_and_their_size() -> Result<()> {
    let (source, floors) = kernel()?;
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut files: Vec<_> = source.modules.iter().collect();
    files.sort_by_key(|module| &module.file);
    files.dedup_by_key(|module| &module.file);
    for module in files {
        let text = std::fs::read_to_string(paths::root().join("kernel/src").join(&module.file))?;
        let folder = module.path.first().map_or("main", String::as_str);
        *lines.entry(folder.to_owned()).or_default() += text.lines().count();
    }
    let page = std::fs::read_to_string(paths::root().join("docs/ARCHITECTURE.md"))?;
    let rows = Regex::new(r"(?m)^\| (\d+) \| \[`(\w+)/?`\].*\| ([\d,]+) \|$")?;
    let mut seen = Vec::new();
    for row in rows.captures_iter(&page) {
        let (floor, folder) = (row[1].parse::<u32>()?, &row[2]);
        ensure!(
            floors.of(folder)? == floor,
            "{folder} is not on floor {floor}"
        );
        let said: usize = row[3].replace(',', "").parse()?;
        let counted = lines.get(folder).copied().unwrap_or(0);
        let off = said.abs_diff(counted);
        ensure!(
            off <= 100 || off * 10 <= counted,
            "{folder} has {counted} lines, not {said}"
        );
        seen.push(folder.to_owned());
    }
    // What is in files of kernel/src itself has no row.
    let missing: Vec<_> = floors
        .0
        .keys()
        .filter(|folder| !seen.contains(folder))
        .collect();
    ensure!(
        missing == ["boot", "ktest", "main"],
        "no row for {missing:?}"
    );
    Ok(())
}

/// Sources of the folder `low`, below `high`; each has one path that runs up.
const UPWARD: &[(&str, &str)] = &[
    ("use", "use crate::high::Item;"),
    ("use in a group", "use crate::{high::{self, Item}};"),
    ("expression", "fn f() { crate::high::function(); }"),
    ("type", "fn f(_: super::high::Item) {}"),
    ("re-export", "pub use super::high::Item;"),
    ("through a re-export", "use crate::middle::Item;"),
    ("through a glob", "use crate::globs::Item;"),
    (
        "by an alias",
        "use crate::high as other; fn f() { other::function(); }",
    ),
    (
        "macro body",
        "macro_rules! m { () => { $crate::high::function() } }",
    ),
    (
        "macro argument",
        "fn f() { println!(\"{}\", crate::high::function()); }",
    ),
    (
        "nested module",
        "mod inner { use super::super::high::Item; }",
    ),
    ("use in a function", "fn f() { use crate::high::function; }"),
];

#[test]
fn circles_on_a_floor_are_found() -> Result<()> {
    let floors = Floors::read("1 main\n2 a b c")?;
    for (c, expected) in [("", 0), ("use crate::a::A;", 1)] {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("main.rs", "mod a; mod b; mod c;")?;
        write("a.rs", "pub struct A; use crate::b::B;")?;
        write("b.rs", "pub struct B; use crate::c::C;")?;
        write("c.rs", &format!("pub struct C; {c}"))?;
        let source = Source::read(&folder.path().join("main.rs"))?;
        let circles = circles_of_folders(&source, &floors)?;
        ensure!(circles.len() == expected, "{circles:?}");
    }
    Ok(())
}

#[test]
fn circles_in_a_folder_are_found() -> Result<()> {
    for (c, expected) in [("", 1), ("use super::a::A;", 3)] {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        std::fs::create_dir(folder.path().join("low"))?;
        write("main.rs", "mod low;")?;
        // A front page that only declares and re-exports is no part of the circle.
        write("low/mod.rs", "mod a; mod b; mod c; pub use c::C;")?;
        write("low/a.rs", "pub struct A; use super::b::B;")?;
        write("low/b.rs", "pub struct B; use super::C;")?;
        write("low/c.rs", &format!("pub struct C; {c}"))?;
        let source = Source::read(&folder.path().join("main.rs"))?;
        let circles = circles(&source);
        let sizes: Vec<_> = circles.iter().map(|(_, files)| files.len()).collect();
        ensure!(sizes == [expected], "{circles:?}");
    }
    Ok(())
}

#[test]
fn each_kind_of_path_is_found() -> Result<()> {
    let floors = Floors::read("1 low\n2 high middle globs main")?;
    for (kind, low) in UPWARD {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("main.rs", "mod globs; mod high; mod low; mod middle;")?;
        write(
            "high.rs",
            "pub struct Item; pub fn function() {} #[macro_export] macro_rules! exported { () => {} }",
        )?;
        write("middle.rs", "pub use crate::high::Item;")?;
        write("globs.rs", "pub use crate::high::*;")?;
        write("low.rs", low)?;
        let source = Source::read(&folder.path().join("main.rs"))?;
        let upward = upward(&source, &floors)?;
        ensure!(upward.contains_key("low -> high"), "{kind}: not found");
        write("low.rs", &format!("#[cfg(test)] mod tests {{ {low} }}"))?;
        let source = Source::read(&folder.path().join("main.rs"))?;
        ensure!(
            self::upward(&source, &floors)?.is_empty(),
            "{kind}: tests count"
        );
    }
    Ok(())
}
