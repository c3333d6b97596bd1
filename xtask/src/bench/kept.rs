//! The rows of `tests/programs/costs/` in `make bench`: none may be dearer than it was when
//! `make bench-linux` and `cargo xtask costs` last published them.
//!
//! `docs/costs/costs.json` has their figures, so a change that makes a row dearer has to publish
//! its own, where a reader of the change sees them.

use std::fs;

use anyhow::{Context, Result};
use harness::paths;
use serde_json::Value;

use super::Figures;
use super::compare::rows_of_trident;
use super::workloads::WORSE;
use crate::ui::Step;

/// Rows whose cost depends on the order of a tree of addresses or of hashes, another one in each build
/// or run, and the factor by which they may differ.
const LOOSE: (&[&str], f64) = (
    &["epoll_add_delete/", "epoll_modify/", "symlink_unlink_in/"],
    1.4,
);

/// How much dearer a row may become.
fn allowed(name: &str) -> f64 {
    let is_loose = LOOSE.0.iter().any(|row| name.starts_with(row));
    if is_loose { LOOSE.1 } else { WORSE }
}

/// Counts the rows; returns messages for those dearer than published, with both figures.
///
/// # Errors
/// There are no published figures; the machine doesn't count.
pub fn missed() -> Result<Vec<String>> {
    let published = published()?;
    let step = Step::begin_long(format!("Counting {} rows", published.len()));
    let counted = rows_of_trident(false);
    step.end();
    Ok(dearer(&published, &counted?))
}

/// Trident's figures of `docs/costs/costs.json`, named as the program prints them.
fn published() -> Result<Figures> {
    let path = paths::root().join("docs/costs/costs.json");
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let report: Value = serde_json::from_slice(&text)?;
    let rows = report["rows"].as_array().context("no rows")?;
    let figure = |row: &Value| {
        let name = row["name"].as_str()?;
        let key = match row["size"].as_u64() {
            Some(size) => format!("{name}/{size}"),
            None => name.to_owned(),
        };
        Some((key, row["trident"].as_f64()?))
    };
    rows.iter()
        .map(|row| figure(row).with_context(|| format!("not a row: {row}")))
        .collect()
}

/// Messages for the rows that became dearer, are gone, or are new.
fn dearer(published: &Figures, counted: &Figures) -> Vec<String> {
    let worse = published
        .iter()
        .filter_map(|(name, before)| match counted.get(name) {
            Some(now) if *now <= allowed(name) * before => None,
            Some(now) => Some(format!(
                "{name}: {now:.0} instructions, published {before:.0} (`make bench-linux` and \
                 `cargo xtask costs` publish others)"
            )),
            None => Some(format!("{name}: no figure, published {before:.0}")),
        });
    let new = counted
        .iter()
        .filter(|(name, _)| !published.contains_key(*name));
    worse
        .chain(new.map(|(name, now)| format!("{name}: {now:.0} instructions, none published")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Figures, dearer, published};

    #[test]
    fn a_row_that_got_dearer_is_named_with_both_figures() {
        let figures = |count: f64| Figures::from([("pipe/1".to_owned(), count)]);
        let before = figures(1000.0);
        assert!(dearer(&before, &figures(1020.0)).is_empty());
        assert!(dearer(&before, &figures(500.0)).is_empty());
        let named = dearer(&before, &figures(1021.0));
        assert!(
            named[0].contains("pipe/1: 1021") && named[0].contains("1000"),
            "{named:?}"
        );
        let loose = |count: f64| Figures::from([("epoll_modify/100".to_owned(), count)]);
        assert!(dearer(&loose(1000.0), &loose(1390.0)).is_empty());
        assert_eq!(dearer(&loose(1000.0), &loose(1410.0)).len(), 1);
        assert_eq!(dearer(&before, &Figures::new()).len(), 1, "no figure");
        assert_eq!(dearer(&Figures::new(), &before).len(), 1, "none published");
    }

    #[test]
    fn every_published_row_is_read() {
        assert!(published().expect("docs/costs/costs.json").len() > 300);
    }
}
