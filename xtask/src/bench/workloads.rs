//! Costs of processes, memory and files compared with Linux, and their growth.
//!
//! `workloads` runs as init on both kernels, in the same QEMU. A row may become 2 % dearer than it
//! was in the last release. Each series has a limit of growth: the ratio of the cost with the most
//! objects to the cost with the fewest.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{Initramfs, Verdict, Vm, paths};
use serde_json::{Value, json};

use super::{Figures, counted, figures, linux};
use crate::ui::Step;

/// How much dearer a row may become.
pub(super) const WORSE: f64 = 1.02;
/// The limit of growth of a series: its cost's factor for a thousand times as many objects.
const GROWTH: f64 = 2.0;

/// One row: the program's name for it, what it is, Linux's instructions as they were recorded, and
/// Trident's in the last release.
struct Row(&'static str, &'static str, f64, f64);

/// The rows. Recorded with Debian's 6.1.176 under QEMU 7.2.
const ROWS: &[Row] = &[
    Row("fork_exit", "fork, exit, wait", 151_210.0, 27_002.0),
    Row(
        "fork_exit_1000_pages",
        "the same with 1,000 pages",
        559_503.0,
        76_147.0,
    ),
    Row("vfork_exit", "vfork, exit, wait", 66_105.0, 12_575.0),
    Row(
        "fork_exec",
        "fork, exec of a static program, wait",
        363_691.0,
        76_162.0,
    ),
    Row("vfork_exec", "vfork, exec, wait", 259_015.0, 62_359.0),
    Row(
        "thread_join",
        "thread made and joined (clone, futex)",
        55_415.0,
        5_842.0,
    ),
    Row(
        "yield_switch",
        "switch to another process (sched_yield)",
        1_998.0,
        519.0,
    ),
    Row(
        "pipe_ping_pong",
        "a byte to another process and one back",
        10_079.0,
        2_820.0,
    ),
    Row(
        "signal",
        "signal to oneself, handler, return",
        4_020.0,
        1_177.0,
    ),
    Row("mmap_munmap", "mmap, munmap", 10_489.0, 4_098.0),
    Row(
        "mmap_touch_munmap",
        "mmap, touch, munmap",
        20_150.0,
        5_157.0,
    ),
    Row("fault_anonymous", "page fault: anonymous", 6_695.0, 1_068.0),
    Row(
        "fault_file_read",
        "page fault: file, read (per page)",
        617.0,
        133.0,
    ),
    Row(
        "fault_file_write",
        "page fault: private file, written",
        3_576.0,
        1_246.0,
    ),
    Row(
        "fault_copy_on_write",
        "page fault: copy on write",
        7_307.0,
        1_121.0,
    ),
    Row(
        "open_read_close",
        "open, read of 100 bytes, close",
        6_355.0,
        2_633.0,
    ),
    Row("stat", "stat", 2_731.0, 1_050.0),
    Row(
        "getdents_1000",
        "list of a directory of 1,000 files",
        318_681.0,
        144_023.0,
    ),
];

impl Row {
    /// Most instructions.
    fn most(&self) -> f64 {
        WORSE * self.3
    }
}

/// A series: the program's name for it, what it is, how many of what there are.
struct Series(&'static str, &'static str, &'static [u32]);

const SERIES: &[Series] = &[
    Series(
        "grow_fork_exit",
        "fork, exit, wait with n processes",
        &[1, 10, 100, 1000],
    ),
    Series(
        "grow_mmap_munmap",
        "mmap, munmap with n mappings",
        &[10, 100, 1000, 10_000],
    ),
    Series(
        "grow_fault",
        "page fault with n mappings",
        &[10, 100, 1000, 10_000],
    ),
    Series(
        "grow_lookup",
        "stat in a directory of n",
        &[10, 100, 1000, 10_000, 100_000],
    ),
    // With few entries open dominates the cost.
    Series(
        "grow_getdents",
        "list of a directory of n, per entry",
        &[1000, 10_000, 100_000],
    ),
];

/// How long others and signals wait for a call over 64 MiB: the program's name for it, what it is,
/// the most nanoseconds that it may be.
struct Latency(&'static str, &'static str, f64);

const LATENCIES: &[Latency] = &[
    Latency("late_read", "a sleep of 1 ms too long: read", 1e6),
    Latency("late_write", "the same: write", 1e6),
    Latency("late_populate", "the same: MAP_POPULATE", 1e6),
    Latency("late_mremap", "the same: mremap", 1e6),
    Latency("late_fork", "the same: fork, exit", 1e6),
    Latency("late_munmap", "the same: munmap", 1e6),
    Latency(
        "late_last_close",
        "the same: last close of a file of 192 MiB",
        1e6,
    ),
    Latency(
        "late_last_unmap",
        "the same: last munmap of as much shared memory",
        1e6,
    ),
    Latency(
        "late_exit_with_file",
        "the same: end of a process with such a file",
        1e6,
    ),
    Latency(
        "late_exit_with_tables",
        "the same: the same with 4,000 page tables",
        1e6,
    ),
    Latency(
        "late_exit_with_descriptors",
        "the same: the same with 100,000 descriptors",
        1e6,
    ),
    Latency("late_close_range", "the same: close_range of them", 1e6),
    Latency("late_mprotect", "the same: mprotect of 1 GiB", 1e6),
    Latency("late_msync", "the same: msync of 30,000 areas", 1e6),
    Latency("late_poll", "the same: poll of 500,000 descriptors", 1e6),
    Latency(
        "late_terminal",
        "the same: write of 64 KiB to the terminal",
        1e6,
    ),
    Latency(
        "timer_in_urandom",
        "a timer of 5 ms: read of /dev/urandom",
        6e6,
    ),
    Latency("kill_in_getrandom", "SIGKILL: getrandom of 2 GiB", 1e7),
];

/// What was found.
pub struct Measured {
    ours: Figures,
    linux: Option<Figures>,
}

/// Runs the program on both kernels.
pub fn measure() -> Result<Measured> {
    let program = paths::program(64, "workloads");
    let vm = Vm::new()
        .cpu("max,-rdrand,-rdseed")
        .memory("1G")
        .timeout(Duration::from_secs(600))
        .initramfs(&Initramfs::new().executable_from("/init", &program)?);
    let step = Step::begin_long("Counting instructions, processes, memory, files");
    let outcome = counted(vm.clone()).append("quiet norandmaps").run()?;
    step.end();
    outcome.expect(Verdict::Pass)?;
    ensure!(outcome.serial.contains("bench: end"), "it ended early");
    Ok(Measured {
        ours: figures(&outcome)?,
        linux: linux::measure(vm)?,
    })
}

impl Measured {
    /// (Trident's, Linux's) instructions of a row.
    fn row(&self, row: &Row) -> (Option<f64>, f64) {
        let linux = self.linux.as_ref().and_then(|figures| figures.get(row.0));
        (self.ours.get(row.0).copied(), *linux.unwrap_or(&row.2))
    }

    /// (Trident's, Linux's) instructions at one point of a series.
    fn point(&self, series: &Series, count: u32) -> (Option<f64>, Option<f64>) {
        let name = format!("{}_{count}", series.0);
        let linux = self.linux.as_ref().and_then(|figures| figures.get(&name));
        (self.ours.get(&name).copied(), linux.copied())
    }

    /// How much dearer a series' last point is than its first.
    fn growth(&self, series: &Series) -> Option<f64> {
        let cost = |count: Option<&u32>| self.point(series, *count?).0;
        Some(cost(series.2.last())? / cost(series.2.first())?)
    }

    /// Messages for the figures that miss their goals.
    pub fn missed(&self) -> Vec<String> {
        let rows = ROWS.iter().filter_map(|row| match self.row(row) {
            (None, _) => Some(format!("{}: no figure", row.1)),
            (Some(ours), _) => {
                let most = row.most();
                (ours > most).then(|| format!("{}: {ours:.0}, at most {most:.0}", row.1))
            }
        });
        let series = SERIES.iter().filter_map(|series| {
            let growth = self.growth(series).unwrap_or(f64::INFINITY);
            (growth > GROWTH)
                .then(|| format!("{}: grows {growth:.2} times, goal {GROWTH}", series.1))
        });
        let latencies = LATENCIES.iter().filter_map(|row| {
            let late = self.ours.get(row.0).copied().unwrap_or(f64::INFINITY);
            (late > row.2).then(|| format!("{}: {late:.0} ns, at most {:.0}", row.1, row.2))
        });
        rows.chain(series).chain(latencies).collect()
    }

    /// Linux's nanoseconds of a latency.
    fn linux_latency(&self, row: &Latency) -> Option<f64> {
        self.linux.as_ref()?.get(row.0).copied()
    }

    /// For the JSON file.
    pub fn report(&self) -> Value {
        let rows: Vec<Value> = ROWS
            .iter()
            .map(|row| {
                let (ours, linux) = self.row(row);
                json!({ "name": row.0, "title": row.1, "trident": ours, "linux": linux,
                        "ratio": ours.map(|ours| ours / linux), "most": row.most() })
            })
            .collect();
        let series: Vec<Value> = SERIES
            .iter()
            .map(|series| {
                let points: Vec<Value> = series
                    .2
                    .iter()
                    .map(|count| {
                        let (ours, linux) = self.point(series, *count);
                        json!({ "n": count, "trident": ours, "linux": linux })
                    })
                    .collect();
                json!({ "name": series.0, "title": series.1, "points": points,
                        "growth": self.growth(series), "goal": GROWTH })
            })
            .collect();
        let latencies: Vec<Value> = LATENCIES
            .iter()
            .map(|row| {
                json!({ "name": row.0, "title": row.1, "trident": self.ours.get(row.0),
                        "linux": self.linux_latency(row), "goal": row.2 })
            })
            .collect();
        json!({ "rows": rows, "series": series, "latencies": latencies,
                "linux_is_live": self.linux.is_some() })
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let linux = match self.linux {
            Some(_) => "Linux",
            None => "recorded",
        };
        let line = |f: &mut fmt::Formatter<'_>, title: &str, ours: Option<f64>, linux| {
            let number = |value: Option<f64>| value.map_or("-".into(), |n| format!("{n:.0}"));
            let ratio = match (ours, linux) {
                (Some(ours), Some(linux)) => format!("{:.2}", ours / linux),
                _ => "-".into(),
            };
            let (ours, linux) = (number(ours), number(linux));
            writeln!(f, "{title:48} {ours:>10} {linux:>10} {ratio:>7}")
        };
        writeln!(
            f,
            "{:48} {:>10} {linux:>10} {:>7}",
            "instructions", "Trident", "ratio"
        )?;
        for row in ROWS {
            let (ours, linux) = self.row(row);
            line(f, row.1, ours, Some(linux))?;
        }
        for series in SERIES {
            let growth = self
                .growth(series)
                .map_or("-".into(), |growth| format!("{growth:.2}"));
            writeln!(f, "{}: grows {growth} times (goal: {GROWTH})", series.1)?;
            for count in series.2 {
                let (ours, linux) = self.point(series, *count);
                line(f, &format!("    n = {count}"), ours, linux)?;
            }
        }
        writeln!(f, "nanoseconds, over 64 MiB")?;
        for row in LATENCIES {
            let ours = self.ours.get(row.0).copied();
            line(f, row.1, ours, self.linux_latency(row))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(of: impl Fn(&Row) -> f64, last: f64) -> Figures {
        let rows = ROWS.iter().map(|row| (row.0.to_owned(), of(row)));
        let points = SERIES.iter().flat_map(|series| {
            let (least, most) = (series.2[0], series.2[series.2.len() - 1]);
            [(least, 1.0), (most, last)].map(|(n, cost)| (format!("{}_{n}", series.0), cost))
        });
        let latencies = LATENCIES.iter().map(|row| (row.0.to_owned(), row.2));
        rows.chain(points).chain(latencies).collect()
    }

    #[test]
    fn goals_are_kept_or_named() {
        let measured = |share: f64, last| Measured {
            ours: figures(|row| row.most() * share, last),
            linux: None,
        };
        assert!(measured(1.0, 2.0).missed().is_empty());
        assert_eq!(measured(1.02, 2.0).missed().len(), ROWS.len());
        assert_eq!(measured(1.0, 2.1).missed().len(), SERIES.len());
    }

    #[test]
    fn a_row_without_a_figure_is_missed() {
        let none = Measured {
            ours: Figures::new(),
            linux: None,
        };
        let all = ROWS.len() + SERIES.len() + LATENCIES.len();
        assert_eq!(none.missed().len(), all);
    }
}
