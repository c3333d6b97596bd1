//! The host's side of a program's run: its input, its output, its end.
//!
//! The program runs as a child of an init of ours (`user/bin/src/bin/init/`), with the same ends as
//! this command: where standard input is a terminal, the program has the guest's terminal, and
//! what is typed reaches it byte for byte; where it is a file or a pipe, the program has a pipe
//! and sees its end. Output that goes to no terminal comes in [`frames`]. Everything else on the
//! line is the kernel's.

mod ending;
mod frames;
mod text;

use std::io::{self, IsTerminal, Read, Write, stderr, stdin, stdout};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use harness::{Partner, child};

pub use ending::{Report, exit_code};
use frames::{Event, Frames};
use text::LineFeeds;

/// The three standard files of this command, and so of the program.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Whether standard input is a terminal of the guest.
    input: bool,
    /// Whether standard output is that terminal.
    output: bool,
    /// Whether standard error is.
    error: bool,
}

impl Ends {
    /// This command's own files. Without a terminal as its input there is none in the guest.
    pub fn here() -> Self {
        let input = stdin().is_terminal();
        Self {
            input,
            output: input && stdout().is_terminal(),
            error: input && stderr().is_terminal(),
        }
    }

    /// All three are the guest's terminal.
    pub fn at_terminal() -> Self {
        Self {
            input: true,
            output: true,
            error: true,
        }
    }

    /// Whether the input is a terminal.
    pub fn is_typed(self) -> bool {
        self.input
    }

    /// A letter for each, as init reads them.
    fn letters(self) -> String {
        let letter = |terminal| if terminal { 't' } else { 'p' };
        [self.input, self.output, self.error]
            .map(letter)
            .iter()
            .collect()
    }
}

/// What init is asked to do with the program.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The program's three files.
    pub ends: Ends,
    /// The token of the frames. Without one init sends none.
    pub token: &'a str,
    /// Whether the kernel logs the program's system calls.
    pub strace: bool,
    /// Whether the working directory comes back.
    pub archive: bool,
    /// Seconds until the program is killed.
    pub limit: Option<u64>,
}

impl Request<'_> {
    /// As init reads it: see `user/bin/src/bin/init/request.rs`. `words` are the program and its
    /// arguments.
    pub fn encode(&self, words: &[String]) -> Vec<u8> {
        let window = console::Term::stdout().size_checked();
        let window = window.map_or(String::new(), |(rows, columns)| format!("{rows}x{columns}"));
        let word = |wanted: bool, word: &str| {
            if wanted {
                word.to_owned()
            } else {
                String::new()
            }
        };
        let first = [
            self.token.to_owned(),
            self.ends.letters(),
            window,
            word(self.strace, "strace"),
            word(self.archive, "archive"),
            self.limit.map_or(String::new(), |limit| limit.to_string()),
        ];
        let words = first.iter().chain(words);
        words
            .flat_map(|word| [word.as_bytes(), b"\0"].concat())
            .collect()
    }
}

/// The host's end of a run.
pub struct Session {
    ends: Ends,
    frames: Frames,
    text: LineFeeds,
    /// Input is held back until the program has started.
    line: Option<ChildStdin>,
    is_ready: bool,
    report: Arc<Mutex<Report>>,
}

impl Session {
    /// A session whose frames have this token; `report` receives how the program ended.
    pub fn new(ends: Ends, token: &str, report: Arc<Mutex<Report>>) -> Self {
        Self {
            ends,
            frames: Frames::new(token),
            text: LineFeeds::default(),
            line: None,
            is_ready: false,
            report,
        }
    }

    fn on(&mut self, event: Event<'_>) {
        // A closed output ends this command by SIGPIPE; on a full disk the program continues.
        let _ = match event {
            Event::Text(text) if self.is_ready && self.ends.output => stdout().write_all(text),
            Event::Text(text) => stderr().write_all(&self.text.without_returns(text)),
            Event::Output(bytes) => stdout().write_all(&bytes),
            Event::Error(bytes) => stderr().write_all(&bytes),
            Event::Ready => {
                self.begin_input();
                Ok(())
            }
            Event::Ended(how) => {
                let mut report = self.report();
                // After the limit it is init that ends it.
                report.ended = Some(how).filter(|_| !report.limit_passed);
                Ok(())
            }
            Event::Limit => {
                self.report().limit_passed = true;
                Ok(())
            }
            Event::Archive(bytes) => {
                self.report().archive.extend(bytes);
                Ok(())
            }
            Event::NotStarted(error) => {
                self.report().not_started = Some(error);
                Ok(())
            }
        };
    }

    fn report(&self) -> std::sync::MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program can read input: from here on none of it is lost.
    fn begin_input(&mut self) {
        self.is_ready = true;
        let Some(line) = self.line.take() else { return };
        let typed = self.ends.input;
        if typed {
            // The guest's terminal ends lines, unless other output shares this one.
            let words: &[&str] = match self.ends.output {
                true => &["raw", "-echo"],
                false => &["raw", "-echo", "opost"],
            };
            let _ = Command::new("stty")
                .args(words)
                .stdin(Stdio::inherit())
                .status();
        }
        thread::spawn(move || {
            child::survive_closed_pipe();
            // The line stays open until this process ends: closing it is a hang-up.
            let _ = feed(stdin().lock(), line, typed).map(std::mem::forget);
        });
    }
}

impl Partner for Session {
    fn begin(&mut self, line: ChildStdin) {
        self.line = Some(line);
    }

    fn hear(&mut self, bytes: &[u8]) {
        let mut frames = std::mem::take(&mut self.frames);
        frames.take_apart(bytes, |event| self.on(event));
        self.frames = frames;
        let _ = stdout().flush();
    }
}

/// Most bytes of one piece of input.
const PIECE: usize = 4096;

/// Sends input to the machine: unchanged from a terminal, else in pieces preceded by their length,
/// with an empty piece for the end. QEMU reads no faster than the guest does.
fn feed<W: Write>(mut from: impl Read, mut line: W, typed: bool) -> io::Result<W> {
    let mut buffer = [0; PIECE];
    loop {
        let count = match from.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A read error is the end of the input.
            result => result.unwrap_or(0),
        };
        if !typed {
            line.write_all(&(count as u16).to_le_bytes())?;
        }
        line.write_all(&buffer[..count])?;
        line.flush()?;
        if count == 0 {
            return Ok(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_carry_every_byte_and_the_end() {
        let bytes: Vec<u8> = (0..10_000_u32).map(|i| (i * 7) as u8).collect();
        let line = feed(&bytes[..], Vec::new(), false).expect("memory takes all");
        let (mut rest, mut got) = (&line[..], Vec::new());
        loop {
            let length = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
            got.extend_from_slice(&rest[2..2 + length]);
            rest = &rest[2 + length..];
            if length == 0 {
                break;
            }
        }
        assert!(rest.is_empty() && got == bytes);
        let typed = feed(&bytes[..], Vec::new(), true).expect("memory takes all");
        assert_eq!(typed, bytes);
    }

    #[test]
    fn a_request_is_words_that_end_with_a_nul() {
        let ends = Ends {
            input: false,
            output: false,
            error: true,
        };
        let request = Request {
            ends,
            token: "token",
            strace: true,
            archive: false,
            limit: Some(7),
        };
        let request = request.encode(&["/a".to_owned(), String::new(), "x y".to_owned()]);
        let text = String::from_utf8(request).expect("text");
        let words: Vec<&str> = text.split_terminator('\0').collect();
        assert_eq!(words[..2], ["token", "ppt"]);
        assert_eq!(words[3..], ["strace", "", "7", "/a", "", "x y"]);
    }
}
