//! Tests of the page in a real browser. They are skipped where Chromium is not installed, and in CI.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use harness::chromium::{Chromium, axe};
use harness::paths;
use serde_json::json;

use crate::journeys::{ALL, Journey};
use crate::record::Kernels;
use crate::{page, page_data};

/// Journeys of the page under test: of one machine, with a long one.
const JOURNEYS: [&str; 5] = [
    "syscall64-getpid",
    "int80-64-getpid",
    "syscall64-write",
    "bad-pointer",
    "signal",
];
/// What the page says of the active column: number of steps, text, registers and source line.
const STATE: &str = "(() => ({
    position: document.querySelector('#position').textContent,
    row: document.querySelector('.steps.active .row.current .code').textContent,
    step: Number(document.querySelector('.steps.active .row.current').dataset.step),
    rsp: [...document.querySelectorAll('.registers div')].find((d) => d.textContent.startsWith('rsp')).textContent,
    line: document.querySelector('#source .line.here')?.textContent ?? '',
}))()";

/// Loads an address of the page anew.
fn load(browser: &mut Chromium, address: &str) -> Result<()> {
    browser.open(address, "!!document.querySelector('.row.current')")
}

/// Makes the page under test of a fresh record; returns its address.
fn make_page(kernels: &Kernels, name: &str) -> Result<String> {
    let wanted = ALL.iter().filter(|journey| JOURNEYS.contains(&journey.id));
    let wanted: Vec<Journey> = wanted.copied().collect();
    let page = page::make(&page_data(&wanted, kernels)?)?;
    let path = paths::scratch().join(name);
    std::fs::create_dir_all(paths::scratch())?;
    std::fs::write(&path, page)?;
    Ok(format!("file://{}", path.display()))
}

#[test]
fn the_page_works_in_a_browser() -> Result<()> {
    let Some(mut browser) = Chromium::for_test()? else {
        return Ok(());
    };
    let address = make_page(&Kernels::default(), "microscope.html")?;
    browser.look(1280, 900, false)?;
    load(&mut browser, &format!("{address}#syscall64-getpid/@save+3"))?;
    links_open_at_their_step(&mut browser)?;
    keys_move_everything(&mut browser)?;
    clicks_move_everything(&mut browser, &address)?;
    search_finds(&mut browser, &address)?;
    registers_lead_to_their_changes(&mut browser, &address)?;
    choices_change_the_columns(&mut browser, &address)?;
    questions_have_answers(&mut browser, &address)?;
    exceptions_in_the_kernel_stay_there(&mut browser, &address)?;
    nothing_overflows(&mut browser, &address)?;
    nothing_serious_for_access(&mut browser, &address)?;
    ensure!(
        browser.complaints.is_empty(),
        "the console: {:?}",
        browser.complaints
    );
    Ok(())
}

fn links_open_at_their_step(browser: &mut Chromium) -> Result<()> {
    let state = browser.evaluate(STATE)?;
    ensure!(state["row"] == "push 0x33", "{state}");
    let line = state["line"].as_str().unwrap_or_default();
    ensure!(line.contains("push!(\"{cs}\")"), "{state}");
    // The other column stands beside it.
    let other =
        browser.evaluate("document.querySelector('#steps-1 .row.current .code').textContent")?;
    ensure!(other == "push rdx", "{other}");
    Ok(())
}

fn keys_move_everything(browser: &mut Chromium) -> Result<()> {
    let before = browser.evaluate(STATE)?;
    browser.key("ArrowRight")?;
    let after = browser.evaluate(STATE)?;
    for part in ["position", "row", "rsp", "line"] {
        ensure!(
            before[part] != after[part],
            "{part} stays at {}",
            before[part]
        );
    }
    let step = |state: &serde_json::Value| state["step"].as_u64().unwrap_or_default();
    ensure!(step(&after) == step(&before) + 1, "{before} {after}");
    browser.key("End")?;
    let end = browser.evaluate(STATE)?;
    ensure!(
        end["row"]
            .as_str()
            .is_some_and(|text| text.contains("sysretq")),
        "{end}"
    );
    browser.key("Home")?;
    ensure!(
        step(&browser.evaluate(STATE)?) == 0,
        "Home is the first step"
    );
    browser.key("]")?;
    let phase = browser.evaluate(STATE)?;
    ensure!(
        phase["row"]
            .as_str()
            .is_some_and(|text| text.contains("syscall")),
        "{phase}"
    );
    browser.wait("location.hash.startsWith('#syscall64-getpid/@hardware-in')")?;
    browser.key("2")?;
    let active =
        browser.evaluate("document.querySelector('#steps-1').classList.contains('active')")?;
    ensure!(active == json!(true), "column B is active");
    browser.key("1")?;
    Ok(())
}

fn clicks_move_everything(browser: &mut Chromium, address: &str) -> Result<()> {
    load(browser, &format!("{address}#syscall64-getpid/0"))?;
    let before = browser.evaluate(STATE)?;
    browser.click("#steps-0 [data-step='6']")?;
    let after = browser.evaluate(STATE)?;
    ensure!(after["step"] == 6, "{after}");
    ensure!(
        before["rsp"] != after["rsp"] && before["line"] != after["line"],
        "{after}"
    );
    browser.click("#forward")?;
    ensure!(
        browser.evaluate(STATE)?["step"] == 7,
        "the button goes a step on"
    );
    browser.click("#strips [data-column='0'] [data-run='5']")?;
    let phase = browser.evaluate(STATE)?;
    let position = phase["position"].as_str().unwrap_or_default();
    ensure!(
        position.contains("handler"),
        "the bar goes to its phase: {phase}"
    );
    Ok(())
}

fn search_finds(browser: &mut Chromium, address: &str) -> Result<()> {
    load(browser, &format!("{address}#syscall64-getpid/0"))?;
    browser.key("/")?;
    for letter in ["s", "y", "s", "r", "e", "t"] {
        browser.key(letter)?;
    }
    browser.evaluate("document.querySelector('#search').requestSubmit()")?;
    let state = browser.evaluate(STATE)?;
    ensure!(
        state["row"]
            .as_str()
            .is_some_and(|text| text.contains("sysretq")),
        "{state}"
    );
    Ok(())
}

fn registers_lead_to_their_changes(browser: &mut Chromium, address: &str) -> Result<()> {
    load(browser, &format!("{address}#syscall64-getpid/@stack+2"))?;
    // The fourteenth entry is r12: rip is the first, and the pop of r12 its only change.
    browser.click(".registers div:nth-child(14) button")?;
    browser.key("n")?;
    let state = browser.evaluate(STATE)?;
    ensure!(
        state["row"]
            .as_str()
            .is_some_and(|text| text.starts_with("xor r12d")),
        "{state}"
    );
    browser.key("n")?;
    let state = browser.evaluate(STATE)?;
    ensure!(state["row"] == "pop r12", "{state}");
    browser.key("ArrowRight")?;
    browser.key("w")?;
    let state = browser.evaluate(STATE)?;
    ensure!(
        state["row"] == "pop r12",
        "w goes to the step that wrote it: {state}"
    );
    browser.evaluate("history.back()")?;
    browser.wait(&format!("{STATE}.row !== 'pop r12'"))?;
    Ok(())
}

fn choices_change_the_columns(browser: &mut Chromium, address: &str) -> Result<()> {
    load(browser, &format!("{address}#syscall64-getpid/@save+3"))?;
    browser.evaluate(
        "(() => { const s = document.querySelector('#journey-1'); s.value = 'signal';\
         s.dispatchEvent(new Event('change')); })()",
    )?;
    let heading = "document.querySelector('#steps-1 h2').textContent";
    let heading = browser.evaluate(heading)?;
    ensure!(
        heading.as_str().is_some_and(|text| text.contains("signal")),
        "{heading}"
    );
    // It opens at the same place, and follows no more once the columns are apart.
    let row = "document.querySelector('#steps-1 .row.current .code').textContent";
    ensure!(
        browser.evaluate(row)? == "push 0x33",
        "{}",
        browser.evaluate(row)?
    );
    browser.click("#lock")?;
    browser.evaluate("document.activeElement.blur()")?;
    browser.key("1")?;
    browser.key("End")?;
    ensure!(browser.evaluate(row)? == "push 0x33", "column B stays");
    Ok(())
}

fn questions_have_answers(browser: &mut Chromium, address: &str) -> Result<()> {
    load(browser, &format!("{address}#syscall64-getpid/7"))?;
    let state = browser.evaluate(STATE)?;
    ensure!(
        state["step"] == 6,
        "links count from 1, as the page: {state}"
    );
    browser.evaluate("document.querySelector('#questions').open = true")?;
    browser.click(".questions [data-shows^='#syscall64-getpid/@stack+2'] summary")?;
    browser.wait(&format!("{STATE}.row.startsWith('mov rsp')"))?;
    browser.click(".questions [open] a[data-column='1']")?;
    let state = browser.evaluate(STATE)?;
    let row = state["row"].as_str().unwrap_or_default();
    ensure!(
        row.contains("int 0x80"),
        "the answer leads to column B: {state}"
    );
    // A word of the card leads to its meaning.
    browser.evaluate("document.querySelector('#why a.word').click()")?;
    let is_open = browser.evaluate("document.querySelector('#glossary').open")?;
    ensure!(is_open == json!(true), "the list of words opens");
    Ok(())
}

fn exceptions_in_the_kernel_stay_there(browser: &mut Chromium, address: &str) -> Result<()> {
    load(browser, &format!("{address}#bad-pointer/@hardware-in.2"))?;
    let lane = "document.querySelector('#steps-0 .row.current').classList.contains('kernel')";
    ensure!(
        browser.evaluate(lane)? == json!(true),
        "a fault of the kernel's is in its lane"
    );
    let titles = "[...document.querySelectorAll('#strips [data-column=\"0\"] .phase-1')].map((f) => f.parentElement.title)";
    let titles = browser.evaluate(titles)?;
    let is_inside = |at: usize| {
        let title = titles[at].as_str().unwrap_or_default();
        title.contains("inside the kernel")
    };
    ensure!(!is_inside(0) && is_inside(1), "{titles}");
    Ok(())
}

/// At three widths, in both themes, nothing is wider than the window. Pictures are left for the eye.
fn nothing_overflows(browser: &mut Chromium, address: &str) -> Result<()> {
    let pictures = paths::target().join("microscope");
    std::fs::create_dir_all(&pictures)?;
    for (width, height) in [(360, 780), (820, 1180), (1280, 900)] {
        for is_dark in [false, true] {
            browser.look(width, height, is_dark)?;
            load(browser, &format!("{address}#syscall64-getpid/@stack+2"))?;
            let wide = browser.evaluate("document.documentElement.scrollWidth")?;
            ensure!(
                wide.as_u64() <= Some(width.into()),
                "{wide} pixels wide at {width}"
            );
            let theme = if is_dark { "dark" } else { "light" };
            browser.picture(&pictures.join(format!("{width}-{theme}.png")))?;
        }
    }
    Ok(())
}

fn nothing_serious_for_access(browser: &mut Chromium, address: &str) -> Result<()> {
    let axe = match axe() {
        Ok(axe) => axe,
        Err(why) => {
            println!("skipped: the rules of accessibility ({why:#})");
            return Ok(());
        }
    };
    for (width, is_dark) in [(360, true), (1280, false), (1280, true)] {
        browser.look(width, 900, is_dark)?;
        load(browser, &format!("{address}#syscall64-getpid/@stack+2"))?;
        let found = browser.serious_for_access(&axe)?;
        ensure!(found.is_empty(), "at {width}: {found:#?}");
    }
    Ok(())
}

/// The record is of the running image: an instruction that was altered in it is another one on the page.
#[test]
fn an_altered_stub_alters_the_page() -> Result<()> {
    // The end of `clear_others!`: xor r14d, r14d; xor r15d, r15d.
    const CLEARS: [u8; 6] = [0x45, 0x31, 0xf6, 0x45, 0x31, 0xff];
    // A NOP of the same length in place of the last.
    const ALTERED: [u8; 3] = [0x0f, 0x1f, 0x00];
    let mut image = std::fs::read(paths::boot_image())?;
    let places: Vec<usize> = (0..image.len() - CLEARS.len())
        .filter(|at| image[*at..].starts_with(&CLEARS))
        .collect();
    ensure!(!places.is_empty(), "no stub clears registers");
    for at in places {
        image[at + 3..at + 6].copy_from_slice(&ALTERED);
    }
    let directory = tempfile::tempdir()?;
    let altered = directory.path().join("trident.elf");
    std::fs::write(&altered, image)?;

    let wanted = ALL
        .iter()
        .filter(|journey| journey.id == "syscall64-getpid");
    let wanted: Vec<Journey> = wanted.copied().collect();
    let texts = |trident: PathBuf| -> Result<usize> {
        let kernels = Kernels {
            trident,
            linux: None,
        };
        Ok(page_data(&wanted, &kernels)?
            .matches("\"nop [rax]\"")
            .count())
    };
    ensure!(texts(paths::boot_image())? == 0, "the stub has no NOP");
    ensure!(
        texts(altered)? == 1,
        "the altered instruction is not on the page"
    );
    Ok(())
}
