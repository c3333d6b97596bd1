//! One machine: its description, and its run.
//!
//! ```no_run
//! use harness::{Initramfs, Verdict, Vm};
//!
//! let files = Initramfs::new().executable("/init", std::fs::read("hello").unwrap());
//! let outcome = Vm::new().initramfs(&files).append("quiet -- x y").run().unwrap();
//! assert_eq!(outcome.verdict, Verdict::Pass, "{}", outcome.serial);
//! ```

mod dialogue;
mod outcome;
mod partner;
mod pauses;
mod run;

use std::path::PathBuf;
use std::time::Duration;

pub use dialogue::{Dialogue, Talk};
pub use outcome::Outcome;
pub use partner::Partner;
use pauses::Pauses;

use crate::initramfs::Initramfs;
use crate::paths;

/// The emulator's program.
pub const QEMU: &str = "qemu-system-x86_64";

/// Default time limit of a run.
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
    pauses: Option<Pauses>,
}

/// The serial line's input.
#[derive(Clone, Debug)]
enum Input {
    /// No input.
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A dialogue's answers.
    Dialogue(Dialogue),
    /// The harness's own standard input.
    Inherited {
        /// Whether it is a terminal: Ctrl-C goes to the guest, Ctrl-A X ends QEMU.
        terminal: bool,
    },
    /// A [`Partner`].
    Partner {
        /// Whether a person types: Ctrl-A X ends QEMU. Otherwise every byte goes to the guest.
        terminal: bool,
    },
}

impl Default for Vm {
    fn default() -> Self {
        Self {
            kernel: Some(paths::image_under_test()),
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
            pauses: None,
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

    /// Boots the test build: overflow checks, debug assertions, fault injection.
    pub fn checked(self) -> Self {
        self.kernel(paths::checked_image())
    }

    /// Whether the machine boots the test build.
    pub fn is_checked(&self) -> bool {
        self.kernel == Some(paths::checked_image())
    }

    /// Boots from what [`Vm::arg`] attaches (a disk, a CD) instead of `-kernel`.
    pub fn no_kernel(mut self) -> Self {
        self.kernel = None;
        self
    }

    /// Passes these files as the initramfs.
    pub fn initramfs(self, files: &Initramfs) -> Self {
        self.initrd(files.build())
    }

    /// Passes these bytes as `-initrd`, whether they are an archive or not.
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

    /// Ends the run after this time with [`Verdict::Timeout`](crate::Verdict::Timeout); `None` lets
    /// it run on.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeout = limit.into();
        self
    }

    /// Ends the run with [`Verdict::Timeout`](crate::Verdict::Timeout) if the serial line has no
    /// output after this time.
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

    /// Plays a dialogue over the serial line.
    pub fn dialogue(mut self, dialogue: Dialogue) -> Self {
        self.input = Input::Dialogue(dialogue);
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

    /// Measures the time until this text comes over the serial line.
    pub fn landmark(mut self, text: impl Into<String>) -> Self {
        self.landmark = Some(text.into());
        self
    }

    /// Stops the machine for `stopped` and lets it run for `running`, in turns: worse than a busy
    /// host.
    pub fn paused(mut self, stopped: Duration, running: Duration) -> Self {
        self.pauses = Some(Pauses { stopped, running });
        self
    }

    /// The CPU asked for.
    pub fn cpu_model(&self) -> &str {
        &self.cpu
    }

    /// The accelerator asked for.
    pub fn accelerator(&self) -> &str {
        &self.accel
    }
}
