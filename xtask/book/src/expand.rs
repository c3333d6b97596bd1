//! The directives of a chapter, replaced by what they name. `CONTRIBUTING.md` lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail, ensure};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

use crate::terms::{self, Terms, Use, up};
use crate::text::{escape, line_of};
use crate::tree::{Problems, Tree};
use crate::{figure, include, journey, listing};

/// A directive alone on its line; of a journey a title follows.
static BLOCK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^([ \t]*)\{\{\s*([a-z]+)\b\s*([^{}]*?)\s*\}\}[ \t]*(.*)$"));
/// A directive inside of a line.
static INLINE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\{\{\s*(file|count|rule)\s+([^{}]*?)\s*\}\}"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// The directives that stand alone on a line.
const BLOCKS: [&str; 9] = [
    "code",
    "transcript",
    "figure",
    "journey",
    "costs",
    "entry",
    "page",
    "commands",
    "glossary",
];

/// The directory of programs that chapters show whole.
const PROGRAMS: &str = "book/programs/";

/// What the chapters of a book use, each with the chapter that uses it first.
#[derive(Debug, Default)]
pub struct Used {
    /// Files and anchors.
    pub anchors: BTreeSet<(String, String)>,
    /// Figures.
    pub figures: BTreeMap<String, String>,
    /// Transcripts.
    pub transcripts: BTreeSet<String>,
}

/// Replaces directives.
pub struct Expander<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// The microscope's records.
    pub records: &'a journey::Records,
    /// The glossary.
    pub terms: Terms,
    /// What was used so far.
    pub used: Used,
    /// What is wrong so far.
    pub problems: Problems,
}

impl Expander<'_> {
    /// A chapter's text without directives, but for `{{glossary}}`.
    pub fn chapter(&mut self, chapter: &Use, text: &str) -> String {
        let file = format!("book/src/{}", chapter.path);
        let code = code_ranges(text);
        let mut out = String::with_capacity(text.len() * 2);
        let mut place = 0;
        let mut lines = text.split_inclusive('\n').peekable();
        while let Some(line) = lines.next() {
            let start = place;
            place += line.len();
            let block = BLOCK.captures(line.trim_end()).filter(|found| {
                let at = start + found.get(1).map_or(0, |indent| indent.len());
                let is_alone = BLOCKS.contains(&&found[2]) || found[4].is_empty();
                is_alone && !is_in(&code, at) && !INLINE.is_match(&found[0])
            });
            let Some(found) = block else {
                self.line(chapter, &file, text, start..place, &code, &mut out);
                continue;
            };
            // The lines of a picture's description are its directive's.
            let mut words = String::new();
            if &found[2] == "figure" {
                while let Some(next) = lines.peek().filter(|next| !next.trim().is_empty()) {
                    words.push_str(next.trim());
                    words.push(' ');
                    place += next.len();
                    lines.next();
                }
            }
            let number = line_of(text, start);
            let block = self.block(chapter, &found[2], &found[3], &found[4], words.trim());
            let made = block.unwrap_or_else(|error| {
                self.problems
                    .at(&file, number, format!("{}: {error:#}", found[0].trim()));
                format!(
                    "<p class=\"missing\">Missing: {} {}</p>",
                    &found[2],
                    escape(&found[3])
                )
            });
            for line in made.lines() {
                if !line.is_empty() {
                    out.push_str(&found[1]);
                }
                out.push_str(line);
                out.push('\n');
            }
        }
        out
    }

    fn block(
        &mut self,
        chapter: &Use,
        name: &str,
        argument: &str,
        rest: &str,
        words: &str,
    ) -> Result<String> {
        let needs_none = matches!(name, "commands" | "glossary");
        ensure!(
            !BLOCKS.contains(&name) || argument.is_empty() == needs_none,
            "an argument is missing, or too many"
        );
        ensure!(
            name == "journey" || rest.is_empty(),
            "a directive is alone on its line"
        );
        match name {
            "code" => self.code(argument),
            "transcript" => self.transcript(argument),
            "figure" => {
                let words = words.strip_prefix(':').map(str::trim).unwrap_or_default();
                ensure!(
                    !words.is_empty(),
                    "the next line has to be `: text that describes the picture`"
                );
                if let Some(other) = self.used.figures.get(argument) {
                    bail!("{other} shows this figure already: link to it");
                }
                self.used
                    .figures
                    .insert(argument.to_owned(), chapter.path.clone());
                let words = self.words(chapter, words);
                figure::markup(self.tree, argument, &words)
            }
            "journey" => self.records.markup(argument, rest, &up(&chapter.path)),
            "costs" => include::costs(self.tree, argument),
            "entry" => include::entry(self.tree, argument),
            "page" => include::page(self.tree, argument),
            "commands" => include::commands(self.tree),
            // All chapters come first.
            "glossary" => Ok("{{glossary}}".to_owned()),
            _ => bail!(
                "there is no such directive, but {} and, inside of a line, file, count and rule",
                BLOCKS.join(", ")
            ),
        }
    }

    fn code(&mut self, argument: &str) -> Result<String> {
        if argument.starts_with(PROGRAMS) && !argument.contains(':') {
            let text = listing::whole(&self.tree.read(argument)?)?;
            return Ok(fenced(
                "listing",
                argument,
                listing::language(argument),
                &text,
            ));
        }
        let (path, anchor) = argument
            .rsplit_once(':')
            .context("a listing is FILE:ANCHOR")?;
        let text = self.tree.read(path)?;
        let lines = listing::lines(&text, anchor)?;
        self.used
            .anchors
            .insert((path.to_owned(), anchor.to_owned()));
        Ok(fenced("listing", path, listing::language(path), &lines))
    }

    fn transcript(&mut self, name: &str) -> Result<String> {
        let path = format!("book/transcripts/{name}.txt");
        ensure!(
            self.tree.has(&format!("book/transcripts/{name}.toml")),
            "there is no book/transcripts/{name}.toml"
        );
        self.used.transcripts.insert(name.to_owned());
        ensure!(
            self.tree.has(&path),
            "there is no {path}: `cargo xtask book --update {name}` makes it"
        );
        let text = self.tree.read(&path)?;
        ensure!(!text.trim().is_empty(), "{path} is empty");
        Ok(fenced("transcript", "", "console", text.trim_end()))
    }

    /// Terms and directives in the words of a picture.
    fn words(&mut self, chapter: &Use, words: &str) -> String {
        let mut out = String::new();
        let file = format!("book/src/{}", chapter.path);
        self.line(
            chapter,
            &file,
            words,
            0..words.len(),
            &code_ranges(words),
            &mut out,
        );
        out
    }

    /// A line's links to terms and directives inside of it.
    fn line(
        &mut self,
        chapter: &Use,
        file: &str,
        text: &str,
        range: Range<usize>,
        code: &[Range<usize>],
        out: &mut String,
    ) {
        let line = &text[range.clone()];
        let mut found: Vec<(Range<usize>, Result<String>)> = Vec::new();
        for link in terms::LINK.captures_iter(line) {
            let whole = link.get(0).map_or(0..0, |whole| whole.range());
            if is_in(code, range.start + whole.start) {
                continue;
            }
            let made =
                match self
                    .terms
                    .link(&link[1], link.get(2).map(|shown| shown.as_str()), chapter)
                {
                    _ if line.starts_with('#') => {
                        Err(anyhow::anyhow!("a heading has no link to a term"))
                    }
                    Some(made) => Ok(made),
                    None => Err(anyhow::anyhow!(
                        "there is no term {}: book/terms has them all",
                        &link[1]
                    )),
                };
            found.push((whole, made));
        }
        for directive in INLINE.captures_iter(line) {
            let whole = directive.get(0).map_or(0..0, |whole| whole.range());
            if is_in(code, range.start + whole.start) {
                continue;
            }
            let made = self.inline(chapter, &directive[1], &directive[2]);
            found.push((whole, made));
        }
        found.sort_by_key(|(whole, _)| whole.start);
        let mut last = 0;
        for (whole, made) in found {
            out.push_str(&line[last..whole.start]);
            match made {
                Ok(made) => out.push_str(&made),
                Err(error) => {
                    self.problems.at(
                        file,
                        line_of(text, range.start),
                        format!("{}: {error:#}", &line[whole.clone()]),
                    );
                    out.push_str("<span class=\"missing\">?</span>");
                }
            }
            last = whole.end;
        }
        let rest = &line[last..];
        let open = rest
            .find("{{")
            .filter(|at| !is_in(code, range.start + last + at));
        if open.is_some() {
            self.problems.at(
                file,
                line_of(text, range.start),
                format!("{}: not a directive", rest.trim()),
            );
        }
        out.push_str(rest);
    }

    fn inline(&self, chapter: &Use, name: &str, argument: &str) -> Result<String> {
        match name {
            "file" => {
                ensure!(self.tree.has(argument), "there is no file {argument}");
                Ok(format!("`{argument}`"))
            }
            "count" => include::count(self.tree, argument),
            _ => {
                include::rule(self.tree, argument)?;
                Ok(format!(
                    "[Rule {argument}]({}appendix/rules.md#rule-{argument})",
                    up(&chapter.path)
                ))
            }
        }
    }
}

/// A titled block of code.
fn fenced(class: &str, title: &str, language: &str, text: &str) -> String {
    let caption = if title.is_empty() {
        String::new()
    } else {
        format!("<figcaption>{}</figcaption>", escape(title))
    };
    // Longer than any fence inside.
    let fence = "`".repeat(3.max(1 + text.split(|c| c != '`').map(str::len).max().unwrap_or(0)));
    format!(
        "<figure class=\"{class}\">{caption}\n\n{fence}{language}\n{text}\n{fence}\n\n</figure>"
    )
}

fn is_in(ranges: &[Range<usize>], place: usize) -> bool {
    ranges.iter().any(|range| range.contains(&place))
}

/// The places of code in a chapter: nothing is replaced there.
pub fn code_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut block = None;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Code(_) => ranges.push(range),
            Event::Start(Tag::CodeBlock(_)) => block = Some(range.start),
            Event::End(TagEnd::CodeBlock) => {
                ranges.extend(block.take().map(|start| start..range.end));
            }
            _ => {}
        }
    }
    ranges
}
