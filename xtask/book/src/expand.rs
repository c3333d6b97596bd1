//! The directives of a chapter, replaced by what they name. `CONTRIBUTING.md` lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow, bail, ensure};
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

/// A heading's beginning.
static HEADING: LazyLock<Regex> = LazyLock::new(|| pattern(r"^#{1,6} "));

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
        // Prose is replaced in one piece, since a link may go on in the next line.
        let (mut place, mut prose) = (0, 0);
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
                continue;
            };
            self.prose(chapter, &file, text, prose..start, &code, &mut out);
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
            prose = place;
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
        self.prose(chapter, &file, text, prose..place, &code, &mut out);
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
            "entry" => match include::entry(self.tree, argument) {
                // The page would show a lab's solution.
                Err(_) if self.tree.is_for_students() => {
                    Ok("(`cargo xtask entry` makes this table from your own stubs.)".to_owned())
                }
                table => table,
            },
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
        let lines = match listing::lines(&text, anchor) {
            Err(_) if self.tree.is_for_students() && listing::has_hole(&text) => {
                "(A lab asks you to write this part.)".to_owned()
            }
            lines => lines?,
        };
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
        let code = code_ranges(words);
        self.prose(chapter, &file, words, 0..words.len(), &code, &mut out);
        out
    }

    /// Links to terms and directives in a piece of a chapter.
    fn prose(
        &mut self,
        chapter: &Use,
        file: &str,
        text: &str,
        range: Range<usize>,
        code: &[Range<usize>],
        out: &mut String,
    ) {
        let piece = &text[range.clone()];
        let mut found: Vec<(Range<usize>, Result<String>)> = Vec::new();
        for link in terms::LINK.captures_iter(piece) {
            let whole = link.get(0).map_or(0..0, |whole| whole.range());
            if is_in(code, range.start + whole.start) {
                continue;
            }
            let line = piece[..whole.start].rfind('\n').map_or(0, |end| end + 1);
            let shown = link.get(2).map(|shown| shown.as_str());
            let made = match self.terms.link(&link[1], shown, chapter) {
                _ if HEADING.is_match(&piece[line..]) => {
                    Err(anyhow!("a heading has no link to a term"))
                }
                Some(made) => Ok(made),
                None => Err(anyhow!(
                    "there is no term {}: book/terms has them all",
                    &link[1]
                )),
            };
            found.push((whole, made));
        }
        for directive in INLINE.captures_iter(piece) {
            let whole = directive.get(0).map_or(0..0, |whole| whole.range());
            if !is_in(code, range.start + whole.start) {
                let made = self.inline(chapter, &directive[1], &directive[2]);
                found.push((whole, made));
            }
        }
        found.sort_by_key(|(whole, _)| whole.start);
        let mut last = 0;
        for (whole, made) in found {
            self.leftover(
                file,
                text,
                range.start + last..range.start + whole.start,
                code,
            );
            out.push_str(&piece[last..whole.start]);
            match made {
                Ok(made) => out.push_str(&made),
                Err(error) => {
                    let line = line_of(text, range.start + whole.start);
                    self.problems
                        .at(file, line, format!("{}: {error:#}", &piece[whole.clone()]));
                    out.push_str("<span class=\"missing\">?</span>");
                }
            }
            last = whole.end;
        }
        self.leftover(file, text, range.start + last..range.end, code);
        out.push_str(&piece[last..]);
    }

    /// Braces that begin no directive.
    fn leftover(&mut self, file: &str, text: &str, range: Range<usize>, code: &[Range<usize>]) {
        for (at, _) in text[range.clone()].match_indices("{{") {
            let place = range.start + at;
            if !is_in(code, place) {
                let line = text[place..].lines().next().unwrap_or_default();
                self.problems.at(
                    file,
                    line_of(text, place),
                    format!("{line}: not a directive of one line"),
                );
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree with one of each thing that a chapter may name.
    const FILES: [(&str, &str); 10] = [
        (
            "kernel/src/a.rs",
            "// ANCHOR: one\nlet a = \"{{z}}\";\n// ANCHOR_END: one\n// ANCHOR: open\nx\n",
        ),
        ("book/programs/p.c", "int main(void);\n"),
        ("book/transcripts/t.toml", ""),
        ("book/transcripts/t.txt", "$ ./t\nout\n"),
        ("book/transcripts/unmade.toml", ""),
        (
            "book/src/figures/f.svg",
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><title>T</title><desc>d</desc></svg>",
        ),
        (
            "book/terms/a.toml",
            "[gate]\nname = \"gate\"\ntext = \"An `entry` of the [[idt]].\"\n[idt]\nname = \"IDT\"\ntext = \"A <table>.\"\n",
        ),
        (
            "README.md",
            "<!-- costs: doors -->\n| call | Trident |\n|---|--:|\n| getpid | 71 |\n<!-- end -->\n",
        ),
        ("docs/RULES.md", "# Rules\n\n### Rule 6: x\n\ntext\n"),
        (
            "xtask/microscope/src/journeys.rs",
            "journey(\"j\", \"J\", X)",
        ),
    ];

    /// What becomes of a chapter's text, and the problems.
    fn expand(text: &str) -> (String, String) {
        expand_with(text, &[("book/answers/doors/01-a.md", "x")])
    }

    /// [`expand`] in a tree with further files.
    fn expand_with(text: &str, more: &[(&str, &str)]) -> (String, String) {
        let directory = tempfile::tempdir().unwrap();
        let tree = Tree::new(directory.path());
        for (name, text) in FILES.iter().chain(more) {
            std::fs::create_dir_all(tree.path(name).parent().unwrap()).unwrap();
            std::fs::write(tree.path(name), text).unwrap();
        }
        let mut problems = Problems::default();
        let terms = Terms::read(&tree, &mut problems);
        let records = journey::Records::read(&tree, &tree.path("none")).unwrap();
        let used = Used::default();
        let mut expander = Expander {
            tree: &tree,
            records: &records,
            terms,
            used,
            problems,
        };
        let chapter = Use {
            path: "doors/01-a.md".into(),
            title: "A".into(),
        };
        let out = expander.chapter(&chapter, text);
        (out, expander.problems.list().join("\n"))
    }

    #[test]
    fn directives_become_what_they_name() {
        for (text, part) in [
            (
                "{{code kernel/src/a.rs:one}}",
                "<figcaption>kernel/src/a.rs</figcaption>\n\n```rust\nlet a = \"{{z}}\";\n```\n\n</figure>",
            ),
            ("{{code book/programs/p.c}}", "```c\nint main(void);\n```"),
            (
                "1. Look:\n\n   {{code book/programs/p.c}}",
                "   ```c\n   int main(void);\n   ```\n\n   </figure>",
            ),
            ("{{transcript t}}", "```console\n$ ./t\nout\n```"),
            (
                "{{figure f}}\n: The [[gate]]\n  is drawn.\n\nText.",
                "\n\nThe <a class=\"term\"",
            ),
            (
                "{{journey j@user}} The way",
                "src=\"../microscope.html#j/@user\"",
            ),
            ("{{costs \"doors\"}}", "| getpid | 71 |"),
            (
                "It takes {{count trident:getpid}} instructions.",
                "takes 71 instr",
            ),
            (
                "See {{file kernel/src/a.rs}} and {{rule 6}}.",
                "See `kernel/src/a.rs` and [Rule 6](../appendix/rules.md#rule-6).",
            ),
            ("{{file kernel/src/a.rs}}", "`kernel/src/a.rs`"),
            ("#GP: a\n#GP by the [[gate]].", "#GP by the <a class"),
            (
                "A [[gate]].",
                "A <a class=\"term\" href=\"../appendix/glossary.md#term-gate\" title=\"An entry of the idt.\">gate</a>.",
            ),
            (
                "| [[idt|`IDT`]] |",
                "title=\"A &lt;table&gt;.\">`IDT`</a> |",
            ),
            (
                "An [[idt|interrupt descriptor\ntable]].",
                ">interrupt descriptor\ntable</a>.",
            ),
            (
                "Code: `{{code x}} [[gate]]`.",
                "Code: `{{code x}} [[gate]]`.",
            ),
            (
                "```sh\n{{code x}}\n[[ -f a ]] [[gate]]\n```",
                "```sh\n{{code x}}\n[[ -f a ]] [[gate]]\n```",
            ),
        ] {
            let (out, problems) = expand(text);
            assert_eq!(problems, "", "{text}");
            assert!(out.contains(part), "{text}: {out}");
        }
    }

    #[test]
    fn what_is_not_there_is_named_with_file_and_line() {
        for (text, said) in [
            (
                "{{code kernel/src/b.rs:one}}",
                "there is no file kernel/src/b.rs",
            ),
            ("{{code ../a.rs:one}}", "a path from the tree's root"),
            ("{{code kernel/src/a.rs:two}}", "there is no anchor two"),
            (
                "{{code kernel/src/a.rs:open}}",
                "the anchor open has no end",
            ),
            ("{{code kernel/src/a.rs}}", "a listing is FILE:ANCHOR"),
            ("{{code}}", "an argument is missing"),
            (
                "{{transcript other}}",
                "there is no book/transcripts/other.toml",
            ),
            (
                "{{transcript unmade}}",
                "`cargo xtask book --update unmade` makes it",
            ),
            (
                "{{figure f}}\n\nText.",
                "`: text that describes the picture`",
            ),
            (
                "{{figure g}}\n: text",
                "there is no file book/src/figures/g.svg",
            ),
            (
                "{{figure f}}\n: text\n\n{{figure f}}\n: text",
                "shows this figure already",
            ),
            ("{{journey k@user}}", "there is no journey k"),
            ("{{journey j}}", "a journey is ID@STEP"),
            ("{{costs doors of}}", "no table of costs"),
            (
                "It is {{count trident:fork}}.",
                "no table of README.md has the row",
            ),
            (
                "See {{file kernel/src/b.rs}}.",
                "there is no file kernel/src/b.rs",
            ),
            ("See {{rule 7}}.", "docs/RULES.md has no rule 7"),
            ("A [[window]].", "there is no term window"),
            ("# The [[gate]]", "a heading has no link"),
            ("{{include a}}", "there is no such directive"),
            ("{{transcript t}} and more", "alone on its line"),
            ("Here {{transcript t}}", "not a directive of one line"),
            ("{{code\nx}}", "not a directive of one line"),
        ] {
            let (_, problems) = expand(&format!("Text.\n\n{text}\n"));
            let line = if text.contains("shows this") { 6 } else { 3 };
            let place = format!("book/src/doors/01-a.md:{line}: ");
            assert!(problems.contains(said), "{text}: {problems}");
            assert!(
                problems.starts_with(&place) || said.contains("already"),
                "{text}: {problems}"
            );
            assert_eq!(problems.lines().count(), 1, "{text}: {problems}");
        }
    }

    #[test]
    fn a_student_finds_a_hole_where_a_lab_took_the_lines() {
        let code = "{{code kernel/src/b.rs:gone}}";
        let with_hole = ("kernel/src/b.rs", "// LAB 4 HOLE a\n// LAB 4 END a\n");
        let without = ("kernel/src/b.rs", "let a = 1;\n");
        let answers = ("book/answers/a.md", "x");
        let entry = "{{entry SYSCALL}}";
        let page = ("docs/ENTRY.md", "# Each instruction\n\nYour own.\n");
        let (out, problems) = expand_with(entry, &[page]);
        assert!(
            problems.is_empty() && out.contains("your own stubs"),
            "{out} {problems}"
        );
        assert!(!expand_with(entry, &[page, answers]).1.is_empty());
        let (out, problems) = expand_with(code, &[with_hole]);
        assert!(
            problems.is_empty() && out.contains("A lab asks you"),
            "{out} {problems}"
        );
        for files in [&[without][..], &[with_hole, answers], &[without, answers]] {
            let (_, problems) = expand_with(code, files);
            assert!(
                problems.contains("there is no anchor gone"),
                "{files:?}: {problems}"
            );
        }
    }
}
