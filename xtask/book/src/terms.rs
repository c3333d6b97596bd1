//! The glossary: terms of `book/terms/*.toml`, and the chapters that use them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::Deserialize;

use crate::text::escape;
use crate::tree::{Problems, Tree};

/// The chapter of the glossary, from `book/src`.
pub const PAGE: &str = "appendix/glossary.md";
/// The directory of the terms.
const DIRECTORY: &str = "book/terms";

/// `[[slug]]` or `[[slug|shown text]]`.
pub static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\[\[([A-Za-z0-9_-]+)(?:\\?\|([^\]]+))?\]\]").expect("a pattern"));

/// An entry of the glossary.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The term as it is written.
    pub name: String,
    /// One to three plain sentences.
    text: String,
    /// Where more is said: a manual's section.
    source: Option<String>,
}

/// A chapter that uses a term: path from `book/src` and title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The chapter's file.
    pub path: String,
    /// The chapter's title.
    pub title: String,
}

/// The terms by slug, with their uses in the order of the book.
#[derive(Debug, Default)]
pub struct Terms {
    terms: BTreeMap<String, Term>,
    places: BTreeMap<String, (String, usize)>,
    uses: BTreeMap<String, Vec<Use>>,
}

impl Terms {
    /// Reads all terms of a tree.
    pub fn read(tree: &Tree, problems: &mut Problems) -> Self {
        let mut terms = Self::default();
        for name in tree.names(DIRECTORY, ".toml") {
            let file = format!("{DIRECTORY}/{name}.toml");
            let text = match tree.read(&file) {
                Ok(text) => text,
                Err(error) => {
                    problems.add(format!("{file}: {error:#}"));
                    continue;
                }
            };
            match toml::from_str::<BTreeMap<String, Term>>(&text) {
                Ok(list) => terms.add(&file, &text, list, problems),
                Err(error) => problems.add(format!("{file}: {error}")),
            }
        }
        terms
    }

    fn add(
        &mut self,
        file: &str,
        text: &str,
        list: BTreeMap<String, Term>,
        problems: &mut Problems,
    ) {
        for (slug, term) in list {
            let heading = format!("[{slug}]");
            let line = text
                .lines()
                .position(|line| line.trim() == heading)
                .map_or(1, |line| line + 1);
            let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if !slug.chars().all(is_kebab) {
                problems.at(file, line, format!("the slug {slug} is not in kebab case"));
            }
            if term.name.trim().is_empty() || term.text.trim().is_empty() {
                problems.at(file, line, format!("the term {slug} has no text"));
            }
            if let Some((other, _)) = self.places.get(&slug) {
                problems.at(file, line, format!("the term {slug} is in {other} too"));
            }
            self.places.insert(slug.clone(), (file.to_owned(), line));
            self.terms.insert(slug, term);
        }
    }

    /// The link to a term from a chapter, and a note of the use; `None` for an unknown term.
    pub fn link(&mut self, slug: &str, shown: Option<&str>, from: &Use) -> Option<String> {
        let term = self.terms.get(slug)?;
        let uses = self.uses.entry(slug.to_owned()).or_default();
        if !uses.contains(from) {
            uses.push(from.clone());
        }
        Some(anchor(&up(&from.path), slug, term, shown))
    }

    /// The list of the terms that a chapter is the first to use, for the chapter's end.
    pub fn new_in(&self, chapter: &Use) -> String {
        let first = |slug: &str| self.uses.get(slug).and_then(|uses| uses.first());
        let mut new: Vec<(&String, &Term)> = self
            .terms
            .iter()
            .filter(|(slug, _)| first(slug) == Some(chapter))
            .collect();
        if new.is_empty() {
            return String::new();
        }
        new.sort_by_key(|(_, term)| term.name.to_lowercase());
        let links: Vec<String> = new
            .iter()
            .map(|(slug, term)| anchor(&up(&chapter.path), slug, term, None))
            .collect();
        format!(
            "\n\n## New terms\n\n<p class=\"new-terms\">{}</p>\n",
            links.join(" · ")
        )
    }

    /// The glossary.
    pub fn page(&mut self, problems: &mut Problems) -> String {
        let mut all: Vec<(&String, &Term)> = self.terms.iter().collect();
        all.sort_by_key(|(_, term)| term.name.to_lowercase());
        let mut page = String::new();
        for (slug, term) in all {
            let (file, line) = &self.places[slug];
            let text = LINK.replace_all(&term.text, |found: &Captures| {
                let (other, shown) = (&found[1], found.get(2).map(|shown| shown.as_str()));
                match self.terms.get(other) {
                    Some(term) => anchor(&up(PAGE), other, term, shown),
                    None => {
                        problems.at(file, *line, format!("there is no term {other}"));
                        String::new()
                    }
                }
            });
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = write!(page, "## {} {{#term-{slug} .entry}}\n\n{text}", term.name);
            if let Some(source) = &term.source {
                let _ = write!(page, " ({})", source.trim_end_matches('.'));
            }
            let uses = self.uses.get(slug).map(Vec::as_slice).unwrap_or_default();
            if uses.is_empty() {
                problems.at(file, *line, format!("no chapter uses the term {slug}"));
            }
            let uses: Vec<String> = uses.iter().map(|used| link(&up(PAGE), used)).collect();
            let _ = write!(
                page,
                "\n\n<p class=\"uses\">Used in: {}</p>\n\n",
                uses.join(", ")
            );
        }
        page
    }
}

/// The way from a chapter to `book/src`.
pub fn up(path: &str) -> String {
    "../".repeat(path.matches('/').count())
}

fn link(up: &str, chapter: &Use) -> String {
    format!(
        "<a href=\"{up}{}\">{}</a>",
        chapter.path,
        escape(&chapter.title)
    )
}

fn anchor(up: &str, slug: &str, term: &Term, shown: Option<&str>) -> String {
    let tip = LINK.replace_all(&term.text, |found: &Captures| {
        found
            .get(2)
            .map_or(&found[1], |shown| shown.as_str())
            .to_owned()
    });
    let tip = tip.replace('`', "");
    let tip = tip.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "<a class=\"term\" href=\"{up}{PAGE}#term-{slug}\" title=\"{}\">{}</a>",
        escape(&tip),
        shown.unwrap_or(&term.name)
    )
}
