//! Tests of the pages in a real browser. They are skipped where Chromium is not installed, and in CI.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use harness::chromium::{Chromium, axe};
use harness::paths;
use serde_json::json;

use crate::tree::Tree;
use crate::{pdf, whole};

/// Nothing to wait for.
const AT_ONCE: &str = "true";
/// Elements that are wider than the window, though they don't scroll by themselves.
const TOO_WIDE: &str = "(() => {
    const inside = (element) => element.closest('pre, .table-wrapper, .picture, iframe, svg, nav, #mdbook-help-container');
    return [...document.querySelectorAll('body *')]
        .filter((element) => !inside(element) && element.getBoundingClientRect().right > innerWidth + 1)
        .map((element) => element.outerHTML.slice(0, 80));
})()";

/// The address of each page.
fn addresses(pages: &Path) -> Vec<String> {
    let names = Tree::new(pages).below("");
    let is_page = |name: &String| {
        name.ends_with(".html")
            && !["toc.html", "print.html", "microscope.html"].contains(&name.as_str())
    };
    let names = names.into_iter().filter(is_page);
    names
        .map(|name| format!("file://{}", pages.join(name).display()))
        .collect()
}

#[test]
fn the_pages_work_in_a_browser() -> Result<()> {
    let Some(mut browser) = Chromium::for_test()? else {
        return Ok(());
    };
    let pages = whole::pages()?;
    let addresses = addresses(&pages);
    ensure!(addresses.len() > 10, "only {} pages", addresses.len());
    for (width, is_dark) in [(360, false), (360, true), (1280, false), (1280, true)] {
        browser.look(width, 900, is_dark)?;
        for address in &addresses {
            browser.open(address, AT_ONCE)?;
            let wide = browser.evaluate("document.documentElement.scrollWidth")?;
            ensure!(
                wide.as_u64() <= Some(width.into()),
                "{address}: {wide} pixels wide at {width}"
            );
            let elements = browser.evaluate(TOO_WIDE)?;
            ensure!(elements == json!([]), "{address} at {width}: {elements:#}");
        }
    }
    search_finds(&mut browser, &pages)?;
    keys_turn_pages(&mut browser, &pages)?;
    frames_open_at_their_step(&mut browser, &pages)?;
    ensure!(
        browser.complaints.is_empty(),
        "the console: {:#?}",
        browser.complaints
    );
    Ok(())
}

fn search_finds(browser: &mut Chromium, pages: &Path) -> Result<()> {
    browser.look(1280, 900, false)?;
    let first = format!("file://{}", pages.join("introduction.html").display());
    browser.open(&first, "window.search !== undefined || true")?;
    browser.key("/")?;
    browser.wait("document.activeElement.id === 'mdbook-searchbar'")?;
    for letter in "swapgs".chars() {
        browser.key(&letter.to_string())?;
    }
    browser.wait("document.querySelectorAll('#mdbook-searchresults li').length > 2")?;
    let text = browser.evaluate("document.querySelector('#mdbook-searchresults').textContent")?;
    let text = text.as_str().unwrap_or_default().to_lowercase();
    ensure!(text.contains("swapgs"), "{text}");
    // The first result leads to a page with the word.
    browser.evaluate("document.querySelector('#mdbook-searchresults a').click()")?;
    browser
        .wait("document.readyState === 'complete' && !location.href.includes('introduction')")?;
    browser.wait("document.querySelector('main')?.textContent.toLowerCase().includes('swapgs')")?;
    Ok(())
}

fn keys_turn_pages(browser: &mut Chromium, pages: &Path) -> Result<()> {
    let first = format!("file://{}", pages.join("introduction.html").display());
    browser.open(&first, AT_ONCE)?;
    browser.key("ArrowRight")?;
    browser
        .wait("!location.href.includes('introduction') && document.readyState === 'complete'")?;
    browser.key("ArrowLeft")?;
    browser.wait("location.href.includes('introduction') && document.readyState === 'complete'")?;
    // Each stop of the Tab key can be seen.
    let chapter = Tree::new(pages)
        .below("question")
        .into_iter()
        .find(|name| name.ends_with(".html"));
    let chapter = pages.join(chapter.context("no chapter")?);
    browser.open(&format!("file://{}", chapter.display()), AT_ONCE)?;
    let mut stops = 0;
    for _ in 0..40 {
        browser.key("Tab")?;
        let seen = browser.evaluate(
            "(() => { const e = document.activeElement; if (e === document.body) return null;
             const s = getComputedStyle(e); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1; })()",
        )?;
        let what = browser.evaluate("document.activeElement.outerHTML.slice(0, 100)")?;
        ensure!(seen != json!(false), "no outline: {what}");
        stops += u32::from(seen == json!(true));
    }
    ensure!(stops > 20, "only {stops} stops");
    Ok(())
}

fn frames_open_at_their_step(browser: &mut Chromium, pages: &Path) -> Result<()> {
    let site = Tree::new(pages);
    let with_frame = site.below("").into_iter().find(|name| {
        name.ends_with(".html")
            && site
                .read(name)
                .is_ok_and(|text| text.contains("<iframe loading="))
    });
    let page = pages.join(with_frame.context("no chapter has the microscope")?);
    browser.open(&format!("file://{}", page.display()), AT_ONCE)?;
    let address = browser.evaluate("document.querySelector('main iframe').src")?;
    let address = address.as_str().context("no address")?.to_owned();
    browser.evaluate("document.querySelector('main iframe').scrollIntoView()")?;
    if site.read("microscope.html")?.contains("Not recorded") {
        return Ok(());
    }
    browser.open(&address, "!!document.querySelector('.row.current')")?;
    let (_, step) = address.split_once('#').context("no step")?;
    let shown =
        browser.evaluate("document.querySelector('.steps.active .row.current').dataset.step")?;
    ensure!(!shown.is_null(), "{step} is not shown");
    Ok(())
}

#[test]
fn nothing_serious_for_access() -> Result<()> {
    let Some(mut browser) = Chromium::for_test()? else {
        return Ok(());
    };
    let axe = match axe() {
        Ok(axe) => axe,
        Err(why) => {
            println!("skipped: the rules of accessibility ({why:#})");
            return Ok(());
        }
    };
    let pages = whole::pages()?;
    // Most of what is wrong with one page is wrong with all.
    let mut found = BTreeMap::new();
    for is_dark in [false, true] {
        browser.look(if is_dark { 360 } else { 1280 }, 900, is_dark)?;
        for address in addresses(&pages) {
            browser.open(&address, AT_ONCE)?;
            for problem in browser.serious_for_access(&axe)? {
                found.entry(problem).or_insert_with(|| address.clone());
            }
        }
    }
    ensure!(found.is_empty(), "{found:#?}");
    Ok(())
}

/// The document has pages, text and the chapters' figures.
#[test]
fn the_document_has_its_pictures() -> Result<()> {
    if Chromium::for_test()?.is_none() {
        return Ok(());
    }
    let pages = whole::pages()?;
    let file = paths::scratch().join("book.pdf");
    ensure!(pdf::make(&pages, &file)?, "no browser");
    let bytes = std::fs::read(&file)?;
    let count = |words: &[u8]| {
        bytes
            .windows(words.len())
            .filter(|window| *window == words)
            .count()
    };
    ensure!(
        bytes.starts_with(b"%PDF-") && count(b"%%EOF") > 0,
        "no PDF document"
    );
    let sheets = count(b"/Type /Page\n");
    ensure!(sheets > 30, "only {sheets} pages");
    let print = Tree::new(&pages).read(crate::html::PRINT)?;
    let pictures =
        print.matches("class=\"drawn\"").count() + print.matches("class=\"still\"").count();
    let found = count(b"/S /Figure");
    ensure!(
        pictures > 0 && found >= pictures,
        "{found} pictures of {pictures}"
    );
    Ok(())
}
