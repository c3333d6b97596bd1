//! One machine: what it is made of, and its run.
//!
//! ```no_run
//! use harness::{Initramfs, Verdict, Vm};
//!
//! let files = Initramfs::new().executable("/init", std::fs::read("hello").unwrap());
//! let outcome = Vm::new().initramfs(&files).append("quiet -- x y").run().unwrap();
//! assert_eq!(outcome.verdict, Verdict::Pass, "{}", outcome.serial);
//! ```

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::child::Leashed;
use crate::initramfs::Initramfs;
use crate::paths;
use crate::qmp::Channel;
use crate::verdict::Verdict;

/// The program that every machine runs in.
pub const QEMU: &str = "qemu-system-x86_64";

/// Time limit of a run where none is given.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A machine to be booted.
#[derive(Clone, Debug)]
pub struct Vm {
    kernel: Option<PathBuf>,
    initrd: Option<Vec<u8>>,
    append: Vec<String>,
    machine: String,
    accel: String,
    cpu: String,
    memory: String,
    smp: u32,
    timeout: Option<Duration>,
    silence: Option<Duration>,
    extra: Vec<String>,
    input: Input,
    echo: bool,
    serial_file: Option<PathBuf>,
    landmark: Option<String>,
}

/// Where the serial line's input comes from.
#[derive(Clone, Debug)]
enum Input {
    /// There is none.
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// The harness's own standard input.
    Inherited {
        /// It is a terminal: Ctrl-C belongs to the guest, Ctrl-A X ends QEMU.
        terminal: bool,
    },
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub verdict: Verdict,
    /// Everything that came over the serial line, with CR-LF turned into LF.
    pub serial: String,
    /// What QEMU itself said on its standard error.
    pub stderr: String,
    /// From QEMU's start to its end.
    pub elapsed: Duration,
    /// From QEMU's start to the landmark's coming over the serial line (see [`Vm::landmark`]).
    pub landmark: Option<Duration>,
}

impl Default for Vm {
    fn default() -> Self {
        Self {
            kernel: Some(paths::boot_image()),
            initrd: None,
            append: Vec::new(),
            machine: "pc".into(),
            accel: "tcg".into(),
            cpu: "max".into(),
            memory: "128M".into(),
            smp: 1,
            timeout: Some(DEFAULT_TIMEOUT),
            silence: None,
            extra: Vec::new(),
            input: Input::Empty,
            echo: false,
            serial_file: None,
            landmark: None,
        }
    }
}

impl Vm {
    /// A plain machine: `pc`, 128 MiB, `-cpu max` under TCG, the built boot image.
    pub fn new() -> Self {
        Self::default()
    }

    /// Boots this file (`-kernel`) instead of the built boot image.
    pub fn kernel(mut self, path: impl Into<PathBuf>) -> Self {
        self.kernel = Some(path.into());
        self
    }

    /// Boots from what [`Vm::arg`] attaches (a disk, a CD) instead of `-kernel`.
    pub fn no_kernel(mut self) -> Self {
        self.kernel = None;
        self
    }

    /// Hands these files over as the initramfs.
    pub fn initramfs(self, files: &Initramfs) -> Self {
        self.initrd(files.build())
    }

    /// Hands these bytes over as `-initrd`, whatever they are.
    pub fn initrd(mut self, bytes: Vec<u8>) -> Self {
        self.initrd = Some(bytes);
        self
    }

    /// Adds words to the kernel's command line.
    pub fn append(mut self, words: impl Into<String>) -> Self {
        self.append.push(words.into());
        self
    }

    /// Adds words before all others: before a ` -- `, that is.
    pub fn append_first(mut self, words: impl Into<String>) -> Self {
        self.append.insert(0, words.into());
        self
    }

    /// `-machine`: `pc`, `q35`, `microvm`.
    pub fn machine(mut self, machine: impl Into<String>) -> Self {
        self.machine = machine.into();
        self
    }

    /// `-accel`: `tcg`, `kvm`.
    pub fn accel(mut self, accel: impl Into<String>) -> Self {
        self.accel = accel.into();
        self
    }

    /// `-cpu`: `max`, `max,vendor=GenuineIntel`, `qemu64`, ...
    pub fn cpu(mut self, cpu: impl Into<String>) -> Self {
        self.cpu = cpu.into();
        self
    }

    /// `-m`: `32M`, `8G`, ...
    pub fn memory(mut self, memory: impl Into<String>) -> Self {
        self.memory = memory.into();
        self
    }

    /// `-smp`: the number of CPUs.
    pub fn smp(mut self, cpus: u32) -> Self {
        self.smp = cpus;
        self
    }

    /// Ends the run after this time with [`Verdict::Timeout`]; `None` lets it run on.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeout = limit.into();
        self
    }

    /// Ends the run with [`Verdict::Timeout`] where nothing at all has come over the serial
    /// line after this time.
    pub fn silence(mut self, limit: Duration) -> Self {
        self.silence = Some(limit);
        self
    }

    /// Adds one more argument to QEMU's command line.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.extra.push(argument.into());
        self
    }

    /// Adds more arguments to QEMU's command line.
    pub fn args<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.extra.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Types these bytes on the serial line.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Input::Bytes(bytes.into());
        self
    }

    /// Connects the serial line to the harness's own standard input and output.
    pub fn console(mut self, terminal: bool) -> Self {
        self.input = Input::Inherited { terminal };
        self.echo = true;
        self
    }

    /// Copies the serial line to standard output as it comes.
    pub fn echo(mut self) -> Self {
        self.echo = true;
        self
    }

    /// Writes the serial line to a file, and leaves standard input and output alone.
    pub fn serial_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.serial_file = Some(path.into());
        self
    }

    /// Takes the time at which this text comes over the serial line.
    pub fn landmark(mut self, text: impl Into<String>) -> Self {
        self.landmark = Some(text.into());
        self
    }

    /// The accelerator asked for.
    pub fn accelerator(&self) -> &str {
        &self.accel
    }

    /// QEMU's command line, but for the initramfs and the control channel.
    pub fn command(&self) -> Command {
        let mut qemu = Command::new(QEMU);
        if let Some(kernel) = &self.kernel {
            qemu.arg("-kernel").arg(kernel);
            if !self.append.is_empty() {
                qemu.arg("-append").arg(self.append.join(" "));
            }
        }
        // microvm has no serial port unless it is asked for.
        let machine = match self.machine.as_str() {
            "microvm" => "microvm,isa-serial=on",
            other => other,
        };
        qemu.args([
            "-machine",
            machine,
            "-accel",
            &self.accel,
            "-cpu",
            &self.cpu,
        ]);
        qemu.args(["-m", &self.memory, "-smp", &self.smp.to_string()]);
        qemu.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]);
        // With `mon:` Ctrl-C is a byte for the guest, and Ctrl-A X ends QEMU.
        let multiplexed = matches!(self.input, Input::Inherited { terminal: true });
        match &self.serial_file {
            Some(path) => qemu.arg("-serial").arg(format!("file:{}", path.display())),
            None => qemu.args(["-serial", if multiplexed { "mon:stdio" } else { "stdio" }]),
        };
        qemu.args(["-display", "none", "-nic", "none", "-no-reboot"]);
        qemu.args(&self.extra);
        qemu
    }

    /// QEMU's command line, and a directory with the files that it names (they are gone when
    /// the directory is dropped).
    pub fn prepare(&self) -> Result<(Command, TempDir)> {
        if let Some(kernel) = self.kernel.as_deref().filter(|path| !path.exists()) {
            bail!("{} is not there: `make build` makes it", kernel.display());
        }
        let directory = tempfile::Builder::new().prefix("trident-").tempdir()?;
        let mut qemu = self.command();
        if let Some(initrd) = &self.initrd {
            let path = directory.path().join("initrd");
            std::fs::write(&path, initrd)?;
            qemu.arg("-initrd").arg(path);
        }
        Ok((qemu, directory))
    }

    /// Boots the machine and waits for its end.
    pub fn run(&self) -> Result<Outcome> {
        let (qemu, directory) = self.prepare()?;
        self.start(qemu, directory.path())
    }

    fn start(&self, mut qemu: Command, directory: &Path) -> Result<Outcome> {
        let channel = Channel::open(directory).context("cannot open QEMU's control channel")?;
        channel.arguments(&mut qemu);
        qemu.stdout(Stdio::piped()).stderr(Stdio::piped());
        qemu.stdin(match &self.input {
            Input::Empty => Stdio::null(),
            Input::Bytes(_) => Stdio::piped(),
            Input::Inherited { .. } => Stdio::inherit(),
        });

        let started = Instant::now();
        let watch = channel.watch();
        let mut child = Leashed::spawn(&mut qemu)
            .with_context(|| format!("cannot start {QEMU} (`make doctor` says what is missing)"))?;
        if let (Input::Bytes(bytes), Some(mut stdin)) = (&self.input, child.stdin.take()) {
            // The pipe holds 64 KiB, enough for what tests type; its end stays open until QEMU
            // ends, since an end of input would be a hang-up of the line.
            stdin.write_all(bytes)?;
            child.stdin = Some(stdin);
        }
        let spoke = Arc::new(AtomicBool::new(false));
        let listener = Listener {
            echo: self.echo,
            started,
            spoke: spoke.clone(),
            landmark: self.landmark.clone().map(String::into_bytes),
        };
        let pipe = child.stdout.take();
        let serial = thread::spawn(move || listener.listen(pipe));
        let stderr = read_all(child.stderr.take());
        let status = self.wait(&mut child, started, &spoke)?;
        let elapsed = started.elapsed();
        drop(child);

        let reason = watch.reason();
        let (serial, landmark) = serial.join().unwrap_or_default();
        let stderr = stderr.join().unwrap_or_default();
        let verdict = match status {
            Some(status) => Verdict::read(status, reason.as_deref()),
            None => Verdict::Timeout,
        };
        let serial = String::from_utf8_lossy(&serial).replace("\r\n", "\n");
        Ok(Outcome {
            verdict,
            serial,
            stderr,
            elapsed,
            landmark,
        })
    }

    /// QEMU's exit status, or `None` where a limit passed first.
    fn wait(
        &self,
        child: &mut Leashed,
        started: Instant,
        spoke: &AtomicBool,
    ) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            let elapsed = started.elapsed();
            let silent = !spoke.load(Ordering::Relaxed);
            if self.timeout.is_some_and(|limit| elapsed > limit)
                || silent && self.silence.is_some_and(|limit| elapsed > limit)
            {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Outcome {
    /// The verdict must be this one, else an error that shows the whole run.
    pub fn expect(&self, verdict: Verdict) -> Result<&Self> {
        if self.verdict != verdict {
            bail!(
                "{} (expected: {verdict}){}",
                self.verdict,
                self.transcript()
            );
        }
        Ok(self)
    }

    /// The serial output must contain this text, else an error that shows the whole run.
    pub fn contains(&self, text: &str) -> Result<&Self> {
        if !self.serial.contains(text) {
            bail!("{text:?} is not in the output{}", self.transcript());
        }
        Ok(self)
    }

    /// The serial output must not contain this text.
    pub fn lacks(&self, text: &str) -> Result<&Self> {
        if self.serial.contains(text) {
            bail!("{text:?} is in the output{}", self.transcript());
        }
        Ok(self)
    }

    /// What was printed, for an error message.
    pub fn transcript(&self) -> String {
        let qemu = match self.stderr.trim() {
            "" => String::new(),
            text => format!("\n--- QEMU says\n{text}"),
        };
        format!(
            " after {:.1} s\n--- serial output\n{}{qemu}\n---",
            self.elapsed.as_secs_f64(),
            self.serial.trim_end()
        )
    }
}

/// Reads the serial line to its end.
struct Listener {
    echo: bool,
    started: Instant,
    spoke: Arc<AtomicBool>,
    landmark: Option<Vec<u8>>,
}

impl Listener {
    /// Everything that was read, and when the landmark was.
    fn listen(self, pipe: Option<impl Read>) -> (Vec<u8>, Option<Duration>) {
        let (mut all, mut seen) = (Vec::new(), None);
        let Some(mut pipe) = pipe else {
            return (all, seen);
        };
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            self.spoke.store(true, Ordering::Relaxed);
            let old = all.len();
            all.extend_from_slice(&buffer[..count]);
            if let (None, Some(text)) = (seen, &self.landmark) {
                // It may have begun in an earlier piece.
                let from = old.saturating_sub(text.len());
                let found = all[from..]
                    .windows(text.len().max(1))
                    .any(|window| window == text);
                seen = found.then(|| self.started.elapsed());
            }
            if self.echo {
                let mut stdout = io::stdout().lock();
                // A closed standard output must not end the run: its verdict still counts.
                let _ = stdout
                    .write_all(&buffer[..count])
                    .and_then(|()| stdout.flush());
            }
        }
        (all, seen)
    }
}

fn read_all(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_string(&mut text);
        }
        text
    })
}
