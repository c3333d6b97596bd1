//! `cargo xtask pictures`: README's pictures of the tour on a terminal and of the microscope's page.
//!
//! The tour's picture is drawn from what the running kernel prints; the case `tour::picture` says
//! when it is stale. The page's is a screenshot by Chromium, where that is installed.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{Verdict, Vm, paths};

use crate::build::{self, image, write_if_changed};
use crate::setup;
use crate::ui;

/// Where the picture of the tour begins: before are addresses of this build.
const FROM: &str = "2. The same write()";
/// Columns of the terminal.
const COLUMNS: usize = 80;
/// A letter's width and height.
const WIDTH: f64 = 7.8;
const HEIGHT: f64 = 17.0;
const MARGIN: f64 = 14.0;

/// Names of Chromium.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// The journeys that the page shows, and the step.
const SHOWN: &str = "#syscall64-getpid/@save,int80-64-getpid/@save";

/// Builds, runs the tour, and writes both pictures.
pub fn command() -> Result<()> {
    build::everything(&setup::toolchain()?)?;
    let vm = Vm::new().initrd(fs::read(image::tour())?);
    let outcome = vm.append("quiet norandmaps TOUR=first,colours").run()?;
    outcome.expect(Verdict::Pass)?;
    let shown = outcome.serial.replace('\r', "");
    let at = shown.find(FROM).context("the tour has no such section")?;
    let line = shown[..at].rfind('\n').map_or(0, |end| end + 1);
    let directory = paths::root().join("docs/pictures");
    let tour = format!("$ make run\n...\n{}", &shown[line..]);
    write_if_changed(
        &directory.join("tour.svg"),
        draw(tour.trim_end()).as_bytes(),
    )?;
    ui::note("Wrote docs/pictures/tour.svg");
    let browser = BROWSERS.iter().find(|name| paths::in_path(name).is_some());
    match browser {
        Some(browser) => screenshot(browser, &directory.join("microscope.png")),
        None => {
            ui::note("docs/pictures/microscope.png stays: there is no Chromium here");
            Ok(())
        }
    }
}

/// The microscope's page, in its light colours.
fn screenshot(browser: &str, picture: &std::path::Path) -> Result<()> {
    let page = paths::target().join("microscope.html");
    ensure!(
        page.exists(),
        "{} is not there: `make microscope` makes it",
        page.display()
    );
    let mut chromium = Command::new("timeout");
    chromium.args(["120", browser, "--headless=new", "--no-sandbox"]);
    chromium.args(["--disable-gpu", "--hide-scrollbars"]);
    chromium.arg("--window-size=1240,900");
    // The page draws itself by scripts.
    chromium.arg("--virtual-time-budget=5000");
    chromium.arg(format!("--screenshot={}", picture.display()));
    chromium.arg(format!("file://{}{SHOWN}", page.display()));
    ui::run("Taking the picture of the microscope", &mut chromium)?;
    ensure!(picture.exists(), "{browser} wrote no picture");
    Ok(())
}

/// A terminal's text, with its colours, as an SVG.
fn draw(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let (width, height) = (
        COLUMNS as f64 * WIDTH + 2.0 * MARGIN,
        lines.len() as f64 * HEIGHT + 2.0 * MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         role=\"img\" aria-label=\"The tour on a terminal\">\n\
         <style>text{{font:13px ui-monospace,Consolas,Menlo,monospace;fill:#e6e6e6;white-space:pre}}\
         .c1{{font-weight:bold}}.c31{{fill:#ff8a80}}.c32{{fill:#9ccc65}}.c33{{fill:#ffd54f}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1d2127\"/>\n"
    );
    for (number, line) in lines.iter().enumerate() {
        let y = MARGIN + (number as f64 + 0.75) * HEIGHT;
        let mut column = 0;
        for run in runs(line) {
            let x = MARGIN + column as f64 * WIDTH;
            let letters = run.text.chars().count();
            column += letters;
            let class = run
                .style
                .map_or(String::new(), |style| format!(" class=\"c{style}\""));
            if let Some(eighths) = bar(run.text) {
                let (top, length) = (y - HEIGHT * 0.6, eighths * WIDTH / 8.0);
                let height = HEIGHT * 0.7;
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"{height:.1}\"{class}/>"
                );
            } else if !run.text.trim().is_empty() {
                // Columns stay where they are, whatever font the reader has.
                let length = letters as f64 * WIDTH;
                let text = escape(run.text);
                let _ = writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" xml:space=\"preserve\"{class}>{text}</text>"
                );
            }
        }
    }
    svg + "</svg>\n"
}

/// A part of a line in one style.
struct Run<'a> {
    /// ECMA-48's SGR.
    style: Option<u32>,
    text: &'a str,
}

/// Parts a line at its escape sequences, `ESC [ n m`.
fn runs(line: &str) -> Vec<Run<'_>> {
    let mut parts = line.split("\x1b[");
    let first = parts.next().unwrap_or_default();
    let first = Run {
        style: None,
        text: first,
    };
    let styled = parts.filter_map(|part| {
        let (style, text) = part.split_once('m')?;
        let style = style.parse().ok().filter(|style| *style != 0);
        Some(Run { style, text })
    });
    [first].into_iter().chain(styled).collect()
}

/// The length of a bar of block elements (U+2588 to U+258F), in eighths of a letter.
fn bar(text: &str) -> Option<f64> {
    let eighths = text.chars().map(|block| match block {
        '\u{2588}'..='\u{258f}' => Some(0x2590 - block as u32),
        _ => None,
    });
    let sum: Option<u32> = eighths.sum();
    sum.filter(|sum| *sum > 0).map(f64::from)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_and_bars_are_drawn() {
        let svg = draw("a <b>\n\x1b[1mtitle\x1b[0m rest \x1b[32m\u{2588}\u{258c}\x1b[0m");
        for part in [
            ">a &lt;b&gt;</text>",
            "class=\"c1\">title</text>",
            "> rest </text>",
            // A letter and a half.
            "width=\"11.7\"",
            "class=\"c32\"/>",
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }
}
