//! Progress output: one line per step, a spinner on a terminal.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// Steps shorter than this leave no line: an up-to-date build stays silent.
const WORTH_A_LINE: Duration = Duration::from_millis(1500);

/// A step in progress.
pub struct Step {
    title: String,
    started: Instant,
    bar: ProgressBar,
    announced: bool,
}

impl Step {
    /// Begins a step. On a terminal a spinner shows it at once.
    pub fn begin(title: impl Into<String>) -> Self {
        let title = title.into();
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(title.clone());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            title,
            started: Instant::now(),
            bar,
            announced: false,
        }
    }

    /// Begins a step that is known to take long: it is named even where there is no terminal.
    pub fn begin_long(title: impl Into<String>) -> Self {
        let mut step = Self::begin(title);
        step.announce();
        step
    }

    /// Shows what the step is doing.
    pub fn detail(&mut self, message: &str) {
        self.bar.set_message(message.to_owned());
        if self.started.elapsed() > WORTH_A_LINE {
            self.announce();
        }
    }

    /// Ends the step; a long one leaves a line with its time.
    pub fn end(self) {
        self.bar.finish_and_clear();
        let elapsed = self.started.elapsed();
        if self.announced || elapsed > WORTH_A_LINE {
            eprintln!("  {}: done in {:.1} s", self.title, elapsed.as_secs_f64());
        }
    }

    /// Ends the step without a line.
    pub fn abandon(self) {
        self.bar.finish_and_clear();
    }

    fn announce(&mut self) {
        if !self.announced && !std::io::stderr().is_terminal() {
            eprintln!("  {} ...", self.title);
        }
        self.announced = true;
    }
}

/// Prints a remark between steps.
pub fn note(text: impl AsRef<str>) {
    eprintln!("  {}", text.as_ref());
}

/// Runs a command as a step. What it prints stays hidden unless it fails or warns.
pub fn run(title: &str, command: &mut Command) -> Result<()> {
    run_step(Step::begin(title), command)
}

/// Runs a command as a step that is known to take long.
pub fn run_long(title: &str, command: &mut Command) -> Result<()> {
    run_step(Step::begin_long(title), command)
}

fn run_step(mut step: Step, command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    // One pipe for both streams, so that lines stay in order and no pipe can fill up unread.
    let (reader, writer) = std::io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let spawned = command
        .spawn()
        .with_context(|| format!("cannot start {name}"));
    // The command holds the writing ends until they are replaced: without this the reader would
    // get no end of file.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = spawned?;
    let mut output = String::new();
    for line in BufReader::new(reader).lines() {
        let line = line.unwrap_or_default();
        step.detail(line.trim());
        output.push_str(&line);
        output.push('\n');
    }
    let status = child.wait()?;
    if !status.success() {
        let title = step.title.clone();
        step.abandon();
        eprint!("{output}");
        bail!("{title}: {name} failed ({status})");
    }
    step.end();
    if output.contains("warning") {
        eprint!("{output}");
    }
    Ok(())
}
