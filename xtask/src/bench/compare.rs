//! `make bench-linux`: Trident and Linux side by side, both counted live, in the same QEMU.
//!
//! The doors' program and the program of rows (`tests/programs/costs/`) run unchanged on both
//! kernels. The report, `target/bench-linux.json`, has each count. `cargo xtask costs` makes
//! README's tables and the pictures of `docs/costs/` from it.
//!
//! A REP string instruction counts as one for each iteration under `-icount`. Linux uses REP STOSB
//! and MOVSB where the CPU says ERMS, 4,096 iterations for a page, REP STOSQ elsewhere, 512. So the
//! rows are counted with CPUs without ERMS, and a second time with it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::programs::{Compiler, compile_with};
use harness::{Initramfs, Verdict, Vm, paths};
use serde_json::{Value, json};

use super::rows::{ROWS, Run};
use super::{Figures, counted, door_paths, figures, linux, programs};
use crate::build::{self, write_if_changed};
use crate::setup::{self, needs};
use crate::toolchain::host_program;
use crate::ui::{self, Step};

/// Goal of each row: at most so many of Linux's instructions.
const MOST: f64 = 1.5;
/// Goal of the median row.
const MEDIAN: f64 = 0.35;
/// By so much an exponent of growth may exceed Linux's: what a constant part hides.
const EXPONENT: f64 = 0.1;
/// Trident's command line.
const TRIDENT: &str = "quiet norandmaps";
/// Limit of one machine.
const PATIENCE: Duration = Duration::from_secs(1200);

/// A kernel in one of its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    Trident,
    /// Trident with the entry stubs that clear no registers.
    TridentUncleared,
    /// Linux without mitigations, hardening and clock checks.
    LinuxLean,
    /// Linux as Debian ships it.
    LinuxDefault,
}

impl Kernel {
    const ALL: [Self; 4] = [
        Self::Trident,
        Self::TridentUncleared,
        Self::LinuxLean,
        Self::LinuxDefault,
    ];

    /// Name in the report.
    const fn name(self) -> &'static str {
        match self {
            Self::Trident => "trident",
            Self::TridentUncleared => "trident_uncleared",
            Self::LinuxLean => "linux",
            Self::LinuxDefault => "linux_default",
        }
    }

    /// Boots the machine and returns the figures that its init printed.
    fn run(self, vm: Vm) -> Result<Figures> {
        let outcome = match self {
            Self::Trident => counted(vm).append(TRIDENT).run()?,
            Self::TridentUncleared => {
                let words = format!("{TRIDENT} clear_registers=off");
                counted(vm).append(words).run()?
            }
            Self::LinuxLean => linux::boot(vm, linux::LEAN)?,
            Self::LinuxDefault => linux::boot(vm, linux::DEFAULT)?,
        };
        // On Linux init's end is a panic, and `panic=` makes a panic a reset.
        let ended = match self {
            Self::Trident | Self::TridentUncleared => Verdict::Pass,
            Self::LinuxLean | Self::LinuxDefault => Verdict::Reset,
        };
        ensure!(
            outcome.verdict == ended,
            "{} did not run the benchmark{}",
            self.name(),
            outcome.transcript()
        );
        figures(&outcome)
    }
}

/// Installs what is missing, builds, counts on both kernels, and writes the report.
///
/// # Errors
/// There is no Linux; a goal is missed.
pub fn command() -> Result<()> {
    setup::packages(needs::of("bench-linux"))?;
    build::everything(&setup::toolchain()?)?;
    let version = linux::version()?;
    let doors = doors()?;
    let paths = door_paths::record()?;
    let rows = rows()?;
    let programs = programs::measure()?;
    let report = json!({
        "unit": "guest instructions",
        "linux_version": version,
        "qemu": "-icount shift=0,sleep=off",
        "doors": doors,
        "paths": paths.iter().map(door_paths::Path::report).collect::<Vec<_>>(),
        "programs": programs.iter().map(programs::Work::report).collect::<Vec<_>>(),
        "rows": rows.iter().map(Comparison::report).collect::<Vec<_>>(),
    });
    let file = paths::target().join("bench-linux.json");
    let text = serde_json::to_string_pretty(&report)?;
    write_if_changed(&file, format!("{text}\n").as_bytes())?;
    println!("{}", door_paths::table(&paths));
    println!("{}", programs::table(&programs));
    println!("{}", table(&rows));
    ui::note(format!("Also in {}", file.display()));
    let mut missed = missed(&rows);
    missed.extend(programs.iter().filter_map(programs::Work::missed));
    ensure!(missed.is_empty(), "missed:\n  {}", missed.join("\n  "));
    Ok(())
}

/// `cargo xtask costs`: keeps the last report as `docs/costs/costs.json`, and makes README's tables
/// and the pictures from it (`xtask/costs`).
///
/// # Errors
/// There is no report; the program that makes them fails.
pub fn publish() -> Result<()> {
    let report = paths::target().join("bench-linux.json");
    let text = std::fs::read(&report).with_context(|| {
        format!(
            "cannot read {}: `make bench-linux` writes it",
            report.display()
        )
    })?;
    let directory = paths::root().join("docs/costs");
    std::fs::create_dir_all(&directory)?;
    write_if_changed(&directory.join("costs.json"), &text)?;
    ensure!(
        host_program("costs").status()?.success(),
        "the tables and pictures are not made"
    );
    ui::note(format!("Wrote {} and README's tables", directory.display()));
    Ok(())
}

/// The doors' rows, counted on each kernel.
fn doors() -> Result<Vec<Value>> {
    let mut found: BTreeMap<(Run, &str), Figures> = BTreeMap::new();
    for run in Run::ALL.into_iter().filter(|run| run.clears()) {
        let program = paths::program(run.width(), "bench");
        let files = Initramfs::new()
            .dir("/dev")
            .executable_from("/init", &program)?;
        for kernel in Kernel::ALL {
            let title = format!("Counting the doors, {}, {}", run.title(), kernel.name());
            let step = Step::begin_long(title);
            let cpu = format!("{},-erms", run.cpu());
            let vm = Vm::new().cpu(cpu).timeout(PATIENCE).initramfs(&files);
            found.insert((run, kernel.name()), kernel.run(vm)?);
            step.end();
        }
    }
    let rows = ROWS.iter().filter(|row| row.run.clears()).map(|row| {
        let mut value = json!({
            "name": row.name, "title": row.title, "cpu": row.run.cpu(), "bits": row.run.width(),
        });
        for kernel in Kernel::ALL {
            let figures = found.get(&(row.run, kernel.name()));
            value[kernel.name()] = figures
                .and_then(|figures| figures.get(row.name))
                .copied()
                .into();
        }
        value
    });
    Ok(rows.collect())
}

/// One operation at one size, on both kernels.
struct Comparison {
    name: String,
    /// `None`: the operation has no size.
    size: Option<u64>,
    trident: f64,
    linux: f64,
    /// On a CPU with ERMS.
    trident_erms: Option<f64>,
    linux_erms: Option<f64>,
    linux_default: Option<f64>,
}

impl Comparison {
    fn ratio(&self) -> f64 {
        self.trident / self.linux
    }

    fn title(&self) -> String {
        match self.size {
            Some(size) => format!("{}/{size}", self.name),
            None => self.name.clone(),
        }
    }

    fn report(&self) -> Value {
        json!({
            "name": self.name, "size": self.size, "trident": self.trident, "linux": self.linux,
            "trident_erms": self.trident_erms, "linux_erms": self.linux_erms,
            "linux_default": self.linux_default,
        })
    }
}

/// Counts Trident's rows, on a CPU with or without ERMS.
///
/// # Errors
/// The program is not compiled, or does not run to its end.
pub(super) fn rows_of_trident(has_erms: bool) -> Result<Figures> {
    rows_of(Kernel::Trident, has_erms)
}

fn rows_of(kernel: Kernel, has_erms: bool) -> Result<Figures> {
    let program = compile_with("costs/costs", Compiler::Glibc64, &["-O2"])?;
    let files = Initramfs::new()
        .dir("/dev")
        .executable_from("/init", &program)?;
    let cpu = if has_erms {
        "max,-rdrand,-rdseed"
    } else {
        "max,-rdrand,-rdseed,-erms"
    };
    let vm = Vm::new().cpu(cpu).memory("1G").timeout(PATIENCE);
    kernel.run(vm.initramfs(&files))
}

/// Counts all rows on both kernels.
fn rows() -> Result<Vec<Comparison>> {
    let count = |kernel: Kernel, has_erms: bool| {
        let title = if has_erms { ", ERMS" } else { "" };
        let step = Step::begin_long(format!("Counting the rows, {}{title}", kernel.name()));
        let figures = rows_of(kernel, has_erms);
        step.end();
        figures
    };
    let trident = count(Kernel::Trident, false)?;
    let linux = count(Kernel::LinuxLean, false)?;
    let trident_erms = count(Kernel::Trident, true)?;
    let linux_erms = count(Kernel::LinuxLean, true)?;
    let linux_default = count(Kernel::LinuxDefault, false)?;
    let rows = trident.iter().map(|(key, trident)| {
        let (name, size) = match key.split_once('/') {
            Some((name, size)) => (name, Some(size.parse()?)),
            None => (key.as_str(), None),
        };
        Ok(Comparison {
            name: name.to_owned(),
            size,
            trident: *trident,
            linux: *linux
                .get(key)
                .with_context(|| format!("Linux did not count {key}"))?,
            trident_erms: trident_erms.get(key).copied(),
            linux_erms: linux_erms.get(key).copied(),
            linux_default: linux_default.get(key).copied(),
        })
    });
    rows.collect()
}

/// The exponents with which a row grows with its size, here and on Linux; `None` for a row of one
/// size.
fn exponents(sizes: &[&Comparison]) -> Option<(f64, f64)> {
    let (first, last) = (sizes.first()?, sizes.last()?);
    let span = (last.size? as f64 / first.size? as f64).ln();
    (span > 0.0).then(|| {
        let exponent = |last: f64, first: f64| (last / first).ln() / span;
        (
            exponent(last.trident, first.trident),
            exponent(last.linux, first.linux),
        )
    })
}

/// The rows by name, each with its sizes in ascending order.
fn by_name(rows: &[Comparison]) -> BTreeMap<&str, Vec<&Comparison>> {
    let mut all: BTreeMap<&str, Vec<&Comparison>> = BTreeMap::new();
    for row in rows {
        all.entry(&row.name).or_default().push(row);
    }
    for sizes in all.values_mut() {
        sizes.sort_by_key(|row| row.size);
    }
    all
}

fn median(rows: &[Comparison]) -> f64 {
    let mut ratios: Vec<f64> = rows.iter().map(Comparison::ratio).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Messages for the goals that are missed.
fn missed(rows: &[Comparison]) -> Vec<String> {
    let mut missed: Vec<String> = rows
        .iter()
        .filter(|row| row.ratio() > MOST)
        .map(|row| format!("{}: {:.2} of Linux, goal {MOST}", row.title(), row.ratio()))
        .collect();
    for (name, sizes) in by_name(rows) {
        if let Some((ours, linux)) = exponents(&sizes)
            && ours > linux + EXPONENT
        {
            missed.push(format!(
                "{name}: grows with exponent {ours:.2}, Linux with {linux:.2}"
            ));
        }
    }
    let median = median(rows);
    if median.is_nan() || median > MEDIAN {
        missed.push(format!("the median is {median:.2} of Linux, goal {MEDIAN}"));
    }
    missed
}

fn table(rows: &[Comparison]) -> String {
    let mut text = format!(
        "{:30} {:>12} {:>12} {:>6} {:>6}   {}\n",
        "instructions", "Trident", "Linux", "ratio", "ERMS", "exponents of growth"
    );
    for (_, sizes) in by_name(rows) {
        for (i, row) in sizes.iter().enumerate() {
            let erms = match (row.trident_erms, row.linux_erms) {
                (Some(trident), Some(linux)) => format!("{:.2}", trident / linux),
                _ => "-".into(),
            };
            let growth = exponents(&sizes).filter(|_| i + 1 == sizes.len());
            let growth = growth.map_or_else(String::new, |(ours, linux)| {
                format!("   {ours:.2}, Linux {linux:.2}")
            });
            text.push_str(&format!(
                "{:30} {:>12.0} {:>12.0} {:>6.2} {erms:>6}{growth}\n",
                row.title(),
                row.trident,
                row.linux,
                row.ratio(),
            ));
        }
    }
    text.push_str(&format!(
        "{} rows, median {:.2}, {} above 1\n",
        rows.len(),
        median(rows),
        rows.iter().filter(|row| row.ratio() > 1.0).count()
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, size: Option<u64>, trident: f64, linux: f64) -> Comparison {
        Comparison {
            name: name.into(),
            size,
            trident,
            linux,
            trident_erms: None,
            linux_erms: None,
            linux_default: None,
        }
    }

    #[test]
    fn each_goal_is_kept_or_named() {
        let good = [
            row("a", None, 30.0, 100.0),
            row("b", Some(1), 30.0, 100.0),
            row("b", Some(1000), 3000.0, 10_000.0),
        ];
        assert!(missed(&good).is_empty());
        let dear = [row("a", None, 160.0, 100.0)];
        assert_eq!(missed(&dear).len(), 2, "its own goal and the median's");
        let growing = [
            row("b", Some(1), 10.0, 100.0),
            row("b", Some(100), 100.0, 300.0),
        ];
        assert_eq!(missed(&growing).len(), 1);
        assert_eq!(missed(&[]).len(), 1, "no rows, no median");
    }

    #[test]
    fn exponents_span_all_sizes() {
        let rows = [
            row("b", Some(100), 10_000.0, 100.0),
            row("b", Some(1), 1.0, 1.0),
        ];
        let all = by_name(&rows);
        let (ours, linux) = exponents(&all["b"]).expect("two sizes");
        assert!((ours - 2.0).abs() < 1e-9 && (linux - 1.0).abs() < 1e-9);
        assert!(exponents(&[&rows[0]]).is_none());
    }
}
