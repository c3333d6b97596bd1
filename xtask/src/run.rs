//! `make run`: boots the tour, a program or an archive of the user's, on the terminal.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use harness::{Outcome, Verdict, Vm, paths};

use crate::build::{self, image};
use crate::machine::Machine;
use crate::setup::{self, needs};
use crate::shell;
use crate::terminal::TerminalGuard;
use crate::ui;

/// Without a terminal nobody is there to end a run that hangs.
const UNATTENDED_LIMIT: Duration = Duration::from_secs(300);

/// A guest under KVM that has said nothing for this long hangs: the loader's first line takes
/// a tenth of a second.
const KVM_SILENCE: Duration = Duration::from_secs(8);

/// Memory of the machine, where `MEM` doesn't say.
const MEMORY: &str = "128M";

/// What `make run` takes, each as an option or as a variable of that name.
#[derive(Args, Clone, Debug)]
pub struct Options {
    #[command(flatten)]
    machine: Machine,
    /// A static Linux program of yours to run instead of the tour
    #[arg(long, env = "PROGRAM")]
    program: Option<PathBuf>,
    /// Arguments for it, parted by blanks
    #[arg(long, env = "ARGS", default_value = "", allow_hyphen_values = true)]
    args: String,
    /// A newc archive of yours to boot instead of the tour (its /init runs)
    #[arg(long, env = "INITRD", conflicts_with = "program")]
    initrd: Option<PathBuf>,
    /// Further words for the kernel's command line
    #[arg(long, env = "APPEND", default_value = "", allow_hyphen_values = true)]
    append: String,
    /// Print each system call as strace does, with the door it came through
    #[arg(long, env = "STRACE", value_parser = clap::builder::FalseyValueParser::new())]
    strace: bool,
}

/// Installs what is missing, builds and boots. Whoever took the tour at a terminal gets a shell.
pub fn command(options: &Options) -> Result<ExitCode> {
    let options = options.clone().without_empty();
    let vm = options.prepare()?.0;
    let outcome = on_terminal(&vm)?;
    let code = report(&outcome, vm.accelerator())?;
    let is_tour = options.program.is_none() && options.initrd.is_none() && !options.strace;
    if is_tour && outcome.verdict == Verdict::Pass && shell::at_terminal() {
        return shell::after_the_tour(&options.machine);
    }
    Ok(code)
}

/// Boots a machine on this terminal, and turns its end into an exit status.
pub fn boot(vm: &Vm) -> Result<ExitCode> {
    report(&on_terminal(vm)?, vm.accelerator())
}

/// Boots a machine on this terminal, where there is one.
fn on_terminal(vm: &Vm) -> Result<Outcome> {
    let terminal = std::io::stdin().is_terminal();
    let _guard = terminal.then(TerminalGuard::new);
    let mut vm = vm.clone().console(terminal);
    vm = vm.timeout((!terminal).then_some(UNATTENDED_LIMIT));
    if vm.accelerator().starts_with("kvm") {
        vm = vm.silence(KVM_SILENCE);
    }
    vm.run()
}

/// Says what went wrong, and turns the machine's end into an exit status.
pub fn report(outcome: &Outcome, accel: &str) -> Result<ExitCode> {
    if !outcome.stderr.trim().is_empty() {
        eprintln!("{}", outcome.stderr.trim());
    }
    match &outcome.verdict {
        Verdict::Pass | Verdict::PowerOff | Verdict::Quit => {}
        verdict if accel.starts_with("kvm") && outcome.serial.is_empty() => bail!(
            "ACCEL=kvm does not work here: {verdict}, and the guest had not said a word. \
             /dev/kvm exists, but guests fail or hang under it (nested virtualisation, most \
             often). Leave ACCEL=kvm out: the default, ACCEL=tcg, emulates the CPU and runs \
             anywhere."
        ),
        other => ui::note(format!("{other}")),
    }
    Ok(ExitCode::from(outcome.verdict.exit_code()))
}

impl Options {
    /// A variable that is set to nothing counts as not set: make passes them all on.
    fn without_empty(mut self) -> Self {
        let set = |path: &PathBuf| !path.as_os_str().is_empty();
        self.program = self.program.filter(set);
        self.initrd = self.initrd.filter(set);
        self
    }

    /// Installs what is missing and builds: gives the machine, and the program it will run.
    pub fn prepare(&self) -> Result<(Vm, PathBuf)> {
        let options = self.clone().without_empty();
        setup::packages(needs::RUN)?;
        let initrd = options.initrd()?;
        build::everything(&setup::toolchain()?)?;
        let initrd = match initrd {
            Some(bytes) => bytes,
            None => options.own_archive()?,
        };
        let vm = options
            .machine
            .vm(MEMORY)?
            .initrd(initrd)
            .append(options.command_line());
        let program = options
            .program
            .unwrap_or_else(|| paths::program(64, "tour"));
        Ok((vm, program))
    }

    /// The user's archive, where one is named. Wrong files are found before anything is built.
    fn initrd(&self) -> Result<Option<Vec<u8>>> {
        if let Some(program) = &self.program {
            image::around(program)?;
        }
        let Some(path) = &self.initrd else {
            return Ok(None);
        };
        fs::read(path)
            .map(Some)
            .with_context(|| format!("cannot read INITRD={}", path.display()))
    }

    /// The archive that this repository makes: around the user's program, or the tour's.
    fn own_archive(&self) -> Result<Vec<u8>> {
        match &self.program {
            Some(program) => Ok(image::around(program)?.build()),
            None => {
                let tour = image::tour();
                fs::read(&tour).with_context(|| format!("cannot read {}", tour.display()))
            }
        }
    }

    fn command_line(&self) -> String {
        let mut words = vec![self.append.clone()];
        if self.strace {
            words.push("strace".into());
        }
        if let Some(program) = &self.program {
            let name = image::place(program);
            words.push(format!("rdinit={name}"));
        }
        let args = self.args.trim();
        if !args.is_empty() {
            words.push(format!("-- {args}"));
        }
        words.retain(|word| !word.is_empty());
        words.join(" ")
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
