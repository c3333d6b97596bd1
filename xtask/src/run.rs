//! `make run`: boots the tour, the user's program or the user's archive, on the terminal.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use harness::{Outcome, Verdict, Vm, paths, token};

use crate::build::{self, image};
use crate::command_line::{Append, split_args};
use crate::machine::Machine;
use crate::options::{self, find, get, path, switch, text, value};
use crate::session::{self, Ends, Report, Session};
use crate::setup::{self, needs};
use crate::shell;
use crate::terminal::TerminalGuard;
use crate::ui;

/// Default `LIMIT` of a run without a terminal, in seconds: no user can end a machine that hangs.
const UNATTENDED_LIMIT: u64 = 300;

/// Limit of a program's arguments in init, in bytes: see `user/bin/src/bin/init/request.rs`.
const ARGS_MAX: usize = 60 * 1024;

/// A guest under KVM without output for this long hangs: the loader prints its first line within a
/// tenth of a second.
const KVM_SILENCE: Duration = Duration::from_secs(8);

/// Default `MEM`.
const MEMORY: &str = "128M";

/// Options of `make run`, each also a variable of that name.
#[derive(Clone, Debug)]
pub struct Options {
    machine: Machine,
    program: Option<PathBuf>,
    args: String,
    initrd: Option<PathBuf>,
    append: String,
    strace: bool,
    verbose: bool,
    limit: Option<u64>,
    built: bool,
}

impl options::Options for Options {
    fn declare(command: Command) -> Command {
        let program = "A static Linux program of yours to run instead of the tour";
        let args = "Arguments for it, split as a shell does";
        let initrd = "A newc archive of yours to boot instead of the tour (its /init runs)";
        let append = "Further words for the kernel's command line";
        let strace = "Print each system call as strace does, with the door it came through";
        let verbose = "Show the kernel's log beside a program of yours, on standard error";
        let limit = "Seconds after which a run ends, 0 for never (default: 300 without a terminal)";
        let built = Arg::new("built").long("built").action(ArgAction::SetTrue);
        Machine::declare(command)
            .arg(path("program", "PROGRAM", program))
            .arg(text("args", "ARGS", args))
            .arg(path("initrd", "INITRD", initrd).conflicts_with("program"))
            .arg(text("append", "APPEND", append))
            .arg(switch("strace", "STRACE", strace))
            .arg(switch("verbose", "VERBOSE", verbose))
            .arg(value("limit", "LIMIT", limit).value_parser(value_parser!(u64)))
            .arg(built.help("Boot what is built already"))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            machine: Machine::read(matches),
            program: find(matches, "program"),
            args: get(matches, "args"),
            initrd: find(matches, "initrd"),
            append: get(matches, "append"),
            strace: get(matches, "strace"),
            verbose: get(matches, "verbose"),
            limit: find(matches, "limit"),
            built: get(matches, "built"),
        }
    }
}

/// Installs what is missing, builds and boots. At a terminal a shell follows the tour.
pub fn command(options: &Options) -> Result<ExitCode> {
    let options = options.clone().without_empty();
    if let Some(program) = &options.program {
        return run_program(&options, program);
    }
    if std::io::stdin().is_terminal() {
        ui::note("Ctrl-A X ends QEMU.");
    }
    let vm = options.prepare(None)?;
    let outcome = on_terminal(&vm, options.limit)?;
    let code = report(&outcome, vm.accelerator())?;
    let is_tour = options.initrd.is_none() && !options.strace;
    if is_tour && outcome.verdict == Verdict::Pass && shell::at_terminal() {
        return shell::after_the_tour(&options.machine);
    }
    Ok(code)
}

/// Runs the user's program under an init of ours (see [`session`]); returns the program's exit status.
fn run_program(options: &Options, program: &Path) -> Result<ExitCode> {
    let ends = Ends::here();
    if ends.is_typed() {
        ui::note("Ctrl-C ends the program, Ctrl-A X ends QEMU.");
    }
    let token = token::random();
    let vm = options.prepare(Some((ends, &token)))?;
    let vm = vm.timeout(limit(options.limit, ends.is_typed()));
    let guard = ends.is_typed().then(TerminalGuard::new);
    let told = Arc::new(Mutex::new(Report::default()));
    let session = Session::new(ends, &token, told.clone());
    let outcome = with_patience(vm.clone()).run_with(Box::new(session), ends.is_typed())?;
    drop(guard);
    say_what_qemu_said(&outcome);
    check_kvm_worked(&outcome, vm.accelerator())?;
    let told = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let name = program.display().to_string();
    Ok(ExitCode::from(session::exit_code(&name, &told, &outcome)))
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

impl Options {
    /// Treats an empty variable as unset: make passes all of them.
    fn without_empty(mut self) -> Self {
        let set = |path: &PathBuf| !path.as_os_str().is_empty();
        self.program = self.program.filter(set);
        self.initrd = self.initrd.filter(set);
        self
    }

    /// Installs what is missing and builds; returns the machine. `program` is for the user's
    /// program: its three standard files, and the token of init's frames.
    pub fn prepare(&self, program: Option<(Ends, &str)>) -> Result<Vm> {
        let options = self.clone().without_empty();
        let append = Append::new(&options.append);
        let initrd = options.check(&append)?;
        let (ends, token) = program.unwrap_or((Ends::at_terminal(), ""));
        let line = options.command_line(&append, ends)?;
        if !options.built {
            setup::packages(needs::of("run"))?;
            build::everything(&setup::toolchain()?)?;
        }
        let initrd = match (initrd, &options.program) {
            (Some(bytes), _) => bytes,
            (None, Some(file)) => {
                let mut words = vec![image::place(file)];
                words.extend(split_args(&options.args)?);
                let request = session::request(ends, token, options.strace, &words);
                image::around(file, request)?.build()
            }
            (None, None) => {
                let tour = image::tour();
                fs::read(&tour).with_context(|| format!("cannot read {}", tour.display()))?
            }
        };
        Ok(options.machine.vm(MEMORY)?.initrd(initrd).append(line))
    }

    /// The program whose symbols a debugger loads.
    pub fn debugged(&self) -> PathBuf {
        let program = self.clone().without_empty().program;
        program.unwrap_or_else(|| paths::program(64, "tour"))
    }

    /// Checks the options before anything is built; returns the user's archive, if one is named.
    fn check(&self, append: &Append) -> Result<Option<Vec<u8>>> {
        self.machine.check()?;
        if let Some(program) = &self.program {
            image::read_program(program)?;
            split_args(&self.args)?;
            ensure!(
                self.args.len() <= ARGS_MAX,
                "ARGS has {} bytes, and {ARGS_MAX} at most reach the program",
                self.args.len()
            );
            if append.names_an_init() {
                bail!("APPEND names an init, and PROGRAM another: leave one of them out");
            }
        }
        let Some(path) = &self.initrd else {
            return Ok(None);
        };
        let bytes =
            fs::read(path).with_context(|| format!("cannot read INITRD={}", path.display()))?;
        ensure!(
            image::is_archive(&bytes),
            "INITRD={} is not an initramfs: a newc archive, plain or gzip",
            path.display()
        );
        Ok(Some(bytes))
    }

    fn command_line(&self, append: &Append, ends: Ends) -> Result<String> {
        if self.program.is_some() {
            let rdinit = format!("rdinit={}", image::PROGRAM_INIT);
            let quiet = if self.verbose { "" } else { "quiet" };
            let term = ends.is_typed().then(shell::term).flatten();
            return append.with(&[&rdinit, quiet, term.as_deref().unwrap_or("")], "");
        }
        let strace = if self.strace { "strace" } else { "" };
        append.with(&[strace], &self.args)
    }
}

/// Boots the tour with a boot image other than the built one, on this terminal.
pub fn boot_tour(image: &Path) -> Result<ExitCode> {
    let tour = image::tour();
    let bytes = fs::read(&tour).with_context(|| format!("cannot read {}", tour.display()))?;
    let rebuilt = image != paths::boot_image();
    if rebuilt {
        ui::note(format!("Booting {}", image.display()));
    }
    boot(&Vm::new().kernel(image).initrd(bytes))
}
