//! Tests of the book itself: it is built without a problem, and its transcripts are today's.

use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use harness::paths;

use crate::build::{self, Places};
use crate::hold;
use crate::transcript::Recipe;
use crate::tree::Tree;

/// The book's pages, built once.
#[derive(Clone)]
struct Built {
    output: PathBuf,
    problems: Vec<String>,
}

fn built() -> Result<Built> {
    static BUILT: OnceLock<Result<Built, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.clone().map_err(|why| anyhow!("{why}"))
}

fn build() -> Result<Built> {
    // `make microscope`'s records have Linux's calls too; those for the tests are never older than
    // the kernel.
    let own = paths::scratch().join("microscope.json");
    let records = if own.exists() {
        own
    } else {
        paths::target().join("microscope.json")
    };
    let output = paths::scratch().join("book");
    let tree = Tree::new(paths::root());
    let places = Places {
        tree,
        output: output.clone(),
        records,
    };
    let problems = build::build(&places)?.list().to_vec();
    Ok(Built { output, problems })
}

/// The directory of the pages.
pub fn pages() -> Result<PathBuf> {
    Ok(built()?.output)
}

#[test]
fn the_book_has_no_problem() -> Result<()> {
    let problems = built()?.problems;
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}

/// Each transcript is what the kernel prints today. Those that need the build of `make debug` are
/// left out unless it is as new as the kernel.
#[test]
fn transcripts_are_what_is_printed_today() -> Result<()> {
    let tree = Tree::new(paths::root());
    if tree.is_for_students() {
        return Ok(());
    }
    let time = |path: PathBuf| {
        std::fs::metadata(path)
            .and_then(|data| data.modified())
            .ok()
    };
    let kernel = time(paths::boot_image()).context("`make build` has not built the kernel yet")?;
    let has_debug_build = time(paths::debug_image()).is_some_and(|debug| debug > kernel);
    let mut names = hold::names(&tree, &[])?;
    ensure!(names.len() > 10, "only {} transcripts", names.len());
    if !has_debug_build {
        for name in &names {
            if Recipe::read(&tree, name)?.needs_debug_build() {
                println!("left out: {name} (the build of `make debug` is missing or old)");
            }
        }
        names.retain(|name| {
            !Recipe::read(&tree, name).is_ok_and(|recipe| recipe.needs_debug_build())
        });
    }
    hold::all(&tree, &names, false)
}
