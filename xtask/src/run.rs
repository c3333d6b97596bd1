//! `make run`: boots the tour, the user's program or the user's archive, on the terminal.

mod files;
mod libraries;
mod out;
mod prepare;
mod tour;

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Arg, ArgAction, ArgMatches, Command};
use harness::{Outcome, Verdict, Vm, paths, token};

use crate::build::image;
use crate::machine::Machine;
use crate::options::{self, find, get, path, switch, text, value};
use crate::rootfs;
use crate::session::{self, Ends, Report, Session};
use crate::shell;
use crate::terminal::TerminalGuard;
use crate::ui;
use prepare::{Prepared, Talk};

/// Default `LIMIT` of a run without a terminal, in seconds: no user can end a machine that hangs.
const UNATTENDED_LIMIT: u64 = 300;

/// Time for init's part of a run's end: it ends the program at the limit, and sends what `OUT` asks
/// for.
const GRACE: Duration = Duration::from_secs(10);
const GRACE_WITH_OUT: Duration = Duration::from_secs(120);

/// A guest under KVM without output for this long hangs: the loader prints its first line within a
/// tenth of a second.
const KVM_SILENCE: Duration = Duration::from_secs(8);

/// Options of `make run`, each also a variable of that name.
#[derive(Clone, Debug)]
pub struct Options {
    machine: Machine,
    program: Option<PathBuf>,
    args: String,
    files: String,
    out: Option<PathBuf>,
    rootfs: Option<String>,
    packages: rootfs::Options,
    initrd: Option<PathBuf>,
    append: String,
    strace: bool,
    verbose: bool,
    limit: Option<String>,
    dry_run: bool,
    built: bool,
}

impl options::Options for Options {
    fn declare(command: Command) -> Command {
        let program = "A Linux program of yours to run instead of the tour";
        let args = "Arguments for it, split as a shell does";
        let files = "Files and directories for its working directory";
        let out = "Directory for what it leaves in its working directory";
        let rootfs = "debian: run it in Debian's root file system";
        let initrd = "A newc archive of yours to boot instead of the tour (its /init runs)";
        let append = "Further words for the kernel's command line";
        let strace = "Print each system call as strace does, with the door it came through";
        let verbose = "Show the kernel's log beside a program of yours, on standard error";
        let limit = "Seconds after which a run ends, 0 for never (default: 300 without a terminal)";
        let dry_run = "Print QEMU's command line instead of running it";
        let built = Arg::new("built").long("built").action(ArgAction::SetTrue);
        rootfs::Options::declare(Machine::declare(command))
            .arg(path("program", "PROGRAM", program))
            .arg(text("args", "ARGS", args))
            .arg(text("files", "FILES", files))
            .arg(path("out", "OUT", out))
            .arg(value("rootfs", "ROOTFS", rootfs))
            .arg(path("initrd", "INITRD", initrd))
            .arg(text("append", "APPEND", append))
            .arg(switch("strace", "STRACE", strace))
            .arg(switch("verbose", "VERBOSE", verbose))
            .arg(value("limit", "LIMIT", limit))
            .arg(switch("dry-run", "DRYRUN", dry_run))
            .arg(built.help("Boot what is built already"))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            machine: Machine::read(matches),
            program: find(matches, "program"),
            args: get(matches, "args"),
            files: get(matches, "files"),
            out: find(matches, "out"),
            rootfs: find(matches, "rootfs"),
            packages: rootfs::Options::read(matches),
            initrd: find(matches, "initrd"),
            append: get(matches, "append"),
            strace: get(matches, "strace"),
            verbose: get(matches, "verbose"),
            limit: find(matches, "limit"),
            dry_run: get(matches, "dry-run"),
            built: get(matches, "built"),
        }
    }
}

/// Installs what is missing, builds and boots. At a terminal a shell follows the tour.
pub fn command(options: &Options) -> Result<ExitCode> {
    let options = options.clone().without_empty();
    if options.dry_run {
        return options.print_command();
    }
    if let Some(program) = &options.program {
        return run_program(&options, program);
    }
    if std::io::stdin().is_terminal() {
        ui::note("Ctrl-A X ends QEMU.");
    }
    let vm = options.prepare(None)?.vm;
    let seconds = options.seconds()?;
    if options.initrd.is_some() || options.strace {
        return report(&on_terminal(&vm, seconds)?, vm.accelerator());
    }
    let (code, is_whole) = tour::run(&vm, seconds)?;
    if is_whole && shell::at_terminal() {
        return shell::after_the_tour(&options.machine);
    }
    Ok(code)
}

/// Runs the user's program under an init of ours (see [`session`]); returns the program's exit
/// status.
fn run_program(options: &Options, program: &Path) -> Result<ExitCode> {
    let ends = Ends::here();
    if ends.is_typed() {
        ui::note("Ctrl-C ends the program, Ctrl-A X ends QEMU.");
    }
    let token = token::random();
    let limit = limit(options.seconds()?, ends.is_typed());
    let Prepared { vm, out } = options.prepare(Some(Talk {
        ends,
        token: &token,
        limit,
    }))?;
    let grace = if out.is_some() { GRACE_WITH_OUT } else { GRACE };
    let vm = vm.timeout(limit.map(|limit| limit.saturating_add(grace)));
    let guard = ends.is_typed().then(TerminalGuard::new);
    let told = Arc::new(Mutex::new(Report::default()));
    let session = Session::new(ends, &token, told.clone());
    let outcome = with_patience(vm.clone()).run_with(Box::new(session), ends.is_typed())?;
    drop(guard);
    say_what_qemu_said(&outcome);
    check_kvm_worked(&outcome, vm.accelerator())?;
    let told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    let name = program.display().to_string();
    let code = session::exit_code(&name, &told, &outcome);
    let received = out.map_or(Ok(()), |out| out.receive(&told.archive));
    match (received, code) {
        (Ok(()), code) => Ok(ExitCode::from(code)),
        (Err(error), 0) => Err(error),
        (Err(error), code) => {
            ui::note(format!("{error:#}"));
            Ok(ExitCode::from(code))
        }
    }
}

/// Time limit of a run: by default none with a terminal.
fn limit(seconds: Option<u64>, terminal: bool) -> Option<Duration> {
    let default = if terminal { 0 } else { UNATTENDED_LIMIT };
    let seconds = seconds.unwrap_or(default);
    (seconds != 0).then(|| Duration::from_secs(seconds))
}

/// Ends a guest under KVM that has no output soon.
fn with_patience(vm: Vm) -> Vm {
    if vm.accelerator().starts_with("kvm") {
        vm.silence(KVM_SILENCE)
    } else {
        vm
    }
}

/// Boots a machine on this terminal, and turns its end into an exit status.
pub fn boot(vm: &Vm) -> Result<ExitCode> {
    report(&on_terminal(vm, None)?, vm.accelerator())
}

/// Boots a machine on this terminal, where there is one.
fn on_terminal(vm: &Vm, seconds: Option<u64>) -> Result<Outcome> {
    let terminal = std::io::stdin().is_terminal();
    let _guard = terminal.then(TerminalGuard::new);
    let vm = vm.clone().console(terminal);
    with_patience(vm.timeout(limit(seconds, terminal))).run()
}

fn say_what_qemu_said(outcome: &Outcome) {
    if !outcome.stderr.trim().is_empty() {
        eprintln!("{}", outcome.stderr.trim());
    }
}

/// Blames KVM for a guest without output under it.
fn check_kvm_worked(outcome: &Outcome, accel: &str) -> Result<()> {
    let is_well = matches!(
        outcome.verdict,
        Verdict::Pass | Verdict::PowerOff | Verdict::Quit
    );
    ensure!(
        is_well || !accel.starts_with("kvm") || !outcome.serial.is_empty(),
        "ACCEL=kvm does not work here: {}, and the guest had no output. /dev/kvm exists, \
         but guests fail or hang under it (nested virtualisation, most often). Leave ACCEL=kvm \
         out: the default, ACCEL=tcg, emulates the CPU and runs anywhere.",
        outcome.verdict
    );
    Ok(())
}

/// Prints what went wrong, and converts the machine's end into an exit status: init's own, if it
/// exited.
pub fn report(outcome: &Outcome, accel: &str) -> Result<ExitCode> {
    say_what_qemu_said(outcome);
    check_kvm_worked(outcome, accel)?;
    let code = match &outcome.verdict {
        Verdict::Pass | Verdict::PowerOff | Verdict::Quit => 0,
        Verdict::InitFailed => outcome.init_status().unwrap_or(1),
        other => {
            ui::note(format!("{other}"));
            other.exit_code()
        }
    };
    Ok(ExitCode::from(code))
}

/// Boots the tour with a boot image other than the built one, on this terminal.
pub fn boot_tour(image: &Path) -> Result<ExitCode> {
    let tour = image::tour();
    let bytes = fs::read(&tour).with_context(|| format!("cannot read {}", tour.display()))?;
    if image != paths::boot_image() {
        ui::note(format!("Booting {}", image.display()));
    }
    Ok(tour::run(&Vm::new().kernel(image).initrd(bytes), None)?.0)
}
