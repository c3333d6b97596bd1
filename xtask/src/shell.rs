//! `make shell`: an interactive shell in the machine, on this terminal.
//!
//! `ROOTFS=debian` boots Debian's root file system with bash (see [`crate::rootfs`]); the default
//! is a small one with Debian's static busybox. `exit` or `poweroff` ends the machine, and so does
//! Ctrl-A X, which QEMU itself handles; Ctrl-C goes to the guest.

use std::fs;
use std::io::{IsTerminal, Read, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Command};
use harness::{Vm, programs};

use crate::build::{self, image};
use crate::machine::Machine;
use crate::options::{self, get, text, value};
use crate::setup::{self, needs};
use crate::{rootfs, run, ui};

/// Options of `make shell`.
#[derive(Clone, Debug)]
pub struct Options {
    machine: Machine,
    rootfs: String,
    packages: rootfs::Options,
    append: String,
}

impl options::Options for Options {
    fn declare(command: Command) -> Command {
        let rootfs =
            "The root file system: busybox, debian, or an archive of yours (its /init runs)";
        let append = "Further words for the kernel's command line";
        rootfs::Options::declare(Machine::declare(command))
            .arg(value("rootfs", "ROOTFS", rootfs).default_value("busybox"))
            .arg(text("append", "APPEND", append))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            machine: Machine::read(matches),
            rootfs: get(matches, "rootfs"),
            packages: rootfs::Options::read(matches),
            append: get(matches, "append"),
        }
    }
}

/// Installs what is missing, builds and boots.
pub fn command(options: &Options) -> Result<ExitCode> {
    setup::packages(needs::of("shell"))?;
    let initrd = match options.rootfs.as_str() {
        "" | "busybox" => busybox()?,
        "debian" => read(&rootfs::ensure(&options.packages)?)?,
        file => read(&PathBuf::from(file))?,
    };
    options.machine.check()?;
    build::boot_image(&setup::toolchain()?)?;
    // Twice the archive while it is unpacked, and room to work in.
    let memory = 128 + (initrd.len() >> 20) * 3;
    let vm = options.machine.vm(&format!("{memory}M"))?.initrd(initrd);
    boot(vm.append(format!("quiet {}{}", surroundings(), options.append)))
}

/// The shell that follows the tour.
pub fn after_the_tour(machine: &Machine) -> Result<ExitCode> {
    ui::note(
        "A shell follows (`make shell` boots it directly). `cat /proc/doors` counts its calls.",
    );
    let vm = machine.vm("128M")?.initrd(busybox()?);
    boot(vm.append(format!("quiet {}", surroundings())))
}

/// Whether standard input and output are a terminal.
pub fn at_terminal() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

fn boot(vm: Vm) -> Result<ExitCode> {
    if stdin().is_terminal() {
        ui::note("exit or poweroff ends the machine; Ctrl-A X ends QEMU.");
        return run::boot(&vm);
    }
    // A script ends with Ctrl-D: the serial line has no other end of file. A first byte that
    // comes before the line is set up may be lost.
    let mut script = vec![b'\n'];
    stdin().read_to_end(&mut script)?;
    script.push(b'\n');
    script.push(0x04);
    let vm = vm.input(script).echo();
    run::report(&vm.run()?, vm.accelerator())
}

/// This terminal's kind and size, as words for init's environment: a serial line carries neither.
fn surroundings() -> String {
    let mut words = term().map_or(String::new(), |term| format!("{term} "));
    if let Some((rows, columns)) = console::Term::stdout().size_checked() {
        words.push_str(&format!("LINES={rows} COLUMNS={columns} "));
    }
    words
}

/// The kind of this terminal, as a word for init's environment.
pub fn term() -> Option<String> {
    let term = std::env::var("TERM").ok()?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-+.".contains(c);
    term.chars().all(is_word).then(|| format!("TERM={term}"))
}

/// An archive around Debian's static busybox: the host's, or one that is downloaded.
fn busybox() -> Result<Vec<u8>> {
    let program = if needs::static_busybox().is_some() {
        let path = programs::busybox()?;
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?
    } else {
        rootfs::busybox()?
    };
    if !program.starts_with(b"\x7fELF") {
        bail!("the busybox found is not a program");
    }
    Ok(image::around_busybox(program).build())
}

fn read(path: &PathBuf) -> Result<Vec<u8>> {
    let name = path.display();
    fs::read(path).with_context(|| format!("ROOTFS={name}: neither busybox nor debian nor a file"))
}
