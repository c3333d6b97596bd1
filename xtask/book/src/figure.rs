//! Figures: SVG files of `book/src/figures`, put into the page so that its colors apply to them.

use std::fmt::Write;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail, ensure};
use regex::{Captures, Regex};
use roxmltree::{Document, Node};

use crate::text::escape;
use crate::tree::Tree;

/// The directory of the figures.
pub const DIRECTORY: &str = "book/src/figures";
/// Widest view box: more would be too small to read where it is scaled to a page.
const WIDEST: f64 = 720.0;
/// Smallest letters.
const SMALLEST: f64 = 11.0;

static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r##"(\sid="|url\(#|href="#)([\w-]+)"##).expect("a pattern"));
/// The first tag.
static OPENING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<svg([^>]*)>").expect("a pattern"));
/// The attributes of the first tag that the page sets itself.
static OWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\s(?:role|style|width|height|class|aria-[a-z]+)="[^"]*""#).expect("a pattern")
});
static PROLOG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>").expect("a pattern"));

/// A figure's markup, `words` being its description in Markdown.
///
/// # Errors
/// There is no such figure, or it is not fit for the page.
pub fn markup(tree: &Tree, name: &str, words: &str) -> Result<String> {
    let text = tree.read(&format!("{DIRECTORY}/{name}.svg"))?;
    let picture = Picture::read(&text).with_context(|| format!("{DIRECTORY}/{name}.svg"))?;
    // Identifiers are the page's.
    let svg = ID.replace_all(&picture.svg, |found: &Captures| {
        format!("{}{name}-{}", &found[1], &found[2])
    });
    let (title, width) = (escape(&picture.title), picture.width);
    let look = format!(
        r#"role="img" aria-label="{title}" style="min-width: {:.0}px; max-width: {width:.0}px""#,
        width * 0.78
    );
    let svg = OPENING.replace(&svg, |found: &Captures| {
        let kept = OWN.replace_all(&found[1], "");
        format!("<svg{kept} {look}>")
    });
    let mut markup = String::new();
    write!(
        markup,
        "<figure class=\"drawn\" id=\"figure-{name}\">\n<div class=\"picture\" tabindex=\"0\" role=\"group\" aria-label=\"Figure\">\n{}\n</div>\n\
         <figcaption>{title}</figcaption>\n</figure>\n\n\
         <details class=\"in-words\"><summary>The picture in words</summary>\n\n{words}\n\n</details>",
        svg.trim()
    )?;
    Ok(markup)
}

/// A checked picture.
struct Picture {
    svg: String,
    title: String,
    width: f64,
}

impl Picture {
    fn read(text: &str) -> Result<Self> {
        let document = Document::parse(text)?;
        let root = document.root_element();
        ensure!(
            root.has_tag_name(("http://www.w3.org/2000/svg", "svg")),
            "it is no SVG picture"
        );
        let text_of = |name: &str| {
            let child = root
                .children()
                .find(|child| child.tag_name().name() == name);
            let text = child.and_then(|child| child.text()).unwrap_or_default();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let title = text_of("title");
        ensure!(!title.is_empty(), "it has no <title>");
        ensure!(!text_of("desc").is_empty(), "it has no <desc>");
        let view: Vec<f64> = root
            .attribute("viewBox")
            .context("it has no viewBox")?
            .split_whitespace()
            .filter_map(|number| number.parse().ok())
            .collect();
        let [_, _, width, height] = view[..] else {
            bail!("its viewBox has no four numbers");
        };
        ensure!(
            width <= WIDEST && width > 0.0 && height > 0.0,
            "its viewBox is {width} wide: at most {WIDEST}"
        );
        for node in document.descendants() {
            check(node)?;
        }
        let svg = PROLOG.replace_all(text, "");
        // Markdown's HTML ends at an empty line.
        let lines: Vec<&str> = svg.lines().filter(|line| !line.trim().is_empty()).collect();
        Ok(Self {
            svg: lines.join("\n"),
            title,
            width,
        })
    }
}

/// Refuses what does not work inside of a page, and letters too small to read.
fn check(node: Node) -> Result<()> {
    let name = node.tag_name().name();
    ensure!(
        !matches!(name, "style" | "script" | "image" | "foreignObject"),
        "<{name}> does not work inside of a page"
    );
    for attribute in node.attributes() {
        let (key, value) = (attribute.name(), attribute.value());
        ensure!(!key.starts_with("on"), "{key} is a script");
        ensure!(
            key != "href" || value.starts_with('#'),
            "{value} is another file"
        );
        if key == "font-size" {
            let size: f64 = value
                .trim_end_matches("px")
                .parse()
                .with_context(|| format!("font-size {value}"))?;
            ensure!(
                size >= SMALLEST,
                "letters of {size} units are too small: {SMALLEST} at least"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 90\" width=\"5\" role=\"img\" style=\"a\">\n<title>A < title</title>\n\n<desc>d</desc>\n{inner}</svg>\n"
        )
        .replace("A <", "A &lt;")
    }

    #[test]
    fn a_figure_has_its_own_identifiers_and_a_name() {
        let directory = tempfile::tempdir().unwrap();
        let tree = Tree::new(directory.path());
        std::fs::create_dir_all(tree.path(DIRECTORY)).unwrap();
        let text = svg("<marker id=\"tip\"/><path marker-end=\"url(#tip)\"/><use href=\"#tip\"/>");
        std::fs::write(tree.path("book/src/figures/frame.svg"), text).unwrap();
        let markup = markup(&tree, "frame", "Words.").unwrap();
        for part in [
            "id=\"frame-tip\"",
            "url(#frame-tip)",
            "href=\"#frame-tip\"",
            "aria-label=\"A &lt; title\"",
            "<figcaption>A &lt; title</figcaption>",
            "\n\nWords.\n\n</details>",
        ] {
            assert!(markup.contains(part), "{part}: {markup}");
        }
        let (picture, _) = markup.split_once("</figure>").unwrap();
        let (opening, _) = picture.split_once("<title>").unwrap();
        assert_eq!(opening.matches("style=").count(), 1, "{opening}");
        assert_eq!(opening.matches("role=\"img\"").count(), 1, "{opening}");
        assert!(opening.contains("viewBox"), "{opening}");
        assert!(
            !picture.contains("\n\n") && !picture.contains("<?xml"),
            "{picture}"
        );
        assert!(super::markup(&tree, "other", "Words.").is_err());
    }

    #[test]
    fn a_picture_that_a_page_cannot_have_is_refused() {
        let fine = svg("<text font-size=\"11\">a</text>");
        assert!(Picture::read(&fine).is_ok());
        for (text, said) in [
            (svg("<g>"), "expected"),
            (svg("<style>a{}</style>"), "<style>"),
            (svg("<image href=\"a.png\"/>"), "<image>"),
            (svg("<a href=\"https://example.org\"/>"), "another file"),
            (svg("<text font-size=\"9px\">a</text>"), "too small"),
            (fine.replace("A &lt; title", ""), "no <title>"),
            (fine.replace("<desc>d</desc>", ""), "no <desc>"),
            (fine.replace("0 0 720 90", "0 0 900 90"), "900 wide"),
            (fine.replace("viewBox", "viewbox"), "no viewBox"),
        ] {
            let error = Picture::read(&text).err().expect(&text);
            assert!(error.to_string().contains(said), "{error}: {text}");
        }
    }
}
