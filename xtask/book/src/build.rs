//! The book: chapters without directives, through mdBook, and the checks before and after.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use mdbook_driver::book::{BookItem, Chapter};
use mdbook_driver::config::Config;

use crate::expand::{Expander, Used};
use crate::journey::{self, Records};
use crate::terms::{self, Terms, Use};
use crate::tree::{Problems, Tree};
use crate::{chapter, html, listing, paper, warnings};

/// Where anchors may be.
const ANCHORED: [&str; 7] = [
    "boot",
    "kernel",
    "user",
    "tests/programs",
    "tests/cases",
    "labs",
    "book/programs",
];

/// Where a build reads and writes.
#[derive(Clone, Debug)]
pub struct Places {
    /// The sources.
    pub tree: Tree,
    /// The directory of the pages.
    pub output: PathBuf,
    /// The microscope's records, and its page beside them.
    pub records: PathBuf,
}

/// Builds the book; returns what is wrong with it.
///
/// # Errors
/// There is no book, or a file can't be read or written. What is wrong with the book itself is
/// returned.
pub fn build(places: &Places) -> Result<Problems> {
    let tree = &places.tree;
    let mut problems = Problems::default();
    let root = tree.path("book");
    let mut config = Config::from_disk(root.join("book.toml"))?;
    config.build.build_dir = places.output.clone();
    let mut book = MDBook::load_with_config(root, config)?;

    let records = Records::read(tree, &places.records)?;
    let terms = Terms::read(tree, &mut problems);
    let mut expander = Expander {
        tree,
        records: &records,
        terms,
        used: Used::default(),
        problems,
    };
    let mut chapters = BTreeSet::new();
    book.book.for_each_chapter_mut(|chapter| {
        let Some(own) = named(chapter) else {
            let draft = format!(
                "book/src/SUMMARY.md: the chapter {:?} has no file",
                chapter.name
            );
            expander.problems.add(draft);
            return;
        };
        chapter::check(tree, &own.path, &chapter.content, &mut expander.problems);
        chapter.content = expander.chapter(&own, &chapter.content);
        chapters.insert(own.path);
    });
    let Expander {
        mut terms,
        used,
        mut problems,
        ..
    } = expander;
    book.book.for_each_chapter_mut(|chapter| {
        if let Some(own) = named(chapter) {
            chapter.content.push_str(&terms.new_in(&own));
        }
    });
    let glossary = terms.page(&mut problems);
    let mut places_of_glossary = 0;
    book.book.for_each_chapter_mut(|chapter| {
        let is_page = named(chapter).is_some_and(|own| own.path == terms::PAGE);
        places_of_glossary += usize::from(is_page && chapter.content.contains("{{glossary}}"));
        chapter.content = chapter.content.replace("{{glossary}}", &glossary);
    });
    if places_of_glossary != 1 {
        problems.add(format!(
            "book/src/{}: the glossary's place is this page",
            terms::PAGE
        ));
    }
    unused(tree, &used, &mut problems);
    html::orphans(tree, &chapters, &mut problems);
    parts(&book, &mut problems);

    for warning in warnings::during(|| book.build())? {
        problems.add(warning);
    }
    microscope(places, &records)?;
    let page = places.output.join(html::PRINT);
    let text =
        fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    let (title, about) = (&book.config.book.title, &book.config.book.description);
    let whole = |text: &Option<String>| text.clone().unwrap_or_default();
    let paper = paper::make(&text, &whole(title), &whole(about))?;
    fs::write(&page, paper).with_context(|| format!("cannot write {}", page.display()))?;
    html::check(tree, &places.output, &mut problems)?;
    Ok(problems)
}

/// A chapter's file and title; `None` if it has no file.
fn named(chapter: &Chapter) -> Option<Use> {
    let path = chapter.source_path.as_deref()?.to_str()?.to_owned();
    Some(Use {
        path,
        title: chapter.name.clone(),
    })
}

/// A part without a chapter is a heading above nothing.
fn parts(book: &MDBook, problems: &mut Problems) {
    for pair in book.book.items.windows(2) {
        if let [BookItem::PartTitle(title), BookItem::PartTitle(_)] = pair {
            problems.add(format!(
                "book/src/SUMMARY.md: the part {title:?} has no chapter"
            ));
        }
    }
}

/// What no chapter shows: anchors, figures, transcripts. And what is wrong with anchors.
fn unused(tree: &Tree, used: &Used, problems: &mut Problems) {
    for name in tree.names(crate::figure::DIRECTORY, ".svg") {
        if !used.figures.contains_key(&name) {
            problems.add(format!(
                "{}/{name}.svg: no chapter shows it",
                crate::figure::DIRECTORY
            ));
        }
    }
    for name in tree.names("book/transcripts", ".toml") {
        if !used.transcripts.contains(&name) {
            problems.add(format!("book/transcripts/{name}.toml: no chapter shows it"));
        }
    }
    for name in tree.names("book/transcripts", ".txt") {
        if !tree.has(&format!("book/transcripts/{name}.toml")) {
            problems.add(format!(
                "book/transcripts/{name}.txt: nothing says how it is made"
            ));
        }
    }
    if tree.is_for_students() {
        return;
    }
    for file in ANCHORED.iter().flat_map(|directory| tree.below(directory)) {
        let Ok(text) = tree.read(&file) else {
            continue;
        };
        if !text.contains("ANCHOR") {
            continue;
        }
        match listing::names(&text) {
            Ok(names) => {
                for name in names {
                    if !used.anchors.contains(&(file.clone(), name.to_owned())) {
                        problems.add(format!("{file}: no chapter shows the anchor {name}"));
                    }
                }
            }
            Err(error) => problems.add(format!("{file}: {error}")),
        }
    }
}

/// Puts the microscope beside the book.
fn microscope(places: &Places, records: &Records) -> Result<()> {
    let page = places.output.join(journey::PAGE);
    let own = places.records.with_file_name(journey::PAGE);
    if records.is_empty() || !own.exists() {
        let text = "<!DOCTYPE html><html lang=\"en\"><title>Microscope</title><p>Not recorded yet: <code>make microscope</code> does it.</p></html>\n";
        return fs::write(&page, text).with_context(|| format!("cannot write {}", page.display()));
    }
    fs::copy(&own, &page).with_context(|| format!("cannot copy {}", own.display()))?;
    Ok(())
}

/// The directory of the pages.
pub fn pages(target: &Path) -> PathBuf {
    target.join("book")
}
