//! README's tables of costs.

use std::fmt::Write;

use anyhow::{Context, Result};

use crate::figures::{Call, Figures};

/// The two lines of a page between which a table stands.
const MARKS: (&str, &str) = ("<!-- costs: ", "<!-- end -->");

/// `page` with each of its tables made from `figures`.
///
/// # Errors
/// A table has a name that is unknown, or no end.
pub fn fill(page: &str, figures: &Figures) -> Result<String> {
    let mut whole = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once(MARKS.0) {
        let (name, after) = after.split_once(" -->\n").context("a mark has no end")?;
        let (_, after) = after
            .split_once(MARKS.1)
            .with_context(|| format!("the table {name} has no end"))?;
        let text = table(name, figures).with_context(|| format!("no table {name}"))?;
        write!(whole, "{before}{}{name} -->\n{text}{}", MARKS.0, MARKS.1)?;
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

fn table(name: &str, figures: &Figures) -> Option<String> {
    match name {
        "doors of 64-bit programs" => Some(doors(figures, 64)),
        "doors of 32-bit programs" => Some(doors(figures, 32)),
        "dearest rows" => Some(dearest(figures)),
        _ => None,
    }
}

fn count(count: Option<f64>) -> String {
    count.map_or("-".into(), |count| format!("{count:.0}"))
}

fn ratio(ours: Option<f64>, linux: Option<f64>) -> String {
    match (ours, linux) {
        (Some(ours), Some(linux)) if linux > 0.0 => format!("{:.2}", ours / linux),
        _ => "-".into(),
    }
}

/// A table of the calls of one width.
fn doors(figures: &Figures, bits: u32) -> String {
    let mut text = String::from(
        "| call and its door | Trident | registers not cleared | Linux, lean | Linux, as shipped | ratio to lean |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for call in figures.doors.iter().filter(|call| call.bits == bits) {
        let Call {
            title,
            trident,
            trident_uncleared,
            linux,
            linux_default,
            ..
        } = call;
        text.push_str(&format!(
            "| {title} | {} | {} | {} | {} | {} |\n",
            count(*trident),
            count(*trident_uncleared),
            count(*linux),
            count(*linux_default),
            ratio(*trident, *linux),
        ));
    }
    text
}

/// The rows with the ten highest ratios, and the spread of all.
fn dearest(figures: &Figures) -> String {
    let rows = figures.by_ratio();
    let at = |part: usize| {
        rows.get(rows.len() * part / 100)
            .map_or(0.0, |row| row.ratio())
    };
    let mut text = format!(
        "{} rows, beside Linux {}: a tenth costs at most {:.2} of Linux's instructions, half at most {:.2}, nine tenths at most {:.2}. The dearest:\n\n\
         | operation / size | Trident | Linux, lean | ratio | ratio with ERMS |\n|---|--:|--:|--:|--:|\n",
        rows.len(),
        figures.linux_version,
        at(10),
        at(50),
        at(90),
    );
    for row in rows.iter().rev().take(10) {
        text.push_str(&format!(
            "| {} | {:.0} | {:.0} | {:.2} | {} |\n",
            row.title(),
            row.trident,
            row.linux,
            row.ratio(),
            ratio(row.trident_erms, row.linux_erms),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            linux_version: "6.1".into(),
            doors: Vec::new(),
            rows: Vec::new(),
        }
    }

    #[test]
    fn a_page_without_tables_stays() {
        let page = "a\n<!-- a comment -->\nb\n";
        assert_eq!(fill(page, &figures()).expect("it has none"), page);
    }

    #[test]
    fn a_table_replaces_what_stood_between_its_marks() {
        let page = "a\n<!-- costs: doors of 64-bit programs -->\nold\n<!-- end -->\nb\n";
        let filled = fill(page, &figures()).expect("the table is known");
        assert!(filled.starts_with("a\n<!-- costs: doors of 64-bit programs -->\n| call"));
        assert!(filled.ends_with("|\n<!-- end -->\nb\n") && !filled.contains("old"));
        assert_eq!(fill(&filled, &figures()).expect("again"), filled);
        assert!(fill("<!-- costs: other -->\n<!-- end -->", &figures()).is_err());
        assert!(fill("<!-- costs: dearest rows -->\n", &figures()).is_err());
    }
}
