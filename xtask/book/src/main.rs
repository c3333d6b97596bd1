//! The book of the course: `book/`, made into pages that work without a network.
//!
//! ```text
//! build.rs    the whole build             chapter.rs  the template of a chapter
//! expand.rs   directives of a chapter     listing.rs, figure.rs, journey.rs, include.rs, terms.rs
//! html.rs     a walk through the pages    warnings.rs what mdBook logs
//! paper.rs, pdf.rs                        the page for paper, and a document of it
//! transcript.rs, hold.rs                  what the kernel, the host and gdb print
//! ```
//!
//! mdBook is used as a library: alone it would take a missing anchor for an empty listing. Here
//! whatever a chapter names has to be there, and the build lists everything that is not.

#![forbid(unsafe_code)]

#[cfg(test)]
mod appendix;
mod build;
mod chapter;
mod expand;
mod figure;
mod hold;
mod html;
mod include;
mod journey;
mod listing;
mod paper;
mod pdf;
mod terms;
mod text;
mod transcript;
mod tree;
mod warnings;

use std::process::ExitCode;

use anyhow::{Result, bail};
use harness::paths;

use build::Places;
use tree::Tree;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["pages"] => pages(""),
        ["pages", only] => pages(only),
        ["pdf"] => paper(),
        ["transcripts", names @ ..] => transcripts(names, false),
        ["update", names @ ..] => transcripts(names, true),
        ["needs-debug-build", names @ ..] => needs_debug_build(names),
        _ => Err(anyhow::anyhow!(
            "usage: book pages [WORD] | pdf | transcripts [NAME...] | update [NAME...] | needs-debug-build [NAME...]"
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Builds the book. Of its problems those with the word `only` count.
fn pages(only: &str) -> Result<()> {
    let places = places();
    let problems = build::build(&places)?;
    println!("{}", places.output.join("index.html").display());
    let all = problems.list();
    let own: Vec<&str> = all
        .iter()
        .map(String::as_str)
        .filter(|text| text.contains(only))
        .collect();
    if own.len() < all.len() {
        println!("{} other problems", all.len() - own.len());
    }
    match own.as_slice() {
        [] => Ok(()),
        [problem] => bail!("the book has a problem:\n{problem}"),
        _ => bail!("the book has {} problems:\n{}", own.len(), own.join("\n")),
    }
}

/// Prints the pages to a PDF document, where there is a browser.
fn paper() -> Result<()> {
    let file = paths::target().join("trident-book.pdf");
    if pdf::make(&places().output, &file)? {
        println!("{}", file.display());
    } else {
        println!("No PDF: Chromium is not installed (`make pdf` installs it)");
    }
    Ok(())
}

/// Compares transcripts with what is printed today, or rewrites them.
fn transcripts(names: &[&str], is_update: bool) -> Result<()> {
    let tree = places().tree;
    hold::all(&tree, &hold::names(&tree, names)?, is_update)
}

/// Prints whether one of these transcripts needs the build of `make debug`.
fn needs_debug_build(names: &[&str]) -> Result<()> {
    let tree = places().tree;
    println!(
        "{}",
        hold::need_debug_build(&tree, &hold::names(&tree, names)?)?
    );
    Ok(())
}

/// The places of this repository's book.
fn places() -> Places {
    Places {
        tree: Tree::new(paths::root()),
        output: build::pages(&paths::target()),
        records: paths::target().join("microscope.json"),
    }
}

#[cfg(test)]
mod browser;
#[cfg(test)]
mod whole;
