//! The Linux that the workloads are compared with: Debian's own kernel, fetched once and cached.
//!
//! Only the kernel's file is extracted from its package; nothing is installed, and no root is
//! needed. Where it can't be fetched (not a Debian, no network), the figures recorded in
//! [`super::workloads`] are used instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use harness::{Outcome, Verdict, Vm};

use super::{Figures, counted, figures};
use crate::toolchain::cache;
use crate::ui::{self, Step};

// `rdinit` is last: it takes back the words that the kernel doesn't know (nokaslr), which init
// would get.

/// Debian's setting, but for a time stamp counter taken at its word and addresses that repeat.
pub(super) const DEFAULT: &str =
    "console=ttyS0 quiet norandmaps clocksource=tsc tsc=reliable nokaslr panic=-1 rdinit=/init";
/// The leanest setting: beside that no defences against the CPU's own leaks, and no clearing of
/// memory that is about to be written.
pub const LEAN: &str = "console=ttyS0 quiet norandmaps clocksource=tsc tsc=reliable \
    mitigations=off randomize_kstack_offset=off nokaslr init_on_alloc=0 panic=-1 \
    rdinit=/init";
/// The package that depends on the current kernel's.
const PACKAGE: &str = "linux-image-amd64";

/// Boots the machine with Linux, with a clock that counts instructions.
///
/// # Errors
/// No kernel can be fetched; QEMU does not start.
pub(super) fn boot(vm: Vm, command_line: &str) -> Result<Outcome> {
    counted(vm.kernel(kernel()?)).append(command_line).run()
}

/// The version in the kernel's file, such as "6.1.0-18-amd64".
///
/// # Errors
/// No kernel can be fetched.
pub(super) fn version() -> Result<String> {
    let image = fs::read(kernel()?)?;
    // Documentation/arch/x86/boot.rst: the offset of the version, less 0x200, is at 0x20e.
    let offset = image.get(0x20e..0x210).context("no boot header")?;
    let start = 0x200 + usize::from(u16::from_le_bytes([offset[0], offset[1]]));
    let text = image.get(start..).context("no version")?;
    let text = String::from_utf8_lossy(&text[..text.len().min(64)]).into_owned();
    let word = text.split([' ', '\0']).next().unwrap_or_default();
    Ok(word.to_owned())
}

/// Boots the prepared machine with Linux; `None` where no kernel can be fetched.
pub fn measure(vm: Vm) -> Result<Option<Figures>> {
    if let Err(why) = kernel() {
        ui::note(format!(
            "No Linux to measure ({why:#}); its recorded figures are used"
        ));
        return Ok(None);
    }
    let step = Step::begin_long("Counting instructions, Linux");
    let outcome = boot(vm, LEAN)?;
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
///
/// # Errors
/// It can't be fetched.
pub fn kernel() -> Result<PathBuf> {
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
