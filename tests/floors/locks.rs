//! docs/LOCKS.md names the file of each lock: it has the type `Mutex<T, rank::NAME>`.
//!
//! A kernel test (`kernel/src/sync/held.rs`) compares the page's names and their order with `sync/rank.rs`.

use std::fs;

use anyhow::{Context, Result, ensure};
use harness::paths;
use regex_lite::Regex;

/// The rows of the page's table: a rank, and the last column.
fn rows(page: &str) -> Result<Vec<(&str, &str)>> {
    let (_, table) = page.split_once("| Rank |").context("a table")?;
    let rows = table.lines().skip(2);
    rows.take_while(|line| line.starts_with("| "))
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            cells.next().zip(cells.nth(1)).context(line.to_owned())
        })
        .collect()
}

#[test]
fn locks_are_where_the_page_says() -> Result<()> {
    let page = fs::read_to_string(paths::root().join("docs/LOCKS.md"))?;
    let rows = rows(&page)?;
    ensure!(rows.len() > 50, "only {} rows", rows.len());
    let kernel = paths::root().join("kernel/src");
    let mut wrong = Vec::new();
    for (name, files) in rows {
        let lock = Regex::new(&format!(r"\bMutex(<|::<)[^=]{{0,120}}\brank::{name}\b"))?;
        let files: Vec<_> = files.split('`').skip(1).step_by(2).collect();
        ensure!(!files.is_empty(), "no file of {name}");
        for file in files {
            let text = fs::read_to_string(kernel.join(file)).unwrap_or_default();
            if !lock.is_match(&text) {
                wrong.push(format!("{name}: no Mutex<_, rank::{name}> in {file}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "docs/LOCKS.md:\n{}", wrong.join("\n"));
    Ok(())
}
