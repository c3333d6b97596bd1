//! Real programs on both kernels: processor seconds of QEMU itself under plain TCG, without
//! `-icount`.
//!
//! The programs are those of Debian's root file system (`make rootfs`), most of whose time passes
//! in the kernel. A run's seconds are QEMU's, less those of a run that only boots. The two kernels
//! take turns, and the least of several runs counts. Seconds depend on the host and on what else it
//! does: no test compares them, and they are never mixed with counts of instructions.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Initramfs, Verdict, Vm, debian};
use serde_json::{Value, json};

use super::linux;
use crate::ui::{self, Step};

/// Rounds of all jobs on both kernels.
const ROUNDS: usize = 3;
/// Memory of the machine: the archive, and the same size again for its files.
const MEMORY: &str = "768M";
/// Limit of a run.
const PATIENCE: Duration = Duration::from_secs(300);
/// Goal of the jobs, all of which live in the kernel: this share of Linux's seconds.
const MOST: f64 = 0.6;

/// init: what both kernels need before a job, the job, and a line that says it has ended.
const INIT: &str = "#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root
[ -c /dev/null ] || mount -t devtmpfs none /dev
mkdir -p /tmp/work; cd /tmp/work
numbers=$(seq 500)
";
const END: &str = "\necho programs: end\n";

/// A job: its title and its shell script.
struct Job(&'static str, &'static str);

const JOBS: &[Job] = &[
    Job(
        "500 files made and removed, 40 times",
        "for round in $(seq 40); do mkdir d; for i in $numbers; do : >d/$i; done; rm -r d; done",
    ),
    Job(
        "tar of 500 files, packed and unpacked, 20 times",
        "mkdir d; for i in $numbers; do echo $i >d/$i; done
         for round in $(seq 20); do mkdir to; tar cf - d | tar xf - -C to; rm -r to; done",
    ),
    Job(
        "cp -r and rm -r of 500 files, 30 times",
        "mkdir d; for i in $numbers; do echo $i >d/$i; done
         for round in $(seq 30); do cp -r d to; rm -r to; done",
    ),
    Job(
        "3,000 forks of a shell",
        "for round in $(seq 6); do for i in $numbers; do ( : ); done; done",
    ),
    Job(
        "1,000 programs started",
        "for i in $numbers $numbers; do /bin/true; done",
    ),
    Job(
        "200 pipelines of three programs",
        "for i in $(seq 200); do echo $i | cat | cat >/dev/null; done",
    ),
    Job(
        "200 MB through a pipe",
        "dd if=/dev/zero bs=4096 count=50000 2>/dev/null | cat >/dev/null",
    ),
];

/// A job's seconds on both kernels.
#[derive(Debug)]
pub struct Work {
    title: &'static str,
    trident: f64,
    linux: f64,
}

impl Work {
    /// For the JSON file.
    pub fn report(&self) -> Value {
        json!({ "title": self.title, "trident_seconds": self.trident, "linux_seconds": self.linux })
    }

    /// A message if it misses the goal.
    pub fn missed(&self) -> Option<String> {
        let ratio = self.trident / self.linux;
        (ratio > MOST).then(|| {
            format!(
                "{}: {ratio:.2} of Linux's processor seconds, goal {MOST}",
                self.title
            )
        })
    }
}

/// Runs all jobs on both kernels in turn; none where there is no root file system.
///
/// # Errors
/// A job doesn't run to its end.
pub fn measure() -> Result<Vec<Work>> {
    let Ok(root) = fs::read(debian::archive()) else {
        ui::note("Without real programs: `make rootfs` makes their root file system");
        return Ok(Vec::new());
    };
    let mut boots = [f64::INFINITY; 2];
    let mut least = vec![[f64::INFINITY; 2]; JOBS.len()];
    for round in 0..ROUNDS {
        let title = format!(
            "Running real programs on both kernels, {} of {ROUNDS}",
            round + 1
        );
        let step = Step::begin_long(title);
        for is_linux in [false, true] {
            let kernel = usize::from(is_linux);
            boots[kernel] = boots[kernel].min(seconds(&root, "", is_linux)?);
            for (Job(title, script), least) in JOBS.iter().zip(&mut least) {
                let took = seconds(&root, script, is_linux).context(*title)?;
                least[kernel] = least[kernel].min(took);
            }
        }
        step.end();
    }
    let works = JOBS.iter().zip(least).map(|(Job(title, _), least)| Work {
        title,
        trident: least[0] - boots[0],
        linux: least[1] - boots[1],
    });
    Ok(works.collect())
}

/// QEMU's processor seconds for a boot with this script.
fn seconds(root: &[u8], script: &str, is_linux: bool) -> Result<f64> {
    let init = format!("{INIT}{script}{END}");
    let files = Initramfs::new().executable("/init", init.into_bytes());
    let initrd = [root, &files.build()].concat();
    let vm = Vm::new().memory(MEMORY).timeout(PATIENCE).initrd(initrd);
    let before = children_seconds()?;
    let (outcome, end) = if is_linux {
        let vm = vm.kernel(linux::kernel()?).append(linux::LEAN);
        // On Linux init's end is a panic, and `panic=` makes a panic a reset.
        (vm.run()?, Verdict::Reset)
    } else {
        (vm.append("quiet norandmaps").run()?, Verdict::Pass)
    };
    let took = children_seconds()? - before;
    ensure!(
        outcome.verdict == end && outcome.serial.contains("programs: end"),
        "it did not run to its end{}",
        outcome.transcript()
    );
    Ok(took)
}

/// Processor seconds of this process's children that have ended (proc_pid_stat(5): cutime and
/// cstime, in ticks of 10 ms).
fn children_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("cannot read /proc/self/stat")?;
    let ticks = || {
        // The name in parentheses may have spaces; the 14th and 15th field follow the state.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
        Some(ticks(13)? + ticks(14)?)
    };
    Ok(ticks().context("no times in /proc/self/stat")? / 100.0)
}

/// The seconds as a table.
pub fn table(works: &[Work]) -> String {
    let mut text = format!(
        "{:56} {:>8} {:>8} {:>6}\n",
        "QEMU's processor seconds, without -icount", "Trident", "Linux", "ratio"
    );
    for Work {
        title,
        trident,
        linux,
    } in works
    {
        text.push_str(&format!(
            "{title:56} {trident:>8.2} {linux:>8.2} {:>6.2}\n",
            trident / linux
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Work, children_seconds};

    #[test]
    fn a_job_above_the_goal_is_named() {
        let work = |trident| Work {
            title: "tar",
            trident,
            linux: 2.0,
        };
        assert!(work(1.2).missed().is_none());
        assert!(
            work(1.3)
                .missed()
                .is_some_and(|text| text.contains("tar: 0.65"))
        );
    }

    #[test]
    fn the_seconds_of_ended_children_are_known() {
        assert!(children_seconds().is_ok_and(|seconds| seconds >= 0.0));
    }
}
