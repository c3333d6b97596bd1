//! `make debug`: QEMU stopped at its first instruction, with gdb attached.

use std::net::TcpListener;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ArgMatches;
use harness::child::{Leashed, leash};
use harness::paths;

use crate::build;
use crate::options::{self, all, arguments_behind_dashes};
use crate::run;
use crate::setup::{self, needs};
use crate::ui;

/// Options of `make debug`: all of `make run`'s, and gdb's own.
#[derive(Clone, Debug)]
pub struct Options {
    run: run::Options,
    gdb: Vec<String>,
}

impl options::Options for Options {
    fn declare(command: clap::Command) -> clap::Command {
        let gdb = "Arguments for gdb, such as `-ex 'break trident::kernel_main' -ex continue`";
        run::Options::declare(command).arg(arguments_behind_dashes("gdb", gdb))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            run: run::Options::read(matches),
            gdb: all(matches, "gdb"),
        }
    }
}

/// Starts both. The serial line goes to a file, since gdb has the terminal.
pub fn command(options: &Options) -> Result<ExitCode> {
    setup::packages(needs::of("debug"))?;
    let vm = options.run.prepare(None)?.vm;
    let program = options.run.debugged();
    let port = free_port()?;
    let log = paths::target().join("debug.log");
    let (mut qemu, _files) = vm.serial_file(&log).prepare()?;
    qemu.args(["-S", "-gdb", &format!("tcp:127.0.0.1:{port}")]);
    let mut qemu = leash(&qemu).context("cannot start QEMU")?;
    qemu.stdin(Stdio::null());
    let _qemu = Leashed::spawn(&mut qemu).context("cannot start QEMU")?;
    wait_for(port);

    ui::note(format!(
        "The serial line is written to {} (tail -f it)",
        log.display()
    ));
    ui::note(
        "QEMU is stopped at its first instruction: set a breakpoint, then `continue`. Such as:",
    );
    ui::note("  break trident::kernel_main       a function of the kernel's, by its path");
    ui::note("  break *$entry_syscall_64         an entry stub (assembly: a variable each)");
    ui::note("  break programs::costs::getpid_syscall   a function of the tour's");
    let mut gdb = Command::new("gdb");
    gdb.arg("--quiet").arg(paths::kernel());
    gdb.args([
        "-ex",
        "set confirm off",
        "-ex",
        "set architecture i386:x86-64",
    ]);
    gdb.args(["-ex", &format!("target remote 127.0.0.1:{port}")]);
    for (name, address) in build::kallsyms::entries(&paths::kernel())? {
        gdb.args(["-ex", &format!("set ${name} = {address:#x}")]);
    }
    gdb.args(["-ex", &format!("add-symbol-file {}", program.display())]);
    let status = gdb
        .args(&options.gdb)
        .status()
        .context("cannot start gdb")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A free TCP port.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot open a TCP port")?;
    Ok(listener.local_addr()?.port())
}

/// Waits until QEMU listens: gdb does not try twice.
fn wait_for(port: u16) {
    for _ in 0..100 {
        // A failing bind shows that the port is in use; QEMU would take a connection for gdb's.
        if TcpListener::bind(("127.0.0.1", port)).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
