//! The template of a chapter: its sections, its questions with answers, prose between its blocks.

use std::sync::LazyLock;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

use crate::text::line_of;
use crate::tree::{Problems, Tree};

/// The sections that end a chapter, in their order.
const SECTIONS: [&str; 4] = [
    "What goes wrong",
    "Check yourself",
    "Exercises",
    "Further reading",
];
/// Number of questions under "Check yourself".
const QUESTIONS: usize = 5;
/// Number of exercises.
const EXERCISES: std::ops::RangeInclusive<usize> = 3..=5;

static CHAPTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([a-z]+)/(\d\d-[a-z0-9-]+)\.md$").expect("a pattern"));

/// A path of this tree. Linux's own paths begin with other names, or aren't in Rust.
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    let path =
        r"^(?:(?:boot|kernel/src|user|tests|xtask|docs|book|labs)/[\w./-]+|[\w./-]+/[\w.-]+\.rs)$";
    Regex::new(path).expect("a pattern")
});
/// An exercise with its stars.
static STARRED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\d+\. \\\*(\\?\*){0,2} \S").expect("a pattern"));

/// Checks a chapter of a part; pages of the appendix and the introduction are free.
pub fn check(tree: &Tree, path: &str, text: &str, problems: &mut Problems) {
    let file = format!("book/src/{path}");
    if !text.starts_with("# ") {
        problems.at(&file, 1, "a page begins with its title, `# ...`");
    }
    let Some(name) = CHAPTER.captures(path).filter(|name| &name[1] != "appendix") else {
        if path.contains('/') && !path.starts_with("appendix/") {
            problems.at(&file, 1, "a chapter's file is PART/NN-short-name.md");
        }
        return;
    };
    if !text.contains("\n> **Question.**") {
        problems.at(&file, 1, "no opening question: `> **Question.** ...`");
    }
    if !text.contains("\n{{figure ") {
        problems.at(&file, 1, "no figure");
    }
    paths(tree, &file, text, problems);
    sections(&file, text, problems);
    prose_between_blocks(&file, text, problems);
    let answers = format!("book/answers/{}/{}.md", &name[1], &name[2]);
    if !tree.has(&answers) && !tree.is_for_students() {
        problems.at(
            &file,
            1,
            format!("the exercises' answers, {answers}, are missing"),
        );
    }
}

/// Paths of this tree in quotes of code exist.
fn paths(tree: &Tree, file: &str, text: &str, problems: &mut Problems) {
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        if let Event::Code(code) = event
            && PATH.is_match(&code)
            && !tree.has(&code)
        {
            problems.at(
                file,
                line_of(text, range.start),
                format!("`{code}` is not there"),
            );
        }
    }
}

fn sections(file: &str, text: &str, problems: &mut Problems) {
    let mut last = 0;
    for title in SECTIONS {
        let heading = format!("\n## {title}\n");
        let Some(at) = text.find(&heading) else {
            problems.at(file, 1, format!("no section `## {title}`"));
            continue;
        };
        if at < last {
            problems.at(
                file,
                line_of(text, at + 1),
                format!("`## {title}` is before the section that it follows"),
            );
        }
        last = at;
        let body = &text[at + heading.len()..];
        let body = body.split("\n## ").next().unwrap_or(body);
        let line = line_of(text, at + 1);
        let items = body.lines().filter(|line| is_item(line)).count();
        match title {
            "Check yourself" => {
                let answers = body.matches("<details><summary>Answer</summary>").count();
                if items != QUESTIONS || answers != QUESTIONS {
                    problems.at(
                        file,
                        line,
                        format!("{items} questions with {answers} answers: {QUESTIONS} each"),
                    );
                }
            }
            "Exercises" => {
                if !EXERCISES.contains(&items) {
                    problems.at(file, line, format!("{items} exercises: three to five"));
                }
                let plain = |line: &str| is_item(line) && !STARRED.is_match(line);
                for (number, _) in body.lines().enumerate().filter(|(_, line)| plain(line)) {
                    let problem = r"an exercise without one to three stars (`1. \* ...`)";
                    problems.at(file, line + number + 1, problem);
                }
            }
            _ => {}
        }
    }
}

/// Whether a line begins an item of a numbered list.
fn is_item(line: &str) -> bool {
    line.split_once(". ")
        .is_some_and(|(number, _)| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

/// Lists, tables, listings and transcripts are parted by prose.
fn prose_between_blocks(file: &str, text: &str, problems: &mut Problems) {
    let mut depth = 0;
    let mut last: Option<&'static str> = None;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let kind = match &event {
            Event::Start(tag) => {
                depth += 1;
                if depth > 1 {
                    continue;
                }
                match tag {
                    Tag::List(_) => Some("a list"),
                    Tag::Table(_) => Some("a table"),
                    Tag::CodeBlock(_) => Some("a listing"),
                    Tag::Paragraph => directive(&text[range.clone()]),
                    _ => None,
                }
            }
            Event::End(TagEnd::HtmlBlock | _) => {
                depth -= 1;
                continue;
            }
            _ => continue,
        };
        if let (Some(before), Some(kind)) = (last, kind) {
            problems.at(
                file,
                line_of(text, range.start),
                format!("{kind} directly after {before}: prose belongs between them"),
            );
        }
        last = kind;
    }
}

/// What kind of block a paragraph with a directive becomes.
fn directive(paragraph: &str) -> Option<&'static str> {
    let name = paragraph.trim_start().strip_prefix("{{")?;
    let name = name.split(|c: char| !c.is_ascii_lowercase()).next()?;
    match name {
        "code" => Some("a listing"),
        "transcript" => Some("a transcript"),
        "costs" | "entry" => Some("a table"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chapter that is as it should be.
    pub fn chapter() -> String {
        let question =
            "1. Why?\n   <details><summary>Answer</summary>\n\n   Because.\n\n   </details>\n";
        let questions: String = (1..=5)
            .map(|number| question.replace("1.", &format!("{number}.")))
            .collect();
        format!(
            "# Title\n\n> **Question.** What?\n\nText.\n\n{{{{figure frame}}}}\n: words\n\n## What goes wrong\n\nText.\n\n\
             ## Check yourself\n\n{questions}\n## Exercises\n\n1. \\* Count.\n2. \\*\\* Show.\n3. \\*\\*\\* Prove.\n\n## Further reading\n\nText.\n"
        )
    }

    fn problems(path: &str, text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let tree = Tree::new(directory.path());
        let answers = tree.path("book/answers/doors/01-name.md");
        std::fs::create_dir_all(answers.parent().unwrap()).unwrap();
        std::fs::write(answers, "x").unwrap();
        let mut problems = Problems::default();
        check(&tree, path, text, &mut problems);
        problems.list().join("\n")
    }

    #[test]
    fn a_chapter_has_its_template() {
        let whole = chapter();
        let path = "doors/01-name.md";
        assert_eq!(problems(path, &whole), "");
        assert_eq!(problems("appendix/terms.md", "# Title\n"), "");
        assert_eq!(problems("introduction.md", "# Title\n"), "");
        for (path, from, to, said) in [
            (
                path,
                "# Title",
                "Title",
                "doors/01-name.md:1: a page begins with its title",
            ),
            (
                "doors/02-name.md",
                "",
                "",
                "answers/doors/02-name.md, are missing",
            ),
            ("doors/name.md", "", "", "PART/NN-short-name.md"),
            (path, "**Question.**", "Question.", "no opening question"),
            (path, "{{figure frame}}\n", "", "no figure"),
            (
                path,
                "Because.",
                "See `kernel/src/gone.rs`, `fs/exec.c`.",
                "`kernel/src/gone.rs` is not there",
            ),
            (
                path,
                "## What goes wrong",
                "## What",
                "no section `## What goes wrong`",
            ),
            (path, "5. Why?", "Why?", "4 questions with 5 answers"),
            (
                path,
                "<summary>Answer</summary>",
                "<summary>A</summary>",
                "5 questions with 0 answers",
            ),
            (
                path,
                "2. \\*\\* Show.\n3. \\*\\*\\* Prove.",
                "",
                "1 exercises",
            ),
            (
                path,
                r"3. \*\*\* ",
                "3. ",
                "an exercise without one to three stars",
            ),
            (
                path,
                "# Title",
                "# Title\n\n## Further reading\n",
                "before the section that it follows",
            ),
        ] {
            let text = if from.is_empty() {
                whole.clone()
            } else {
                whole.replace(from, to)
            };
            let found = problems(path, &text);
            assert!(found.contains(said), "{from} -> {to}: {found}");
        }
    }

    #[test]
    fn blocks_are_parted_by_prose() {
        for (blocks, is_fine) in [
            ("{{code a:b}}\n\nText.\n\n{{code a:c}}", true),
            ("{{code a:b}}\n\n{{code a:c}}", false),
            ("- a\n- b\n\n```\nx\n```", false),
            ("{{transcript a}}\n\n| a |\n|---|\n| b |", false),
            ("- a\n\n## B\n\n- c", true),
            ("{{figure a}}\n: text\n\n{{code a:b}}", true),
        ] {
            let text = chapter().replacen("Text.", blocks, 1);
            let found = problems("doors/01-name.md", &text);
            assert_eq!(found.is_empty(), is_fine, "{blocks}: {found}");
        }
    }
}
