//! The line discipline: what becomes of typed bytes before a program reads them.
//!
//! In canonical mode lines are edited here and handed on whole; otherwise bytes go through at once.
//! No hardware and no locks: echoes are collected in a buffer that the caller sends.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::termios::{Termios, character as ch, input, local, output};

/// Most bytes kept for a reader (N_TTY_BUF_SIZE); what is typed beyond them is dropped.
const CAPACITY: usize = 4096;

/// Input on its way to a reader.
pub struct Line {
    /// Settings.
    pub termios: Termios,
    /// Bytes that may be read.
    ready: VecDeque<u8>,
    /// Canonical mode: lengths of the lines in `ready`, one of 0 standing for an end of file.
    lines: VecDeque<usize>,
    /// The line being typed.
    editing: Vec<u8>,
    /// The next byte is taken as it is (VLNEXT came).
    literal: bool,
}

impl Line {
    /// An empty one.
    pub const fn new() -> Self {
        Self {
            termios: Termios::standard(),
            ready: VecDeque::new(),
            lines: VecDeque::new(),
            editing: Vec::new(),
            literal: false,
        }
    }

    /// Takes a typed byte; what is to be echoed is added to `echo`.
    pub fn typed(&mut self, mut byte: u8, echo: &mut Vec<u8>) {
        let termios = self.termios;
        if termios.input & input::ISTRIP != 0 {
            byte &= 0x7f;
        }
        if core::mem::take(&mut self.literal) {
            return self.add(byte, echo);
        }
        match byte {
            b'\r' if termios.input & input::IGNCR != 0 => return,
            b'\r' if termios.input & input::ICRNL != 0 => byte = b'\n',
            b'\n' if termios.input & input::INLCR != 0 => byte = b'\r',
            _ => {}
        }
        let interrupts = [ch::VINTR, ch::VQUIT, ch::VSUSP];
        if termios.has(local::ISIG) && interrupts.iter().any(|&index| termios.is(byte, index)) {
            self.flush_input();
            return self.echo(byte, echo);
        }
        if !termios.has(local::ICANON) {
            return self.add(byte, echo);
        }
        let extended = termios.has(local::IEXTEN);
        if termios.is(byte, ch::VERASE) {
            self.erase(echo);
        } else if termios.is(byte, ch::VKILL) {
            self.kill(byte, echo);
        } else if extended && termios.is(byte, ch::VWERASE) {
            self.erase_word(echo);
        } else if extended && termios.is(byte, ch::VLNEXT) {
            self.literal = true;
            if termios.has(local::ECHO) && termios.has(local::ECHOCTL) {
                echo.extend_from_slice(b"^\x08");
            }
        } else if extended && termios.is(byte, ch::VREPRINT) {
            self.echo(byte, echo);
            self.put(b'\n', echo);
            for index in 0..self.editing.len() {
                self.echo(self.editing[index], echo);
            }
        } else if termios.is(byte, ch::VEOF) {
            self.finish();
        } else if byte == b'\n'
            || termios.is(byte, ch::VEOL)
            || extended && termios.is(byte, ch::VEOL2)
        {
            if byte == b'\n' && termios.has(local::ECHONL) && !termios.has(local::ECHO) {
                self.put(b'\n', echo);
            }
            self.echo(byte, echo);
            self.editing.push(byte);
            self.finish();
        } else {
            self.add(byte, echo);
        }
    }

    /// Takes an ordinary byte.
    fn add(&mut self, byte: u8, echo: &mut Vec<u8>) {
        // One place stays free for the end of the line.
        if self.ready.len() + self.editing.len() >= CAPACITY - 1 {
            return;
        }
        if self.termios.has(local::ICANON) {
            self.editing.push(byte);
        } else {
            self.ready.push_back(byte);
        }
        self.echo(byte, echo);
    }

    /// Hands the line on; an empty one is the end of file.
    fn finish(&mut self) {
        self.lines.push_back(self.editing.len());
        self.ready.extend(self.editing.drain(..));
    }

    fn erase(&mut self, echo: &mut Vec<u8>) {
        // A character may be several bytes of UTF-8: those that continue one go with it.
        let mut erased = None;
        while let Some(byte) = self.editing.pop() {
            erased = Some(byte);
            if byte & 0xc0 != 0x80 {
                break;
            }
        }
        let Some(byte) = erased else { return };
        if self.termios.has(local::ECHO) && self.termios.has(local::ECHOE) {
            // As wide as it was echoed: a control character as ^X.
            let width = if self.is_control(byte) && self.termios.has(local::ECHOCTL) {
                2
            } else {
                1
            };
            for _ in 0..width {
                echo.extend_from_slice(b"\x08 \x08");
            }
        }
    }

    fn erase_word(&mut self, echo: &mut Vec<u8>) {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        let mut seen = false;
        while let Some(last) = self.editing.last() {
            if seen && !is_word(last) {
                break;
            }
            seen |= is_word(last);
            self.erase(echo);
        }
    }

    fn kill(&mut self, byte: u8, echo: &mut Vec<u8>) {
        if self.termios.has(local::ECHOKE) && self.termios.has(local::ECHOE) {
            while !self.editing.is_empty() {
                self.erase(echo);
            }
            return;
        }
        self.editing.clear();
        self.echo(byte, echo);
        if self.termios.has(local::ECHOK) && self.termios.has(local::ECHO) {
            self.put(b'\n', echo);
        }
    }

    fn is_control(&self, byte: u8) -> bool {
        byte < b' ' && byte != b'\t' && byte != b'\n' || byte == 0x7f
    }

    fn echo(&self, byte: u8, echo: &mut Vec<u8>) {
        if !self.termios.has(local::ECHO) {
            return;
        }
        if self.termios.has(local::ECHOCTL) && self.is_control(byte) {
            echo.extend_from_slice(&[b'^', byte ^ 0x40]);
        } else {
            self.put(byte, echo);
        }
    }

    /// Adds a byte as it goes out (`OPOST` and the flags that it enables).
    pub fn put(&self, byte: u8, out: &mut Vec<u8>) {
        let flags = self.termios.output;
        match byte {
            b'\n' if flags & output::OPOST != 0 && flags & output::ONLCR != 0 => {
                out.extend_from_slice(b"\r\n");
            }
            b'\r' if flags & output::OPOST != 0 && flags & output::OCRNL != 0 => out.push(b'\n'),
            _ => out.push(byte),
        }
    }

    /// Drops what was typed and not read (TCIFLUSH, and what VINTR does).
    pub fn flush_input(&mut self) {
        self.ready.clear();
        self.lines.clear();
        self.editing.clear();
    }

    /// Changes the settings. Between the modes, what was typed is kept and readable.
    pub fn set(&mut self, termios: Termios) {
        let was_canonical = self.termios.has(local::ICANON);
        self.termios = termios;
        if was_canonical && !termios.has(local::ICANON) {
            self.ready.extend(self.editing.drain(..));
            self.lines.clear();
        } else if !was_canonical && termios.has(local::ICANON) && !self.ready.is_empty() {
            self.lines.push_back(self.ready.len());
        }
    }

    /// Whether a read of `wanted` bytes would have something to return. In canonical mode that is a
    /// line or an end of file, otherwise VMIN bytes.
    pub fn is_readable(&self, wanted: usize) -> bool {
        if self.termios.has(local::ICANON) {
            return !self.lines.is_empty();
        }
        let least = usize::from(self.termios.characters[ch::VMIN]).min(wanted);
        self.ready.len() >= least
    }

    /// Bytes that could be read now (FIONREAD).
    pub fn available(&self) -> usize {
        self.ready.len()
    }

    /// Takes out up to `out.len()` bytes, in canonical mode of one line; says how many.
    pub fn take(&mut self, out: &mut [u8]) -> usize {
        let mut len = out.len().min(self.ready.len());
        if self.termios.has(local::ICANON) {
            let Some(line) = self.lines.front_mut() else {
                return 0;
            };
            len = len.min(*line);
            *line -= len;
            if *line == 0 {
                self.lines.pop_front();
            }
        }
        for (slot, byte) in out.iter_mut().zip(self.ready.drain(..len)) {
            *slot = byte;
        }
        len
    }
}
