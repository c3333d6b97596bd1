//! Machines that a grader boots: the graded kernel with a program of the grader's as its init.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::gdb::{self, Gdb};
use harness::{Initramfs, Verdict, Vm, paths};

use crate::crash::{self, Crash};

/// Time limit of the first boot, which measures the others'.
const FIRST_LIMIT: Duration = Duration::from_secs(60);
/// The least time limit: a busy host may stop QEMU for a while.
const LEAST_LIMIT: Duration = Duration::from_secs(10);
/// The limit in boots.
const BOOTS: u32 = 20;

/// The graded kernel.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The boot image.
    pub image: PathBuf,
    /// The kernel with its symbols.
    pub elf: PathBuf,
}

/// The machines of one grading: they differ in the program, its words and their limit.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The kernel.
    pub kernel: Kernel,
    /// The time limit of a run.
    pub limit: Duration,
    /// The time of a boot.
    pub boot: Duration,
}

/// One machine: its init and what init gets.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// init.
    pub program: PathBuf,
    /// init's arguments.
    pub arguments: Vec<String>,
    /// Words of the kernel's command line.
    pub words: Vec<String>,
    /// Files beside init.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Machine {
    /// A machine whose init is this program.
    pub fn new(program: &Path, arguments: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// With these words on the kernel's command line.
    pub fn words(mut self, words: &str) -> Self {
        self.words.push(words.to_owned());
        self
    }

    /// With this file.
    pub fn file(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.push((path.to_owned(), bytes.to_vec()));
        self
    }
}

impl Bench {
    /// Boots the kernel once with a program that ends at once: the limit of the other machines is
    /// twenty times the time of that. An error of the machine is the result's.
    pub fn calibrate(kernel: Kernel, program: &Path) -> Result<Result<Self, Crash>> {
        let mut bench = Self {
            kernel,
            limit: FIRST_LIMIT,
            boot: Duration::ZERO,
        };
        let machine = Machine::new(program, &["nothing"]);
        let outcome = bench.vm(&machine)?.run()?;
        if outcome.verdict != Verdict::Pass {
            return Ok(Err(crash::describe(&bench, &machine, &outcome)?));
        }
        bench.boot = outcome.elapsed;
        bench.limit = (outcome.elapsed * BOOTS).max(LEAST_LIMIT);
        Ok(Ok(bench))
    }

    /// QEMU's description of a machine.
    pub fn vm(&self, machine: &Machine) -> Result<Vm> {
        let mut files = Initramfs::new().dir("/dev").dir("/proc");
        files = files.executable_from("/init", &machine.program)?;
        for (path, bytes) in &machine.files {
            files = files.file(path, bytes.clone());
        }
        let mut words = vec!["quiet".to_owned()];
        words.extend(machine.words.iter().cloned());
        words.push("--".to_owned());
        words.extend(machine.arguments.iter().cloned());
        let vm = Vm::new().kernel(&self.kernel.image).initramfs(&files);
        Ok(vm.append(words.join(" ")).timeout(self.limit))
    }

    /// Boots a machine; returns what it printed. A hang is tried once more before it counts.
    pub fn run(&self, machine: &Machine) -> Result<Result<String, Crash>> {
        let mut outcome = self.vm(machine)?.run()?;
        if outcome.verdict == Verdict::Timeout {
            outcome = self.vm(machine)?.run()?;
        }
        if outcome.verdict == Verdict::Pass {
            return Ok(Ok(outcome.serial));
        }
        Ok(Err(crash::describe(self, machine, &outcome)?))
    }

    /// Boots a machine with a script in control; returns what it printed, and how the script ended.
    /// What the script has found out is the caller's: it stays if the machine ends early.
    pub fn watch(
        &self,
        machine: &Machine,
        script: impl FnOnce(&mut Gdb) -> Result<()> + Send + 'static,
    ) -> Result<Watched> {
        let vm = self.vm(machine)?;
        let ends = gdb::run_with_symbols(vm, &self.kernel.elf, script)?;
        let crash = if ends.machine.verdict == Verdict::Pass {
            None
        } else if ends.machine.verdict == Verdict::Timeout {
            // Once more, alone: if it ends by itself then, the script was in its way.
            self.run(machine)?.err()
        } else {
            crash::from_outcome(self, machine, &ends.machine)?
        };
        Ok(Watched {
            serial: ends.machine.serial,
            script: ends.script,
            crash,
        })
    }
}

/// A run under a script.
#[derive(Debug)]
pub struct Watched {
    /// What the machine printed.
    pub serial: String,
    /// How the script ended.
    pub script: Result<()>,
    /// How the machine ended, if not by init's exit.
    pub crash: Option<Crash>,
}

impl Watched {
    /// The end that decides the open checks: the machine's, or the script's.
    pub fn end(self) -> Option<Crash> {
        let kind = "script";
        let of_script = || self.script.err().map(|error| format!("{error:#}"));
        self.crash
            .or_else(|| of_script().map(|cause| Crash { kind, cause }))
    }
}

/// Compiles a C program of a lab: without a C library, at addresses that 32-bit registers hold.
pub fn compile(source: &Path, bits: u32, options: &[String]) -> Result<PathBuf> {
    let folder = paths::target().join("labs/programs");
    std::fs::create_dir_all(&folder)?;
    let above = source
        .parent()
        .and_then(Path::file_name)
        .unwrap_or_default();
    let stem = source.file_stem().unwrap_or_default();
    let name = format!(
        "{}.{}.{bits}",
        above.to_string_lossy(),
        stem.to_string_lossy()
    );
    let program = folder.join(name);
    let mut gcc = Command::new("gcc");
    gcc.args([
        "-std=gnu11",
        "-O1",
        "-Wall",
        "-Werror",
        "-static",
        "-nostdlib",
    ]);
    gcc.args([
        "-ffreestanding",
        "-fno-pie",
        "-no-pie",
        "-fno-stack-protector",
    ]);
    gcc.args([
        "-fcf-protection=none",
        "-fno-asynchronous-unwind-tables",
        "-fno-builtin",
    ]);
    gcc.args([
        "-mgeneral-regs-only",
        "-Wl,--build-id=none",
        "-Wl,-z,noexecstack",
    ]);
    gcc.args(if bits == 64 {
        ["-m64", "-mno-red-zone"]
    } else {
        ["-m32", "-mno-mmx"]
    });
    gcc.arg("-I").arg(paths::own_root().join("labs/programs"));
    gcc.args(options).arg("-o").arg(&program).arg(source);
    let output = gcc.stdin(Stdio::null()).output();
    let output = output.context("cannot start gcc: `make doctor` says what is missing")?;
    ensure!(
        output.status.success(),
        "{} can't be compiled:\n{}",
        source.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(program)
}
