//! The book on paper: the page with all chapters, printed by a browser.

use std::path::Path;

use anyhow::{Context, Result};
use harness::chromium::Chromium;
use serde_json::json;

use crate::html::PRINT;

/// Opens all answers, and turns off the page's own call for a printer.
const PREPARED: &str = "(() => { document.querySelectorAll('details').forEach((part) => { part.open = true; }); return true; })()";

/// Prints the pages in `output` to a file; `false` where no browser is installed.
///
/// # Errors
/// The browser can't print.
pub fn make(output: &Path, file: &Path) -> Result<bool> {
    let Some(browser) = Chromium::start() else {
        return Ok(false);
    };
    let mut browser = browser.context("Chromium does not start")?;
    let script = json!({ "source": "window.print = () => {};" });
    browser.call("Page.addScriptToEvaluateOnNewDocument", script)?;
    browser.look(1000, 1200, false)?;
    let page = output.join(PRINT);
    browser.open(&format!("file://{}", page.display()), PREPARED)?;
    browser.print(file)?;
    Ok(true)
}
