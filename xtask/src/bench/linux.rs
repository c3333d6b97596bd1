//! The Linux that the workloads are compared with: Debian's own kernel, fetched once and cached.
//!
//! Only the kernel's file is extracted from its package; nothing is installed, and no root is
//! needed. Where it can't be fetched (not a Debian, no network), the figures recorded in
//! [`super::workloads`] are used instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use harness::{Verdict, Vm};

use super::{Figures, counted, figures};
use crate::toolchain::cache;
use crate::ui::{self, Step};

/// Its leanest setting: no defences against the CPU's own leaks, no clearing of memory that is
/// about to be written, no randomised addresses, and a time stamp counter taken at its word.
const COMMAND_LINE: &str = "console=ttyS0 quiet norandmaps clocksource=tsc tsc=reliable \
    mitigations=off randomize_kstack_offset=off nokaslr init_on_alloc=0 panic=-1";
/// The package that depends on the current kernel's.
const PACKAGE: &str = "linux-image-amd64";

/// Boots the prepared machine with Linux; `None` where no kernel can be fetched.
pub fn measure(vm: Vm) -> Result<Option<Figures>> {
    let kernel = match kernel() {
        Ok(kernel) => kernel,
        Err(why) => {
            ui::note(format!(
                "No Linux to measure ({why:#}); its recorded figures are used"
            ));
            return Ok(None);
        }
    };
    let step = Step::begin_long("Counting instructions, Linux");
    let outcome = counted(vm.kernel(kernel)).append(COMMAND_LINE).run()?;
    step.end();
    // On Linux init's end is a panic, and `panic=` makes a panic a reset.
    ensure!(
        outcome.verdict == Verdict::Reset && outcome.serial.contains("bench: end"),
        "Linux did not run the benchmark{}",
        outcome.transcript()
    );
    figures(&outcome).map(Some)
}

/// The kernel's file, fetched if it isn't cached.
fn kernel() -> Result<PathBuf> {
    let cache = cache().context("neither HOME nor XDG_CACHE_HOME is set")?;
    let path = cache.join("linux-amd64");
    if path.exists() {
        return Ok(path);
    }
    fs::create_dir_all(&cache)?;
    let work = tempfile::Builder::new()
        .prefix("linux.")
        .tempdir_in(&cache)?;
    let step = Step::begin_long("Fetching Debian's kernel, once (70 MB)");
    let fetched = fetch(work.path());
    step.end();
    fs::rename(fetched?, &path)?;
    Ok(path)
}

/// Downloads the package into `work` and extracts the kernel.
fn fetch(work: &Path) -> Result<PathBuf> {
    let about = output(
        Command::new("apt-cache").args(["show", "--no-all-versions", PACKAGE]),
        work,
    )?;
    let package = about
        .lines()
        .find_map(|line| line.strip_prefix("Depends: "))
        .and_then(|names| names.split([' ', ',']).next())
        .context("apt knows no kernel")?;
    output(Command::new("apt-get").args(["download", package]), work)?;
    let archive = find(work, |name| name.ends_with(".deb"))?;
    let root = work.join("root");
    output(
        Command::new("dpkg-deb").arg("-x").args([&archive, &root]),
        work,
    )?;
    find(&root.join("boot"), |name| name.starts_with("vmlinuz"))
}

fn find(directory: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    fs::read_dir(directory)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name()
                .is_some_and(|name| wanted(&name.to_string_lossy()))
        })
        .with_context(|| format!("nothing of use in {}", directory.display()))
}

fn output(command: &mut Command, directory: &Path) -> Result<String> {
    let output = command
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
