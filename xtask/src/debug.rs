//! `make debug`: QEMU stopped at its first instruction, with gdb attached. `make gdbserver` and
//! `make gdb` are the two halves, for two terminals: the machine's terminal is QEMU's then.
//!
//! Kernel and tour are built with all debug information (profile `debugger`).
//! `xtask/gdb/trident.py` has gdb's commands for Trident.

mod recording;

use std::io::IsTerminal;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Arg, ArgMatches, value_parser};
use harness::child::{Leashed, leash};
use harness::paths;

use crate::build::write_if_changed;
use crate::options::{self, all, arguments_behind_dashes, get, switch};
use crate::run;
use crate::setup::{self, needs};
use crate::terminal::TerminalGuard;
use crate::ui;
use recording::Recording;

/// Port of `make gdbserver`, which is QEMU's own default; `.vscode/launch.json` has it too.
const PORT: &str = "1234";

/// gdb's command that loads the symbols of the program that `make gdbserver` runs, for the other
/// terminal and for VS Code.
fn served() -> PathBuf {
    paths::target().join("gdbserver.gdb")
}

/// gdb's command that loads a program's symbols.
fn symbols(program: &Path) -> String {
    format!("python program('{}')", program.display())
}

/// What gdb says first.
const HINTS: &[&str] = &[
    "QEMU is stopped at its first instruction. Such as:",
    "  break trident::syscall::io::write   a function of the kernel's, by its path",
    "  break main                          one of the program's",
    "  continue, backtrace                 down to the program's main()",
    "  doors, ways-back                    break at the entry stubs, and where calls return",
    "  saved-frame, task                   the program's registers, the running thread",
    "  step-into-kernel                    from the program to the stub's first instruction",
];

/// Options of `make debug`, `make gdbserver` and `make gdb`: all of `make run`'s, and gdb's own.
#[derive(Clone, Debug)]
pub struct Options {
    run: run::Options,
    replay: bool,
    port: u16,
    gdb: Vec<String>,
}

impl options::Options for Options {
    fn declare(command: clap::Command) -> clap::Command {
        let gdb = "Arguments for gdb, such as `-ex 'break trident::kernel_main' -ex continue`";
        let replay = "Record the run to its end first: gdb goes backwards then (reverse-stepi)";
        let port = Arg::new("port")
            .long("port")
            .value_parser(value_parser!(u16));
        run::Options::declare(command)
            .arg(switch("replay", "REPLAY", replay))
            .arg(port.help("Port of gdbserver").default_value(PORT))
            .arg(arguments_behind_dashes("gdb", gdb))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            run: run::Options::read(matches),
            replay: get(matches, "replay"),
            port: get(matches, "port"),
            gdb: all(matches, "gdb"),
        }
    }
}

/// Starts both. The serial line goes to a file, since gdb has the terminal.
pub fn command(options: &Options) -> Result<ExitCode> {
    setup::packages(needs::of("debug"))?;
    let vm = options.run.prepare_for_gdb()?;
    let port = free_port()?;
    let log = paths::target().join("debug.log");
    let vm = vm.serial_file(&log);
    let recording = options.replay.then(|| Recording::make(&vm)).transpose()?;
    let vm = match &recording {
        Some(recording) => recording.replay(vm),
        None => vm,
    };
    let (mut qemu, _files) = vm.prepare()?;
    qemu.args(["-S", "-gdb", &format!("tcp:127.0.0.1:{port}")]);
    let mut qemu = leash(&qemu).context("cannot start QEMU")?;
    qemu.stdin(Stdio::null());
    let _qemu = Leashed::spawn(&mut qemu).context("cannot start QEMU")?;
    wait_for(port);
    ui::note(format!(
        "The serial line is written to {} (tail -f it)",
        log.display()
    ));
    gdb(&symbols(&options.run.debugged()), port, &options.gdb)
}

/// QEMU on this terminal, stopped until a gdb is attached.
pub fn server(options: &Options) -> Result<ExitCode> {
    ensure!(!options.replay, "REPLAY goes with `make debug` only");
    let port = options.port;
    let vm = options.run.prepare_for_gdb()?;
    ensure!(
        TcpListener::bind(("127.0.0.1", port)).is_ok(),
        "port {port} is in use: by another `make gdbserver`?"
    );
    let program = std::path::absolute(options.run.debugged())?;
    write_if_changed(&served(), symbols(&program).as_bytes())?;
    ui::note(format!(
        "QEMU waits for gdb at 127.0.0.1:{port}: `make gdb` in another terminal, or F5 in VS Code."
    ));
    ui::note("Ctrl-A X ends QEMU.");
    let vm = vm.args(["-S", "-gdb", &format!("tcp:127.0.0.1:{port}")]);
    let terminal = std::io::stdin().is_terminal();
    let _guard = terminal.then(TerminalGuard::new);
    let outcome = vm.console(terminal).timeout(None).run()?;
    run::report(&outcome, "tcg")
}

/// gdb, attached to the QEMU of `make gdbserver`.
pub fn client(options: &Options) -> Result<ExitCode> {
    setup::packages(needs::of("gdb"))?;
    ensure!(
        served().exists(),
        "nothing to attach to: `make gdbserver` has to run in another terminal"
    );
    let program = format!("source {}", served().display());
    gdb(&program, options.port, &options.gdb)
}

/// gdb with the symbols of the kernel, and of the program by this command.
fn gdb(program: &str, port: u16, arguments: &[String]) -> Result<ExitCode> {
    HINTS.iter().for_each(ui::note);
    let mut gdb = Command::new("gdb");
    gdb.arg("--quiet").arg(paths::debug_kernel());
    let script = paths::root().join("xtask/gdb/trident.py");
    for command in [
        "set confirm off".to_owned(),
        "set print asm-demangle on".to_owned(),
        format!("source {}", script.display()),
        program.to_owned(),
        // QEMU may not listen yet.
        "set tcp connect-timeout 30".to_owned(),
        format!("target remote 127.0.0.1:{port}"),
    ] {
        gdb.args(["-ex", &command]);
    }
    let status = gdb.args(arguments).status().context("cannot start gdb")?;
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

/// Waits until QEMU listens.
fn wait_for(port: u16) {
    for _ in 0..100 {
        // A failing bind shows that the port is in use; QEMU would take a connection for gdb's.
        if TcpListener::bind(("127.0.0.1", port)).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
