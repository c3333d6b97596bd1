//! The program that makes disk images with the stock `bootloader` crate, and `cargo xtask
//! stock-image`, which calls it.
//!
//! `make test` boots the kernel from such an image too: from a third-party loader, which shares
//! only the contract `bootloader_api` with our own. The program is `tests/stock-bootloader`; that
//! crate requires nightly Rust, and [`build`] describes the build without. It takes minutes, once:
//! it runs beside the other tests ([`begin`]), and `make clean` leaves the result. Where it can't
//! be built the cases that need it are skipped, with the reason.

mod build;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgMatches, value_parser};
use harness::{paths, stock};

use crate::build::{self as kernel, write_if_changed};
use crate::options::{self, find, get, positional};
use crate::setup;
use crate::toolchain::{Source, cache};
use crate::ui::{self, Step};

/// The crate's version, as in `tests/stock-bootloader/Cargo.toml`.
const VERSION: &str = "0.11.17";
/// Part of the cached program's name: change it whenever the build changes.
const RECIPE: u32 = 1;

/// Options of `cargo xtask stock-image`.
#[derive(Clone, Debug)]
pub struct Options {
    image: PathBuf,
    ramdisk: Option<PathBuf>,
    append: Option<String>,
}

impl options::Options for Options {
    fn declare(command: clap::Command) -> clap::Command {
        let image = positional("image", "The image to be written").required(true);
        let ramdisk = positional("ramdisk", "The initramfs (default: the tour)");
        let append = Arg::new("append").long("append");
        command
            .arg(image.value_parser(value_parser!(PathBuf)))
            .arg(ramdisk.value_parser(value_parser!(PathBuf)))
            .arg(append.help("The kernel's command line"))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            image: get(matches, "image"),
            ramdisk: find(matches, "ramdisk"),
            append: find(matches, "append"),
        }
    }
}

/// Builds what is missing, and writes a disk image.
pub fn command(options: &Options) -> Result<()> {
    let maker = begin();
    kernel::everything(&setup::toolchain()?)?;
    maker.finish()?;
    let ramdisk = match &options.ramdisk {
        Some(path) => path.clone(),
        None => kernel::image::tour(),
    };
    let mut bytes =
        fs::read(&ramdisk).with_context(|| format!("cannot read {}", ramdisk.display()))?;
    if let Some(words) = &options.append {
        bytes = stock::with_command_line(words, &bytes);
    }
    stock::make(&options.image, &paths::kernel(), &bytes)?;
    ui::note(format!("Built {}", options.image.display()));
    ui::note(format!(
        "Boot it: qemu-system-x86_64 -drive format=raw,file={} -serial stdio -display none",
        options.image.display()
    ));
    Ok(())
}

/// The program, built or being built.
pub enum Maker {
    /// It was built before, and is cached here.
    Cached(PathBuf),
    /// It is being built.
    Building {
        /// Where it will be.
        path: PathBuf,
        /// What cargo says meanwhile.
        lines: Receiver<String>,
        /// The build.
        thread: JoinHandle<Result<()>>,
    },
    /// It cannot be built, for this reason.
    Lacking(anyhow::Error),
}

/// Starts the build of the program, unless it is cached; returns at once.
pub fn begin() -> Maker {
    let start = || {
        let path = cache()
            .context("neither HOME nor XDG_CACHE_HOME is set")?
            .join(format!("stock-bootloader-{VERSION}-{RECIPE}"));
        if path.exists() {
            return Ok(Maker::Cached(path));
        }
        let tools = build::Tools::find(&source()?)?;
        ui::note(format!(
            "Building the stock bootloader, {VERSION}, beside all else (once, 1-4 min)"
        ));
        let (sender, lines) = channel();
        let result = path.clone();
        let thread = thread::spawn(move || build::build(&tools, &result, &sender));
        Ok(Maker::Building {
            path,
            lines,
            thread,
        })
    };
    start().unwrap_or_else(Maker::Lacking)
}

/// A toolchain with Rust's own source, which the crate compiles parts of.
fn source() -> Result<Source> {
    if let Some(source) = Source::find() {
        return Ok(source);
    }
    setup::install_source().context("it takes Rust's own source")?;
    Source::find().context("it takes Rust's own source, which is not on this machine")
}

impl Maker {
    /// Waits for the program, and copies it to the path that the cases use.
    pub fn finish(self) -> Result<()> {
        let place = stock::maker();
        let copy = |path: PathBuf| {
            let program =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            write_if_changed(&place, &program)
        };
        let outcome = self.wait().and_then(copy);
        if outcome.is_err() {
            // A file of an earlier run must not be used.
            let _ = fs::remove_file(&place);
        }
        outcome.context("no disk image with the stock bootloader")
    }

    fn wait(self) -> Result<PathBuf> {
        let (path, lines, thread) = match self {
            Self::Cached(path) => return Ok(path),
            Self::Lacking(reason) => return Err(reason),
            Self::Building {
                path,
                lines,
                thread,
            } => (path, lines, thread),
        };
        let mut step = Step::begin_long(format!("Waiting for the stock bootloader, {VERSION}"));
        // Ends when the build does, and lets go of the other end.
        for line in lines {
            step.detail(line.trim());
        }
        let outcome = thread.join().unwrap_or_else(|_| bail!("panicked"));
        step.end();
        outcome.map(|()| path)
    }
}

/// The crate that the program is.
fn project() -> PathBuf {
    paths::root().join("tests/stock-bootloader")
}

/// A program as part of a toolchain, if it is there.
fn existing(path: &Path) -> Result<PathBuf> {
    if !path.exists() {
        bail!("there is no {}", path.display());
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_manifests() {
        let manifest = fs::read_to_string(project().join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains(&format!("version = \"={VERSION}\"")));
    }
}
