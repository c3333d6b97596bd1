//! From the options of `make run` to a machine: what the user names is checked and read, what is
//! missing is built, and the initramfs is packed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Initramfs, Vm, paths};

use super::Options;
use super::files::Files;
use super::libraries::Libraries;
use super::out::Out;
use crate::build::{self, image};
use crate::command_line::{Append, split};
use crate::rootfs;
use crate::session::{self, Ends};
use crate::setup::{self, needs};
use crate::shell;
use crate::toolchain::Toolchain;
use crate::ui;

/// Limit of a program's arguments in init, in bytes: see `user/bin/src/bin/init/request.rs`.
const ARGS_MAX: usize = 60 * 1024;

/// Default `MEM` in MiB, without what the archive takes.
const MEMORY: usize = 128;

/// How init and this command talk about the user's program.
#[derive(Clone, Copy, Debug)]
pub struct Talk<'a> {
    /// The program's three files.
    pub ends: Ends,
    /// The token of init's frames.
    pub token: &'a str,
    /// Time limit of the program.
    pub limit: Option<Duration>,
}

/// A machine to be run.
#[derive(Debug)]
pub struct Prepared {
    /// The machine.
    pub vm: Vm,
    /// Where the files go that the program leaves.
    pub out: Option<Out>,
}

/// What builds all that is booted, and where it leaves the tour.
struct Build {
    make: fn(&Toolchain) -> Result<()>,
    tour: fn() -> PathBuf,
}

const RELEASE: Build = Build {
    make: build::everything,
    tour: image::tour,
};
const FOR_GDB: Build = Build {
    make: build::debugged,
    tour: image::tour_for_gdb,
};

/// The user's archive or program, read before anything is built.
enum Content {
    Tour,
    Archive(Vec<u8>),
    Program(image::Program),
}

impl Options {
    /// Treats an empty variable as unset: make passes all of them.
    pub(super) fn without_empty(mut self) -> Self {
        let set = |path: &PathBuf| !path.as_os_str().is_empty();
        self.program = self.program.filter(set);
        self.initrd = self.initrd.filter(set);
        self.out = self.out.filter(set);
        self.rootfs = self.rootfs.filter(|rootfs| !rootfs.is_empty());
        self.limit = self.limit.filter(|limit| !limit.is_empty());
        self
    }

    /// Installs what is missing and builds; returns the machine. `talk` is for the user's program;
    /// without it the program has the terminal.
    pub fn prepare(&self, talk: Option<Talk<'_>>) -> Result<Prepared> {
        self.prepare_build(talk, &RELEASE)
    }

    /// The machine of `make debug`: [`Options::prepare`] with the build for gdb.
    pub fn prepare_for_gdb(&self) -> Result<Vm> {
        let vm = self.prepare_build(None, &FOR_GDB)?.vm;
        // Every program has the same addresses at each run.
        Ok(vm.kernel(paths::debug_image()).append_first("norandmaps"))
    }

    fn prepare_build(&self, talk: Option<Talk<'_>>, built: &Build) -> Result<Prepared> {
        let options = self.clone().without_empty();
        let append = Append::new(&options.append);
        let content = options.check(&append)?;
        let mut files = Files::read(&options.files)?;
        let place = match (&content, &options.program) {
            (Content::Program(program), Some(path)) => files.program(path, &program.bytes)?,
            _ => String::new(),
        };
        let out = options.out.as_deref();
        let out = out.map(|out| Out::open(out, files.clone())).transpose()?;
        let libraries = options.libraries(&content)?;
        let talk = talk.unwrap_or(Talk {
            ends: Ends::at_terminal(),
            token: "",
            limit: None,
        });
        let line = options.command_line(&append, talk.ends)?;
        if !options.built {
            setup::packages(needs::of("run"))?;
            (built.make)(&setup::toolchain()?)?;
        }
        let initrd = match content {
            Content::Archive(bytes) => bytes,
            Content::Program(_) => {
                let mut words = vec![place];
                words.extend(split("ARGS", &options.args)?);
                let request = session::Request {
                    ends: talk.ends,
                    token: talk.token,
                    strace: options.strace,
                    archive: out.is_some(),
                    limit: talk.limit.map(|limit| limit.as_secs()),
                };
                let archive = image::around_program(request.encode(&words))?;
                options.on_a_root(files.pack(archive), libraries)?
            }
            Content::Tour => {
                let tour = (built.tour)();
                fs::read(&tour).with_context(|| format!("cannot read {}", tour.display()))?
            }
        };
        // Twice the archive while it is unpacked, and what the program makes of it.
        let memory = match options.program {
            Some(_) => MEMORY + (initrd.len() >> 20) * 3,
            None => MEMORY,
        };
        let vm = options.machine.vm(&format!("{memory}M"))?;
        let vm = vm.initrd(initrd).append(line);
        Ok(Prepared { vm, out })
    }

    /// The libraries that a dynamically linked program needs, if it is to have the host's.
    fn libraries(&self, content: &Content) -> Result<Option<Libraries>> {
        let Content::Program(program) = content else {
            return Ok(None);
        };
        let (Some(interpreter), None, Some(path)) =
            (&program.interpreter, &self.rootfs, &self.program)
        else {
            return Ok(None);
        };
        let name = path.display();
        let libraries = Libraries::find(path, interpreter)
            .with_context(|| format!("PROGRAM={name} is dynamically linked"))?;
        ui::note(format!(
            "{name} is dynamically linked: this host's {} go along",
            libraries.describe()
        ));
        Ok(Some(libraries))
    }

    /// The archive of a program on its root file system: ours, or Debian's.
    fn on_a_root(&self, program: Initramfs, libraries: Option<Libraries>) -> Result<Vec<u8>> {
        if self.rootfs.is_some() {
            let debian = rootfs::ensure(&self.packages)?;
            let mut archive =
                fs::read(&debian).with_context(|| format!("cannot read {}", debian.display()))?;
            archive.extend(program.build());
            return Ok(archive);
        }
        let root = image::base(program);
        let root = libraries.map_or(Ok(root.clone()), |libraries| libraries.pack(root))?;
        Ok(root.build())
    }

    /// The program whose symbols a debugger loads.
    pub fn debugged(&self) -> PathBuf {
        let program = self.clone().without_empty().program;
        program.unwrap_or_else(|| paths::debug_tour(64))
    }

    /// The value of `LIMIT`.
    pub(super) fn seconds(&self) -> Result<Option<u64>> {
        let parse = |limit: &String| {
            let seconds = limit.parse();
            seconds.with_context(|| format!("LIMIT={limit}: a number of seconds, 0 for no limit"))
        };
        self.limit.as_ref().map(parse).transpose()
    }

    /// Checks the options before anything is built, and reads what the user names.
    fn check(&self, append: &Append) -> Result<Content> {
        self.machine.check()?;
        self.seconds()?;
        match (&self.program, &self.initrd) {
            (Some(_), Some(_)) => bail!(
                "PROGRAM and INITRD are both set, and each says what runs: leave one of them out"
            ),
            (Some(program), None) => self.check_program(program, append),
            (None, initrd) => {
                for (name, is_set) in [
                    ("FILES", !self.files.is_empty()),
                    ("OUT", self.out.is_some()),
                    ("ROOTFS", self.rootfs.is_some()),
                ] {
                    ensure!(!is_set, "{name} goes with PROGRAM, which is not set");
                }
                initrd
                    .as_ref()
                    .map_or(Ok(Content::Tour), |path| read_archive(path))
            }
        }
    }

    fn check_program(&self, program: &Path, append: &Append) -> Result<Content> {
        let program = image::Program::read(program)?;
        split("ARGS", &self.args)?;
        ensure!(
            self.args.len() <= ARGS_MAX,
            "ARGS has {} bytes, and {ARGS_MAX} at most reach the program",
            self.args.len()
        );
        if append.names_an_init() {
            bail!("APPEND names an init, and PROGRAM another: leave one of them out");
        }
        if let Some(rootfs) = &self.rootfs {
            ensure!(
                rootfs == "debian",
                "ROOTFS={rootfs}: debian, or leave it out"
            );
        }
        Ok(Content::Program(program))
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

    /// Prints QEMU's command line, as a shell reads it. Its initramfs is left in the target
    /// directory.
    pub(super) fn print_command(&self) -> Result<ExitCode> {
        let directory = paths::target().join("dryrun");
        fs::create_dir_all(&directory)?;
        let vm = self.prepare(None)?.vm.console(true);
        let qemu = vm.prepare_in(&directory)?;
        let words = [qemu.get_program()].into_iter().chain(qemu.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        println!("{}", shlex::try_join(words.iter().map(|word| &word[..]))?);
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads the user's initramfs.
fn read_archive(path: &Path) -> Result<Content> {
    let name = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot read INITRD={name}"))?;
    ensure!(
        image::is_archive(&bytes),
        "INITRD={name} is not an initramfs: a newc archive, plain or gzip"
    );
    Ok(Content::Archive(bytes))
}
