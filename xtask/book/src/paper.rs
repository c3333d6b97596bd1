//! The page for paper: `print.html` of mdBook, with a title and a list of the chapters, and without
//! what only a screen can show.

use std::fmt::Write;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;

use crate::text::escape;

static FRAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)<iframe loading=.*?</iframe>"));
static TITLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r##"(?s)<h1 id="([^"]+)"><a class="header" href="[^"]*">(.*?)</a></h1>"##)
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// The page made fit for paper.
///
/// # Errors
/// It is no page of mdBook's.
pub fn make(page: &str, title: &str, subtitle: &str) -> Result<String> {
    let page = FRAME.replace_all(page, "");
    let (before, content) = page
        .split_once("<main>")
        .context("the page has no <main>")?;
    let mut front = String::new();
    write!(
        front,
        "<main>\n<section class=\"front\">\n<p class=\"book-title\">{}</p>\n<p>{}</p>\n<ol>\n",
        escape(title),
        escape(subtitle)
    )?;
    for found in TITLE.captures_iter(content) {
        writeln!(
            front,
            "<li><a href=\"#{}\">{}</a></li>",
            &found[1], &found[2]
        )?;
    }
    front.push_str("</ol>\n</section>\n");
    Ok(format!("{before}{front}{content}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_has_a_list_of_chapters_and_no_frames() {
        let page = "<main>\n<h1 id=\"a\"><a class=\"header\" href=\"#a\">A <code>b</code></a></h1>x<iframe loading=\"lazy\"\nsrc=\"m\"></iframe>y</main>";
        let paper = make(page, "T & t", "s").unwrap();
        assert!(
            paper.contains("<li><a href=\"#a\">A <code>b</code></a></li>"),
            "{paper}"
        );
        assert!(
            paper.contains("T &amp; t") && paper.ends_with("xy</main>"),
            "{paper}"
        );
        assert!(make("<p>", "t", "s").is_err());
    }
}
