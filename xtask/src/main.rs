//! Builds, boots and tests Trident: the program behind the Makefile.
//!
//! Each subcommand has its own file. [`build`] describes the build, [`toolchain`] the two ways to a
//! compiler for the bare targets, [`setup`] the installed packages; the `tests` package's library,
//! `harness`, boots machines.

#![forbid(unsafe_code)]

mod allocations;
mod bench;
mod build;
mod check;
mod clean;
mod command_line;
mod counts;
mod debug;
mod doctor;
#[cfg(test)]
mod documents;
mod iso;
mod machine;
mod rootfs;
mod run;
mod runner;
mod session;
mod setup;
mod shell;
mod soak;
mod sources;
mod stock;
mod syscalls;
mod terminal;
mod test;
mod toolchain;
mod transcripts;
mod ui;
mod words;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Builds, boots and tests Trident.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Install what is missing: QEMU, the bare targets, what the tests use
    Setup,
    /// Build target/trident.elf, the programs and their archives
    Build,
    /// Build, then boot the tour (or PROGRAM, or INITRD) in QEMU
    Run(run::Options),
    /// Build, then boot an interactive shell (ROOTFS=debian: bash in Debian's root file system)
    Shell(shell::Options),
    /// Boot a kernel that cargo has built: the runner in .cargo/config.toml
    Runner(runner::Options),
    /// Run every test: host crates, the kernel's own, and the cases that boot machines
    Test(test::Options),
    /// Run the tests that take long: a million random system calls, and more
    Soak(soak::Options),
    /// Check format, lints, documentation, words and spelling
    Check,
    /// Count instructions per call, beside Linux's; writes target/bench.json
    Bench,
    /// Build target/trident.iso: the boot image and the tour under GRUB
    Iso,
    /// Make target/rootfs/debian.cpio, a root file system of Debian's packages
    Rootfs(rootfs::Options),
    /// Print and check three transcripts: strace of a program, ldd, a memory map
    Transcripts,
    /// Write docs/SYSCALLS.md from the kernel's tables
    Syscalls,
    /// Build a disk image of the kernel and an initramfs with the stock `bootloader` crate
    StockImage(stock::Options),
    /// Boot QEMU stopped, with gdb attached (kernel and program symbols)
    Debug(debug::Options),
    /// Say what was found on this machine and what is missing
    Doctor,
    /// Remove what was built
    Clean,
}

fn main() -> ExitCode {
    harness::child::end_at_closed_pipe();
    match act(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(action: Action) -> Result<ExitCode> {
    match action {
        Action::Setup => setup::everything().map(|()| ExitCode::SUCCESS),
        Action::Build => build::command().map(|()| ExitCode::SUCCESS),
        Action::Run(options) => run::command(&options),
        Action::Shell(options) => shell::command(&options),
        Action::Runner(options) => runner::command(&options),
        Action::Test(options) => test::command(&options),
        Action::Soak(options) => soak::command(&options).map(|()| ExitCode::SUCCESS),
        Action::Check => check::command(),
        Action::Bench => bench::command().map(|()| ExitCode::SUCCESS),
        Action::Iso => iso::command().map(|()| ExitCode::SUCCESS),
        Action::Rootfs(options) => rootfs::command(&options).map(|()| ExitCode::SUCCESS),
        Action::Syscalls => syscalls::command().map(|()| ExitCode::SUCCESS),
        Action::Transcripts => transcripts::command(),
        Action::StockImage(options) => stock::command(&options).map(|()| ExitCode::SUCCESS),
        Action::Debug(options) => debug::command(&options),
        Action::Doctor => doctor::command().map(|()| ExitCode::SUCCESS),
        Action::Clean => clean::command().map(|()| ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
