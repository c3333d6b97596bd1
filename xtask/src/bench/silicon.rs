//! `make cost`: what each way into the kernel costs in time, on the reader's own CPU.
//!
//! The program of `make bench` runs on the host itself, so Linux answers; with `ACCEL=kvm` also in
//! Trident under KVM. It counts ticks of the TSC, which are time here: the CPU's clock varies,
//! other programs run. So each row is the minimum of several runs, with the spread to the median
//! run. None of this is compared with figures under `-icount`, which count instructions.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Initramfs, Verdict, host, paths};

use super::rows::ROWS;
use super::{Figures, figure, figures};
use crate::build;
use crate::machine::Machine;
use crate::setup::{self, needs};
use crate::ui::{self, Step};

/// Runs of the program for each width.
const RUNS: usize = 9;
/// Limit of one run under KVM, which takes a second: some hosts' KVM never enters a guest.
const PATIENCE: Duration = Duration::from_secs(20);
/// Fast doors of 32-bit programs: the rows of which a CPU has one.
const FAST: [&str; 3] = [
    "getpid_sysenter_32",
    "getpid_syscall32_32",
    "getpid_vsyscall_int80_32",
];

/// The figures of several runs, in ticks, by name.
type Samples = BTreeMap<String, Vec<f64>>;

/// Builds, measures and prints.
pub fn command(machine: &Machine) -> Result<()> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "make cost runs Linux programs for x86: the host is another system"
    );
    machine.check()?;
    if machine.is_kvm() {
        // Where there is no KVM, that is said before anything is measured.
        machine.vm("256M")?;
    }
    setup::packages(needs::of("cost"))?;
    let toolchain = setup::toolchain()?;
    if machine.is_kvm() {
        build::everything(&toolchain)?;
    } else {
        build::programs(&toolchain)?;
    }
    let hertz = host::tsc_hertz()?;
    println!("{}\n", about_host(hertz));
    let step = Step::begin_long("Measuring Linux on this CPU");
    let samples = collect(on_host);
    step.end();
    println!("{}", table("Linux, on this CPU", &samples?, hertz));
    if machine.is_kvm() {
        let step = Step::begin_long("Measuring Trident under KVM");
        let samples = collect(|width| under_kvm(machine, width));
        step.end();
        println!("{}", table("Trident, under KVM", &samples?, hertz));
    }
    Ok(())
}

/// The figures of [`RUNS`] runs of both widths. A host without 32-bit programs has those of one.
fn collect(mut run: impl FnMut(u32) -> Result<Figures>) -> Result<Samples> {
    let mut samples = Samples::new();
    for width in [64, 32] {
        for _ in 0..RUNS {
            let figures = match run(width) {
                Ok(figures) => figures,
                Err(error) if width == 32 => {
                    ui::note(format!("No 32-bit rows: {error:#}"));
                    return Ok(samples);
                }
                Err(error) => return Err(error),
            };
            for (name, ticks) in figures {
                samples.entry(name).or_default().push(ticks);
            }
        }
    }
    Ok(samples)
}

fn on_host(width: u32) -> Result<Figures> {
    let program = paths::program(width, "bench");
    let output = Command::new(&program)
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    if !output.status.success() {
        bail!("the {width}-bit program ended with {}", output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(figure).collect())
}

fn under_kvm(machine: &Machine, width: u32) -> Result<Figures> {
    let files = Initramfs::new().executable_from("/init", &paths::program(width, "bench"))?;
    let vm = machine.vm("256M")?.initramfs(&files).append("quiet");
    let outcome = vm.timeout(PATIENCE).run()?;
    ensure!(
        outcome.verdict != Verdict::Timeout,
        "under KVM the machine has not ended after {} s, and was killed: this host's KVM doesn't \
         run Trident. Linux's figures are above{}",
        PATIENCE.as_secs(),
        outcome.transcript()
    );
    outcome.expect(Verdict::Pass)?;
    figures(&outcome)
}

/// The CPU, the system, and the defences that cost something at each entry.
fn about_host(hertz: u64) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": "))
            .map_or("unknown", |(_, value)| value)
    };
    let is_virtual = field("flags").split(' ').any(|flag| flag == "hypervisor");
    let mut text = format!(
        "{}{}; TSC {:.3} GHz; Linux {}",
        field("model name"),
        if is_virtual {
            ", in a virtual machine"
        } else {
            ""
        },
        hertz as f64 / 1e9,
        read("/proc/sys/kernel/osrelease").trim()
    );
    let mut defences: Vec<String> = fs::read_dir("/sys/devices/system/cpu/vulnerabilities")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| {
            let state = fs::read_to_string(entry.path()).unwrap_or_default();
            (entry.file_name().to_string_lossy().into_owned(), state)
        })
        .filter(|(_, state)| state.starts_with("Mitigation"))
        .map(|(name, state)| {
            format!(
                "  {name}: {}",
                state.trim().trim_start_matches("Mitigation: ")
            )
        })
        .collect();
    defences.sort();
    if !defences.is_empty() {
        text.push_str("\nMitigations:\n");
        text.push_str(&defences.join("\n"));
    }
    text
}

/// One line for each row: the minimum in ticks and ns, and the median's distance from it.
fn table(title: &str, samples: &Samples, hertz: u64) -> String {
    let mut text = format!("{title:<56} {:>9} {:>9} {:>8}\n", "ns", "ticks", "median");
    let mut named: Vec<&str> = Vec::new();
    for row in ROWS {
        if named.contains(&row.name) {
            continue;
        }
        named.push(row.name);
        let Some(ticks) = samples.get(row.name) else {
            continue;
        };
        let (least, median) = least_and_median(ticks);
        let ns = least * 1e9 / hertz as f64;
        let more = (median / least.max(1.0) - 1.0) * 100.0;
        text.push_str(&format!(
            "{:<56} {ns:>9.1} {least:>9.0} {:>7.0}%\n",
            row.title.replace(" to the serial tty", ""),
            more.max(0.0)
        ));
    }
    if !FAST.iter().any(|name| samples.contains_key(*name)) {
        text.push_str("No fast door of 32-bit programs: no 32-bit vDSO here.\n");
    }
    text.push_str(&format!(
        "Minimum of {RUNS} runs; the last column is how far the median run is above it.\n"
    ));
    text
}

fn least_and_median(ticks: &[f64]) -> (f64, f64) {
    let mut sorted = ticks.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[0], sorted[sorted.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::{Samples, least_and_median, table};

    #[test]
    fn rows_show_the_least_and_the_median() {
        assert_eq!(least_and_median(&[7.0, 5.0, 90.0]), (5.0, 7.0));
        let samples = Samples::from([("getpid_syscall".to_owned(), vec![300.0, 200.0, 250.0])]);
        let text = table("Here", &samples, 2_000_000_000);
        let row = text
            .lines()
            .find(|line| line.starts_with("getpid, SYSCALL"));
        let words: Vec<&str> = row.unwrap_or_default().split_whitespace().rev().collect();
        assert_eq!(words[..3], ["25%", "200", "100.0"]);
        assert_eq!(text.matches("getpid, SYSCALL").count(), 1);
        assert!(text.contains("No fast door"));
    }
}
