//! A headless Chromium under a test's control, by its own protocol over a pipe: messages are JSON, each
//! ended by a zero byte (chromium --remote-debugging-pipe).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::{Leashed, leash};
use crate::paths;

/// Names of the program.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// The package of the rules of accessibility.
const AXE: &str = "axe-core@4.14.1";
/// Time limit of a condition.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser with one page.
pub struct Chromium {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    number: u64,
    session: String,
    /// What the page printed to its console, or threw.
    pub complaints: Vec<String>,
    _profile: TempDir,
    _child: Leashed,
}

impl Chromium {
    /// Starts the browser for a test; `None`, with the reason printed, in CI and where it is not
    /// installed.
    ///
    /// # Errors
    /// It does not start.
    pub fn for_test() -> Result<Option<Self>> {
        if std::env::var_os("CI").is_some() {
            println!("skipped: no browser's test in CI");
            return Ok(None);
        }
        let browser = Self::start().transpose()?;
        if browser.is_none() {
            println!("skipped: Chromium is not installed (Debian's package `chromium`)");
        }
        Ok(browser)
    }

    /// What the rules of accessibility find in the page and call serious or critical, one text each.
    ///
    /// # Errors
    /// The rules (`axe`'s text) can't be run.
    pub fn serious_for_access(&mut self, axe: &str) -> Result<Vec<String>> {
        self.evaluate(&format!("{axe}; 0"))?;
        let found = self.evaluate(
            "axe.run(document, { iframes: false }).then((result) => result.violations.filter((v) => ['serious', 'critical'].includes(v.impact))\
             .map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html).join(' | ')}`))",
        )?;
        Ok(serde_json::from_value(found)?)
    }

    /// Writes the page as a PDF document, with numbers on its pages and an outline of its headings.
    ///
    /// # Errors
    /// The browser can't print it, or the file can't be written.
    pub fn print(&mut self, path: &Path) -> Result<()> {
        let footer = "<div style=\"width: 100%; text-align: center; font: 8pt sans-serif\"><span class=\"pageNumber\"></span></div>";
        let options = json!({
            "printBackground": true, "preferCSSPageSize": false, "scale": 0.9,
            "paperWidth": 8.27, "paperHeight": 11.69,
            "marginTop": 0.6, "marginBottom": 0.7, "marginLeft": 0.8, "marginRight": 0.8,
            "displayHeaderFooter": true, "headerTemplate": "<span></span>", "footerTemplate": footer,
            "generateTaggedPDF": true, "generateDocumentOutline": true,
        });
        let answer = self.call("Page.printToPDF", options)?;
        let text = answer["data"].as_str().context("no document")?;
        std::fs::write(path, base64(text).context("no Base64")?)?;
        Ok(())
    }

    /// Starts the browser; `None` where it is not installed.
    pub fn start() -> Option<Result<Self>> {
        let name = NAMES
            .into_iter()
            .find(|name| paths::in_path(name).is_some())?;
        Some(Self::launch(name))
    }

    fn launch(name: &str) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        // The protocol's descriptors are 3 and 4: here the ends of standard input and output.
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#,
            name,
        ]);
        shell.args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ]);
        shell.args(["--remote-debugging-pipe", "--hide-scrollbars"]);
        shell.arg(format!("--user-data-dir={}", profile.path().display()));
        let mut command = leash(&shell)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Leashed::spawn(&mut command)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut browser = Self {
            input: input.context("no input")?,
            output: BufReader::new(output.context("no output")?),
            number: 0,
            session: String::new(),
            complaints: Vec::new(),
            _profile: profile,
            _child: child,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach)?;
        browser.session = attached["sessionId"]
            .as_str()
            .context("no session")?
            .to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({}))?;
        }
        Ok(browser)
    }

    /// Calls a method of the protocol.
    pub fn call(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        write!(self.input, "{message}\0")?;
        self.input.flush()?;
        loop {
            let mut bytes = Vec::new();
            self.output.read_until(0, &mut bytes)?;
            ensure!(bytes.pop() == Some(0), "the browser is gone");
            let answer: Value = serde_json::from_slice(&bytes)?;
            if answer["id"] == self.number {
                if let Some(error) = answer.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(answer["result"].clone());
            }
            self.notice(&answer);
        }
    }

    /// Keeps what the page complains of.
    fn notice(&mut self, event: &Value) {
        let parameters = &event["params"];
        let is_complaint = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                matches!(
                    parameters["type"].as_str(),
                    Some("error" | "warning" | "assert")
                )
            }
            Some("Log.entryAdded") => parameters["entry"]["level"] == "error",
            _ => false,
        };
        if is_complaint {
            self.complaints.push(parameters.to_string());
        }
    }

    /// Loads an address anew, and waits until it is complete and `ready` is true.
    pub fn open(&mut self, address: &str, ready: &str) -> Result<()> {
        // A change of the fragment alone would load nothing.
        self.call("Page.navigate", json!({ "url": "about:blank" }))?;
        self.call("Page.navigate", json!({ "url": address }))?;
        self.wait(&format!("document.readyState === 'complete' && ({ready})"))
    }

    /// The value of an expression in the page; promises are waited for.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let parameters = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let answer = self.call("Runtime.evaluate", parameters)?;
        if let Some(details) = answer.get("exceptionDetails") {
            bail!("{expression}: {details}");
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is true.
    pub fn wait(&mut self, expression: &str) -> Result<()> {
        let started = Instant::now();
        while self.evaluate(expression)? != json!(true) {
            ensure!(started.elapsed() < PATIENCE, "never true: {expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Presses a key.
    pub fn key(&mut self, key: &str) -> Result<()> {
        let is_letter = key.chars().count() == 1;
        let mut parameters = json!({ "type": "keyDown", "key": key, "code": key });
        if is_letter {
            parameters["text"] = json!(key);
        }
        // The browser itself goes on to the next element, by the key's number.
        if key == "Tab" {
            parameters["windowsVirtualKeyCode"] = json!(9);
        }
        self.call("Input.dispatchKeyEvent", parameters)?;
        let up = json!({ "type": "keyUp", "key": key, "code": key });
        self.call("Input.dispatchKeyEvent", up)?;
        Ok(())
    }

    /// Clicks in the middle of an element.
    pub fn click(&mut self, selector: &str) -> Result<()> {
        let place = self.evaluate(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{ block: 'center' }});\
             const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
        ))?;
        for kind in ["mousePressed", "mouseReleased"] {
            let parameters = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", parameters)?;
        }
        Ok(())
    }

    /// Sets the size of the window, and whether the page is dark.
    pub fn look(&mut self, width: u32, height: u32, is_dark: bool) -> Result<()> {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500,
        });
        self.call("Emulation.setDeviceMetricsOverride", size)?;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )?;
        Ok(())
    }

    /// Writes a picture of the window.
    pub fn picture(&mut self, path: &Path) -> Result<()> {
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png" }))?;
        let text = answer["data"].as_str().context("no picture")?;
        std::fs::write(path, base64(text).context("no Base64")?)?;
        Ok(())
    }
}

/// The text of axe-core, the rules of accessibility, fetched once by npm: they are checked in pages,
/// and no part of them.
///
/// # Errors
/// npm can't fetch it.
pub fn axe() -> Result<String> {
    let directory = paths::target().join("tools").join(AXE);
    let file = directory.join("package/axe.min.js");
    if !file.exists() {
        std::fs::create_dir_all(&directory)?;
        let mut npm = Command::new("npm");
        npm.args(["pack", "--silent", AXE]).current_dir(&directory);
        let output = npm.output().context("npm does not start")?;
        ensure!(output.status.success(), "npm can't fetch {AXE}");
        let archive = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let mut tar = Command::new("tar");
        tar.args(["-xzf", &archive]).current_dir(&directory);
        ensure!(tar.status()?.success(), "tar can't read {archive}");
    }
    Ok(std::fs::read_to_string(file)?)
}

/// Decodes Base64 (RFC 4648, section 4).
fn base64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [None; 256];
    for (value, digit) in (0u32..).zip(DIGITS) {
        values[usize::from(*digit)] = Some(value);
    }
    let digits = text.trim_end_matches('=').bytes();
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(text.len()), 0u32, 0);
    for digit in digits {
        bits = bits << 6 | values[usize::from(digit)]?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_is_decoded() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(
                super::base64(text).as_deref(),
                Some(bytes.as_bytes()),
                "{text}"
            );
        }
        assert_eq!(super::base64("Z m"), None);
    }
}
