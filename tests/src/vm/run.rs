//! A run: starts QEMU, reads its serial line, and waits for its end.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::dialogue::Talk;
use super::{Input, Outcome, Partner, QEMU, Vm};
use crate::child::{Leashed, leash};
use crate::qmp::Channel;
use crate::verdict::Verdict;

impl Vm {
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
        let multiplexed = matches!(
            self.input,
            Input::Inherited { terminal: true } | Input::Partner { terminal: true }
        );
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
        let directory = tempfile::Builder::new().prefix("trident-").tempdir()?;
        Ok((self.prepare_in(directory.path())?, directory))
    }

    /// QEMU's command line, whose initramfs is written to `directory`.
    pub fn prepare_in(&self, directory: &Path) -> Result<Command> {
        if let Some(kernel) = self.kernel.as_deref().filter(|path| !path.exists()) {
            bail!("{} is not there: `make build` makes it", kernel.display());
        }
        let mut qemu = self.command();
        if let Some(initrd) = &self.initrd {
            let path = directory.join("initrd");
            std::fs::write(&path, initrd)?;
            qemu.arg("-initrd").arg(path);
        }
        Ok(qemu)
    }

    /// Boots the machine and waits for its end.
    pub fn run(&self) -> Result<Outcome> {
        let (qemu, directory) = self.prepare()?;
        self.start(qemu, directory.path(), None)
    }

    /// [`Vm::run`] with a partner at the other end of the serial line, which types for a person at
    /// a terminal or for a program. The outcome keeps only the beginning of the output.
    pub fn run_with(&self, partner: Box<dyn Partner>, terminal: bool) -> Result<Outcome> {
        let vm = Self {
            input: Input::Partner { terminal },
            ..self.clone()
        };
        let (qemu, directory) = vm.prepare()?;
        vm.start(qemu, directory.path(), Some(partner))
    }

    fn start(
        &self,
        qemu: Command,
        directory: &Path,
        mut partner: Option<Box<dyn Partner>>,
    ) -> Result<Outcome> {
        let missing = || format!("cannot start {QEMU} (`make doctor` says what is missing)");
        let mut qemu = leash(&qemu).with_context(missing)?;
        let channel = Channel::open(directory).context("cannot open QEMU's control channel")?;
        channel.arguments(&mut qemu);
        qemu.stdout(Stdio::piped()).stderr(Stdio::piped());
        qemu.stdin(match &self.input {
            Input::Empty => Stdio::null(),
            Input::Bytes(_) | Input::Dialogue(_) | Input::Partner { .. } => Stdio::piped(),
            Input::Inherited { .. } => Stdio::inherit(),
        });

        let started = Instant::now();
        let watch = channel.watch();
        let mut child = Leashed::spawn(&mut qemu).with_context(missing)?;
        // The pipe holds 64 KiB, enough for what tests type; its end stays open until QEMU ends,
        // since an end of input would be a hang-up of the line.
        let mut talk = None;
        if let Some(mut stdin) = child.stdin.take() {
            match &self.input {
                Input::Dialogue(dialogue) => talk = Some(Talk::new(dialogue.clone(), stdin)),
                Input::Bytes(bytes) => {
                    stdin.write_all(bytes)?;
                    child.stdin = Some(stdin);
                }
                Input::Partner { .. } => {
                    if let Some(partner) = &mut partner {
                        partner.begin(stdin);
                    }
                }
                Input::Empty | Input::Inherited { .. } => {}
            }
        }
        let spoke = Arc::new(AtomicBool::new(false));
        let listener = Listener {
            echo: self.echo,
            started,
            spoke: spoke.clone(),
            landmark: self.landmark.clone().map(String::into_bytes),
            talk,
            partner,
        };
        let pipe = child.stdout.take();
        let serial = thread::spawn(move || listener.listen(pipe));
        let stderr = read_all(child.stderr.take());
        let status = self.wait(&mut child, started, &spoke)?;
        let elapsed = started.elapsed();
        drop(child);

        let reason = watch.reason();
        let Heard {
            serial,
            landmark,
            unheard,
        } = serial.join().unwrap_or_default();
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
            unheard,
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
            match self.pauses {
                Some(pauses) => pauses.turn(child),
                None => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

/// Reads the serial line to its end.
struct Listener {
    echo: bool,
    started: Instant,
    spoke: Arc<AtomicBool>,
    landmark: Option<Vec<u8>>,
    talk: Option<Talk<ChildStdin>>,
    partner: Option<Box<dyn Partner>>,
}

/// Bytes of output kept where a partner reads it: enough to know whether there was any.
const KEPT: usize = 64 * 1024;

/// The serial line's output.
#[derive(Default)]
struct Heard {
    serial: Vec<u8>,
    /// When the landmark came.
    landmark: Option<Duration>,
    /// The text that a dialogue still waited for.
    unheard: Option<String>,
}

impl Listener {
    fn listen(mut self, pipe: Option<impl Read>) -> Heard {
        let (mut all, mut seen) = (Vec::new(), None);
        let Some(mut pipe) = pipe else {
            return Heard::default();
        };
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            self.spoke.store(true, Ordering::Relaxed);
            if let Some(partner) = &mut self.partner {
                partner.hear(&buffer[..count]);
                if all.len() > KEPT {
                    continue;
                }
            }
            let old = all.len();
            all.extend_from_slice(&buffer[..count]);
            if let (None, Some(text)) = (seen, &self.landmark) {
                // The landmark may have begun in an earlier piece.
                let from = old.saturating_sub(text.len());
                let found = all[from..]
                    .windows(text.len().max(1))
                    .any(|window| window == text);
                seen = found.then(|| self.started.elapsed());
            }
            if let Some(talk) = &mut self.talk {
                talk.hear(&all);
            }
            if self.echo {
                let mut stdout = io::stdout().lock();
                // A closed standard output must not end the run: its verdict still counts.
                let _ = stdout
                    .write_all(&buffer[..count])
                    .and_then(|()| stdout.flush());
            }
        }
        Heard {
            serial: all,
            landmark: seen,
            unheard: self.talk.and_then(Talk::left),
        }
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
