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

/// A part without a chapter is a heading above nothing, and a chapter without a file a title.
fn parts(book: &MDBook, problems: &mut Problems) {
    for item in book.iter() {
        if let BookItem::Chapter(chapter) = item
            && chapter.is_draft_chapter()
        {
            let name = &chapter.name;
            problems.add(format!(
                "book/src/SUMMARY.md: the chapter {name:?} has no file"
            ));
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A small book without a problem.
    const FILES: [(&str, &str); 12] = [
        (
            "book/book.toml",
            "[book]\ntitle = \"T\"\n[build]\ncreate-missing = false\nuse-default-preprocessors = false\n[output.html]\ninput-404 = \"\"\n",
        ),
        (
            "book/src/SUMMARY.md",
            "# Summary\n\n[One](one.md)\n\n# Part\n\n- [Two](appendix/two.md)\n\n---\n\n[Glossary](appendix/glossary.md)\n",
        ),
        (
            "book/src/one.md",
            "# One\n\nA [[gate]] of [two](appendix/two.md#more).\n\n{{code kernel/src/a.rs:one}}\n\n{{transcript t}}\n\n{{figure f}}\n: A picture.\n\n{{journey j@user}} J\n",
        ),
        (
            "book/src/appendix/two.md",
            "# Two\n\n## More\n\nText of `{{braces}}`.\n",
        ),
        (
            "book/src/appendix/glossary.md",
            "# Glossary\n\n{{glossary}}\n",
        ),
        (
            "book/terms/a.toml",
            "[gate]\nname = \"gate\"\ntext = \"A way in.\"\n",
        ),
        ("book/transcripts/t.toml", ""),
        ("book/transcripts/t.txt", "$ ./t\nout\n"),
        (
            "book/src/figures/f.svg",
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><title>T</title><desc>d</desc></svg>",
        ),
        ("kernel/src/a.rs", "// ANCHOR: one\nx\n// ANCHOR_END: one\n"),
        (
            "xtask/microscope/src/journeys.rs",
            "journey(\"j\", \"J\", X)",
        ),
        ("book/answers/a.md", "x"),
    ];

    /// The problems of the small book with this file replaced; the file's old text is `from`.
    fn problems(file: &str, from: &str, to: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let tree = Tree::new(directory.path());
        let mut files = FILES.map(|(name, text)| (name, text.to_owned())).to_vec();
        match files.iter_mut().find(|(name, _)| *name == file) {
            Some((_, text)) => {
                assert!(text.contains(from), "{file} has no {from}");
                *text = text.replacen(from, to, 1);
            }
            None => files.push((file, to.to_owned())),
        }
        for (name, text) in files {
            fs::create_dir_all(tree.path(name).parent().unwrap()).unwrap();
            fs::write(tree.path(name), text).unwrap();
        }
        let places = Places {
            output: tree.path("target/book"),
            records: tree.path("target/microscope.json"),
            tree,
        };
        match build(&places) {
            Ok(problems) => problems.list().join("\n"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn a_book_without_a_problem_has_none() {
        assert_eq!(problems("docs/a.md", "", "a"), "");
    }

    #[test]
    fn each_problem_of_a_book_is_named() {
        let one = "book/src/one.md";
        for (file, from, to, said) in [
            (
                one,
                "two.md#more",
                "three.md",
                "one.md:3: the href of <a>, appendix/three.html: there is no appendix/three.html",
            ),
            (
                one,
                "#more",
                "#less",
                "one.md:3: the href of <a>, appendix/two.html#less: appendix/two.html has no id less",
            ),
            (
                one,
                "[[gate]]",
                "[[door]]",
                "one.md:3: [[door]]: there is no term door",
            ),
            (
                one,
                "[[gate]]",
                "gate",
                "book/terms/a.toml:1: no chapter uses the term gate",
            ),
            (
                one,
                "{{code kernel/src/a.rs:one}}",
                "",
                "kernel/src/a.rs: no chapter shows the anchor one",
            ),
            (
                one,
                "{{transcript t}}",
                "",
                "book/transcripts/t.toml: no chapter shows it",
            ),
            (
                one,
                "{{figure f}}\n: A picture.",
                "",
                "book/src/figures/f.svg: no chapter shows it",
            ),
            (
                one,
                "{{journey j@user}}",
                "{{journey k@user}}",
                "one.md:12: {{journey k@user}} J: there is no journey k",
            ),
            (
                one,
                "A [[gate]]",
                "<div>A [[gate]]",
                "unclosed HTML tag `<div>`",
            ),
            (
                one,
                "A [[gate]]",
                "![](appendix/two.html) A [[gate]]",
                "a picture without words",
            ),
            (
                one,
                "# One",
                "One",
                "one.md:1: a page begins with its title",
            ),
            (
                "book/src/three.md",
                "",
                "# Three\n",
                "book/src/three.md:1: book/src/SUMMARY.md has no such chapter",
            ),
            (
                "book/src/SUMMARY.md",
                "(appendix/two.md)",
                "(appendix/gone.md)",
                "gone.md",
            ),
            (
                "book/src/SUMMARY.md",
                "# Part",
                "# Part\n\n# Other",
                "the part \"Part\" has no chapter",
            ),
            (
                "book/src/SUMMARY.md",
                "(appendix/two.md)",
                "()",
                "the chapter \"Two\" has no file",
            ),
            (
                "book/src/appendix/glossary.md",
                "{{glossary}}",
                "",
                "the glossary's place is this page",
            ),
            (
                "book/terms/b.toml",
                "",
                "[gate]\nname = \"g\"\ntext = \"t\"",
                "book/terms/b.toml:1: the term gate is in book/terms/a.toml too",
            ),
            (
                "book/terms/b.toml",
                "",
                "\n[Gate_2]\nname = \"g\"\ntext = \"\"",
                "book/terms/b.toml:2: the slug Gate_2 is not in kebab case",
            ),
            (
                "book/terms/b.toml",
                "",
                "[a]\nname = \"g\"\nwords = \"t\"",
                "book/terms/b.toml: TOML parse error",
            ),
            (
                "book/terms/a.toml",
                "A way in.",
                "A [[way]] in.",
                "book/terms/a.toml:1: there is no term way",
            ),
            (
                "book/transcripts/u.txt",
                "",
                "out",
                "book/transcripts/u.txt: nothing says how it is made",
            ),
            (
                "kernel/src/a.rs",
                "// ANCHOR_END: one\n",
                "",
                "kernel/src/a.rs: the anchor one has no end",
            ),
            (
                "user/b.rs",
                "",
                "// ANCHOR: two\nx\n",
                "user/b.rs: the anchor two has no end",
            ),
        ] {
            let found = problems(file, from, to);
            assert!(found.contains(said), "{file}: {from} -> {to}: {found}");
        }
    }
}
