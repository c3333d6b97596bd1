//! The runner of `.cargo/config.toml`: boots a kernel ELF that cargo has built.
//!
//! `cargo run` passes the kernel, which boots the tour. `cargo test` and `cargo nextest run` pass
//! the test build (in `deps/`) with libtest's arguments, which reach the kernel verbatim after
//! ` -- ` on its command line; the kernel's own harness prints libtest's lines.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{ArgAction, ArgMatches, Command, value_parser};
use harness::{Verdict, Vm};

use crate::build::{self, image};
use crate::options::{self, all, get, positional};
use crate::setup::{self, needs};
use crate::{run, ui};

/// Time limit: the kernel's whole suite takes seconds.
const TEST_LIMIT: Duration = Duration::from_secs(180);

/// Arguments from cargo.
#[derive(Clone, Debug)]
pub struct Options {
    kernel: PathBuf,
    arguments: Vec<String>,
}

impl options::Options for Options {
    fn declare(command: Command) -> Command {
        let kernel = positional("kernel", "The kernel ELF").required(true);
        let arguments = positional("arguments", "Arguments for it")
            .action(ArgAction::Append)
            .num_args(0..)
            .trailing_var_arg(true);
        command
            .arg(kernel.value_parser(value_parser!(PathBuf)))
            .arg(arguments.allow_hyphen_values(true))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            kernel: get(matches, "kernel"),
            arguments: all(matches, "arguments"),
        }
    }
}

/// Puts the kernel into the loader and boots it.
pub fn command(options: &Options) -> Result<ExitCode> {
    let kernel = options
        .kernel
        .canonicalize()
        .with_context(|| format!("cannot find the kernel {}", options.kernel.display()))?;
    setup::packages(needs::of("run"))?;
    let image = package(&kernel)?;
    let is_test = kernel
        .parent()
        .is_some_and(|directory| directory.ends_with("deps"));
    if is_test {
        test(&image, &options.arguments)
    } else {
        build::programs(&setup::toolchain()?)?;
        image::pack_tour()?;
        run::boot_tour(&image)
    }
}

/// The boot image around a kernel: `target/runner/NAME.elf`. Packaged once: nextest starts a
/// runner for every test, many at a time.
fn package(kernel: &Path) -> Result<PathBuf> {
    let name = kernel
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let directory = harness::paths::target().join("runner");
    let image = directory.join(format!("{name}.elf"));
    let sources = [kernel.to_owned(), harness::paths::root().join("boot")];
    if !build::newer_than(&image, &sources) {
        let symbols = directory.join(format!("{name}.symbols.elf"));
        build::package(&setup::toolchain()?, kernel, &symbols, &image)?;
        build::touch(&image)?;
    }
    Ok(image)
}

fn test(image: &Path, arguments: &[String]) -> Result<ExitCode> {
    let listing = arguments.iter().any(|argument| argument == "--list");
    let vm = Vm::new().kernel(image).memory("256M").timeout(TEST_LIMIT);
    let vm = vm.append(format!("quiet panic=-1 -- {}", arguments.join(" ")));
    let outcome = if listing { vm.run()? } else { vm.echo().run()? };
    if listing {
        // nextest reads this list: print only the names.
        outcome
            .serial
            .lines()
            .filter(|line| is_listed(line))
            .for_each(|line| println!("{line}"));
    }
    match &outcome.verdict {
        Verdict::Pass => {}
        verdict => {
            if listing {
                eprint!("{}", outcome.serial);
            }
            eprint!("{}", outcome.stderr);
            ui::note(format!("{verdict}"));
        }
    }
    Ok(ExitCode::from(outcome.verdict.exit_code()))
}

/// Whether a line belongs to libtest's `--list` output.
fn is_listed(line: &str) -> bool {
    let summary = line.contains(" tests, ") && line.ends_with(" benchmarks");
    summary
        || line
            .strip_suffix(": test")
            .is_some_and(|name| !name.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::is_listed;

    #[test]
    fn only_names_are_listed() {
        assert!(is_listed("mm::frames::tests::double_free_is_caught: test"));
        assert!(is_listed("2 tests, 0 benchmarks"));
        assert!(!is_listed("[    0.000000] mm: 128 MiB usable"));
        assert!(!is_listed("log line that ends in : test"));
    }
}
