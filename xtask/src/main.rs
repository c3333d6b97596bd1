//! Builds, boots and tests Trident: the program behind the Makefile.
//!
//! Each subcommand has its own file. [`build`] describes the build, [`toolchain`] the two ways to a
//! compiler for the bare targets, [`setup`] the installed packages; the `tests` package's library,
//! `harness`, boots machines.

#![forbid(unsafe_code)]

mod allocations;
mod bench;
mod book;
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
mod labs;
mod machine;
mod microscope;
mod options;
mod pictures;
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

use std::process::{ExitCode, Termination};

use anyhow::Result;
use clap::{ArgMatches, Command};

use options::Options;

/// What runs a command with its options as given.
type Run = Box<dyn Fn(&ArgMatches) -> Result<ExitCode>>;

/// A command.
struct Action {
    /// Its name, its options, and the line about it.
    command: Command,
    run: Run,
}

/// A command with options.
fn with<O: Options + 'static, T: Termination + 'static>(
    name: &'static str,
    about: &'static str,
    run: fn(&O) -> Result<T>,
) -> Action {
    Action {
        command: O::declare(Command::new(name).about(about)),
        run: Box::new(move |matches| run(&O::read(matches)).map(T::report)),
    }
}

/// A command without options.
fn plain<T: Termination + 'static>(
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<T>,
) -> Action {
    Action {
        command: Command::new(name).about(about),
        run: Box::new(move |_| run().map(T::report)),
    }
}

fn actions() -> Vec<Action> {
    vec![
        plain(
            "setup",
            "Install what is missing: QEMU, the bare targets, what the tests use",
            setup::everything,
        ),
        plain(
            "build",
            "Build target/trident.elf, the programs and their archives",
            build::command,
        ),
        with(
            "run",
            "Build, then boot the tour (or PROGRAM, or INITRD) in QEMU",
            run::command,
        ),
        with(
            "shell",
            "Build, then boot an interactive shell (ROOTFS=debian: bash in Debian's root file system)",
            shell::command,
        ),
        with(
            "runner",
            "Boot a kernel that cargo has built: the runner in .cargo/config.toml",
            runner::command,
        ),
        with(
            "test",
            "Run every test: host crates, the kernel's own, and the cases that boot machines",
            test::command,
        ),
        with(
            "soak",
            "Run the tests that take long: a million random system calls, and more",
            soak::command,
        ),
        plain(
            "check",
            "Check format, lints, documentation, words and spelling",
            check::command,
        ),
        plain(
            "bench",
            "Count instructions per call, beside Linux's; writes target/bench.json",
            bench::command,
        ),
        plain(
            "bench-linux",
            "Count instructions of 400 rows on Trident and on Linux; writes target/bench-linux.json",
            bench::compare::command,
        ),
        plain(
            "costs",
            "Make README's tables of costs and their pictures from target/bench-linux.json",
            bench::compare::publish,
        ),
        plain(
            "microscope",
            "Record every instruction of the calls, and make target/microscope.html of the records",
            microscope::command,
        ),
        with(
            "book",
            "Make the course's book, target/book/, and hold its transcripts to today's kernel",
            book::command,
        ),
        with(
            "pdf",
            "Make the course's book, and print it to target/trident-book.pdf (needs Chromium)",
            book::pdf,
        ),
        plain(
            "pictures",
            "Make README's pictures of the tour and of the microscope's page",
            pictures::command,
        ),
        plain(
            "entry",
            "Record getpid by each door, and write docs/ENTRY.md",
            microscope::entry,
        ),
        with(
            "cost",
            "Time each way into the kernel on this CPU, in Linux (ACCEL=kvm: also in Trident)",
            bench::silicon::command,
        ),
        plain(
            "iso",
            "Build target/trident.iso: the boot image and the tour under GRUB",
            iso::command,
        ),
        with(
            "rootfs",
            "Make target/rootfs/debian.cpio, a root file system of Debian's packages",
            rootfs::command,
        ),
        plain(
            "transcripts",
            "Print and check three transcripts: strace of a program, ldd, a memory map",
            transcripts::command,
        ),
        plain(
            "syscalls",
            "Write docs/SYSCALLS.md from the kernel's tables",
            syscalls::command,
        ),
        with(
            "stock-image",
            "Build a disk image of the kernel and an initramfs with the stock `bootloader` crate",
            stock::command,
        ),
        with(
            "debug",
            "Boot QEMU stopped, with gdb attached (kernel and program symbols)",
            debug::command,
        ),
        with(
            "gdbserver",
            "Boot QEMU stopped on this terminal, waiting for gdb at port 1234",
            debug::server,
        ),
        with("gdb", "Attach gdb to the QEMU of gdbserver", debug::client),
        plain("labs", "List the labs of the course", labs::list),
        with(
            "grade",
            "Grade lab LAB of this working tree, in a fresh tree",
            labs::grade,
        ),
        with(
            "student-repo",
            "Write a student's repository, without solutions, to DIR",
            labs::student_repo,
        ),
        with(
            "grade-all",
            "Grade each folder of DIR: a table, and a text for each student",
            labs::grade_all,
        ),
        plain(
            "lab-image",
            "Build the kernel of the tree TRIDENT_ROOT for a grading: `grade` calls this",
            labs::image,
        ),
        plain(
            "doctor",
            "Say what was found on this machine, what is missing, and which command needs it",
            doctor::command,
        ),
        plain("clean", "Remove what was built", clean::command),
    ]
}

/// The whole command line.
fn command_line(actions: &[Action]) -> Command {
    Command::new("cargo xtask")
        .about("Builds, boots and tests Trident")
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(actions.iter().map(|action| action.command.clone()))
}

fn main() -> ExitCode {
    harness::child::end_at_closed_pipe();
    let actions = actions();
    let matches = command_line(&actions).get_matches();
    let (name, matches) = matches.subcommand().expect("clap requires one");
    let action = actions
        .iter()
        .find(|action| action.command.get_name() == name)
        .expect("clap knows no others");
    match (action.run)(matches) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command_line(&actions()).debug_assert();
    }

    /// An option is declared by a name, and read by it: each has to be there, with its type.
    #[test]
    fn options_are_read_as_they_are_declared() {
        fn read<O: Options>(words: &str) -> O {
            let command = O::declare(Command::new("command").no_binary_name(true));
            let matches = command.try_get_matches_from(words.split_whitespace());
            O::read(&matches.expect(words))
        }
        read::<run::Options>("--args -x --mem 64M --smp 2 --limit 3 --strace --initrd i");
        read::<shell::Options>("--rootfs debian --packages gdb --append quiet");
        read::<runner::Options>("kernel --a filter -x");
        read::<test::Options>("host qemu -- filter --exact");
        read::<soak::Options>("7 --minutes 2");
        read::<rootfs::Options>("--documents --refresh");
        read::<stock::Options>("image ramdisk --append quiet");
        read::<book::Options>("--pages --built --update --only doors name");
        read::<labs::Options>("--lab 2 --seed 7 --solution x --dir d --student anna");
        read::<debug::Options>("--program p -- -ex continue");
    }
}
