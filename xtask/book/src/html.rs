//! A walk through the book's HTML: links, identifiers, pictures, leftovers of directives.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use crate::tree::{Problems, Tree};

/// The page with all chapters, for paper.
pub const PRINT: &str = "print.html";

/// What a page has.
#[derive(Debug, Default)]
struct Page {
    /// Identifiers, each as often as it comes.
    ids: BTreeMap<String, usize>,
    /// Links and addresses: element, attribute, value.
    links: Vec<(String, String, String)>,
    /// What is wrong by itself.
    problems: Vec<String>,
}

/// Reads a page's tokens.
#[derive(Debug, Default)]
struct Reader {
    page: RefCell<Page>,
    /// Open elements in which braces are code.
    code: RefCell<usize>,
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut page = self.page.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                let name = tag.name.to_string();
                let is_start = tag.kind == TagKind::StartTag;
                if matches!(name.as_str(), "code" | "pre" | "script" | "style") && !tag.self_closing
                {
                    let depth = *self.code.borrow();
                    self.code.replace(if is_start {
                        depth + 1
                    } else {
                        depth.saturating_sub(1)
                    });
                }
                if !is_start {
                    return TokenSinkResult::Continue;
                }
                let attributes: BTreeMap<String, String> = tag
                    .attrs
                    .iter()
                    .map(|attribute| {
                        (
                            attribute.name.local.to_string(),
                            attribute.value.to_string(),
                        )
                    })
                    .collect();
                page.element(&name, &attributes);
                match name.as_str() {
                    "script" => return TokenSinkResult::RawData(RawKind::ScriptData),
                    "style" => return TokenSinkResult::RawData(RawKind::Rawtext),
                    _ => {}
                }
            }
            Token::CharacterTokens(text) if *self.code.borrow() == 0 => {
                for left in ["{{", "[["] {
                    if text.contains(left) {
                        page.problems
                            .push(format!("{left} is left in {:?}", text.trim()));
                    }
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Page {
    fn read(html: &str) -> Self {
        let queue = BufferQueue::default();
        queue.push_back(StrTendril::from(html));
        let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
        let _ = tokenizer.feed(&queue);
        tokenizer.end();
        tokenizer.sink.page.into_inner()
    }

    fn element(&mut self, name: &str, attributes: &BTreeMap<String, String>) {
        if let Some(id) = attributes.get("id") {
            *self.ids.entry(id.clone()).or_default() += 1;
        }
        for attribute in ["href", "src", "xlink:href", "data", "poster"] {
            if let Some(value) = attributes.get(attribute) {
                self.links
                    .push((name.to_owned(), attribute.to_owned(), value.clone()));
            }
        }
        let has = |attribute: &str| {
            attributes
                .get(attribute)
                .is_some_and(|text| !text.trim().is_empty())
        };
        if name == "img" && !has("alt") {
            self.problems.push(format!(
                "a picture without words: {}",
                attributes.get("src").map_or("", |src| src)
            ));
        }
        if name == "iframe" && !attributes.contains_key("class") && !has("title") {
            self.problems.push("a frame without a title".into());
        }
    }
}

/// Walks through all pages below `output`; the sources are those of `tree`.
///
/// # Errors
/// A page can't be read.
pub fn check(tree: &Tree, output: &Path, problems: &mut Problems) -> Result<()> {
    let site = Tree::new(output);
    let mut pages = BTreeMap::new();
    for name in site.below("") {
        if name.ends_with(".html") && name != crate::journey::PAGE {
            pages.insert(name.clone(), Page::read(&site.read(&name)?));
        }
    }
    // The page for paper has all of the others' problems again.
    let is_print = |page: &str| page == PRINT;
    let chapters = pages.iter().filter(|(name, _)| !is_print(name));
    let print = pages.iter().filter(|(name, _)| is_print(name));
    let before = problems.list().len();
    for (name, page) in chapters.chain(print) {
        if is_print(name) && problems.list().len() > before {
            break;
        }
        for problem in &page.problems {
            problems.add(format!("{}: {problem}", place(tree, name, "")));
        }
        for (id, times) in &page.ids {
            if *times > 1 {
                problems.add(format!(
                    "{}: {times} elements have the id {id}",
                    place(tree, name, id)
                ));
            }
        }
        for (element, attribute, link) in &page.links {
            if let Err(why) = follow(&pages, &site, name, element, link) {
                problems.add(format!(
                    "{}: the {attribute} of <{element}>, {link}: {why}",
                    place(tree, name, link)
                ));
            }
        }
    }
    Ok(())
}

/// Where a link leads.
fn follow(
    pages: &BTreeMap<String, Page>,
    site: &Tree,
    page: &str,
    element: &str,
    link: &str,
) -> Result<(), String> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return if element == "a" {
            Ok(())
        } else {
            Err("a part of the page in the network".into())
        };
    }
    if link.starts_with("data:") {
        return Ok(());
    }
    if link.contains(':') || link.starts_with('/') {
        return Err("neither a relative link nor one to the network".into());
    }
    let (path, fragment) = link
        .split_once('#')
        .map_or((link, None), |(path, fragment)| (path, Some(fragment)));
    let target = if path.is_empty() {
        page.to_owned()
    } else {
        join(page, path).ok_or("it leads out of the book")?
    };
    if !site.path(&target).is_file() {
        return Err(format!("there is no {target}"));
    }
    // The microscope reads its fragments itself.
    match (fragment, pages.get(&target)) {
        (Some(fragment), Some(page))
            if !fragment.is_empty() && !page.ids.contains_key(fragment) =>
        {
            Err(format!("{target} has no id {fragment}"))
        }
        _ => Ok(()),
    }
}

/// `path` as seen from a page, from the root of the site.
fn join(page: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The source of a page, and the line with a link, if it can be found.
fn place(tree: &Tree, page: &str, link: &str) -> String {
    let source = format!("book/src/{}", page.replace(".html", ".md"));
    let Ok(text) = tree.read(&source) else {
        return format!("page {page}");
    };
    let wanted = link.replace(".html", ".md");
    let found = (!wanted.is_empty())
        .then(|| text.lines().position(|line| line.contains(&wanted)))
        .flatten();
    format!("{source}:{}", found.map_or(1, |line| line + 1))
}

/// The pages of the chapters: what `SUMMARY.md` lacks is never read.
pub fn orphans(tree: &Tree, chapters: &BTreeSet<String>, problems: &mut Problems) {
    for file in tree.below("book/src") {
        let Some(name) = file
            .strip_prefix("book/src/")
            .filter(|name| name.ends_with(".md"))
        else {
            continue;
        };
        if name != "SUMMARY.md" && !chapters.contains(name) {
            problems.at(&file, 1, "book/src/SUMMARY.md has no such chapter");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined() {
        for (page, path, whole) in [
            ("a/b.html", "c.html", Some("a/c.html")),
            ("a/b.html", "../c.html", Some("c.html")),
            ("a.html", "./b/c.html", Some("b/c.html")),
            ("a.html", "../c.html", None),
        ] {
            assert_eq!(join(page, path).as_deref(), whole, "{page} {path}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_page_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let site = directory.path().join("site");
        std::fs::create_dir_all(site.join("a")).unwrap();
        std::fs::write(site.join("a/c.html"), "<h1 id=top>c</h1>").unwrap();
        let page = |body: &str| -> String {
            std::fs::write(site.join("a/b.html"), body).unwrap();
            let mut problems = Problems::default();
            check(&Tree::new(directory.path()), &site, &mut problems).unwrap();
            problems.list().join("\n")
        };
        for body in [
            "<a href=\"c.html#top\">c</a><a href=\"../a/c.html\">c</a><p id=x><a href=\"#x\">x</a>",
            "<a href=\"https://example.org\">x</a><code>{{a}} [[b]]</code><script>\"<a href='x'>{{\"</script>",
            "<img src=\"c.html\" alt=\"a picture\">",
        ] {
            assert_eq!(page(body), "", "{body}");
        }
        for (body, said) in [
            ("<a href=\"d.html\">d</a>", "there is no a/d.html"),
            ("<a href=\"c.html#end\">c</a>", "a/c.html has no id end"),
            ("<a href=\"#end\">c</a>", "a/b.html has no id end"),
            ("<a href=\"../../x.html\">c</a>", "out of the book"),
            ("<a href=\"/c.html\">c</a>", "neither a relative link"),
            (
                "<a href=\"javascript:f()\">c</a>",
                "neither a relative link",
            ),
            (
                "<img src=\"https://example.org/a.png\" alt=\"a\">",
                "in the network",
            ),
            ("<link href=\"http://example.org/a.css\">", "in the network"),
            ("<img src=\"c.html\">", "a picture without words"),
            (
                "<iframe src=\"c.html\"></iframe>",
                "a frame without a title",
            ),
            ("<p>{{code x}}</p>", "{{ is left"),
            ("<p>[[term]]</p>", "[[ is left"),
            ("<p id=x></p><p id=x></p>", "2 elements have the id x"),
        ] {
            let found = page(body);
            assert!(found.contains(said), "{body}: {found}");
        }
    }
}
