//! What is sent: written bytes and echoes, changed as the output flags say (n_tty's do_output_char).

use alloc::vec::Vec;

use super::Line;
use crate::fs::tty::termios::{Local, Output};

/// Most echoes kept while output is held back (N_TTY_BUF_SIZE); the oldest go first.
const ECHO_MAX: usize = 4096;

impl Line {
    /// Most bytes that one written byte becomes.
    pub fn expansion(&self) -> usize {
        let flags = self.termios.output;
        if !flags.contains(Output::OPOST) {
            1
        } else if flags.contains(Output::XTABS) {
            8
        } else {
            2
        }
    }

    /// Adds a written byte to `out` as it is sent.
    pub fn put(&mut self, byte: u8, out: &mut Vec<u8>) {
        let flags = self.termios.output;
        if !flags.contains(Output::OPOST) {
            return out.push(byte);
        }
        match byte {
            b'\n' => {
                if flags.contains(Output::ONLRET) {
                    self.column = 0;
                }
                if flags.contains(Output::ONLCR) {
                    self.column = 0;
                    out.push(b'\r');
                }
                self.line_column = self.column;
                out.push(byte);
            }
            b'\r' => {
                if flags.contains(Output::ONOCR) && self.column == 0 {
                    return;
                }
                let as_newline = flags.contains(Output::OCRNL);
                if !as_newline || flags.contains(Output::ONLRET) {
                    self.column = 0;
                    self.line_column = 0;
                }
                out.push(if as_newline { b'\n' } else { b'\r' });
            }
            b'\t' => {
                let spaces = 8 - self.column % 8;
                self.column += spaces;
                if flags.contains(Output::XTABS) {
                    out.extend_from_slice(&[b' '; 8][..spaces]);
                } else {
                    out.push(byte);
                }
            }
            b'\x08' => {
                self.column = self.column.saturating_sub(1);
                out.push(byte);
            }
            _ => {
                let upper = flags.contains(Output::OLCUC);
                if !byte.is_ascii_control() && !self.continues(byte) {
                    self.column += 1;
                }
                out.push(if upper {
                    byte.to_ascii_uppercase()
                } else {
                    byte
                });
            }
        }
    }

    /// Notes where the line being typed begins, if it does.
    pub(super) fn note_line_column(&mut self) {
        if self.typed.len() == self.complete {
            self.line_column = self.column;
        }
    }

    /// Echoes a byte as it would be written.
    pub(super) fn echo_raw(&mut self, byte: u8) {
        let mut out = Vec::new();
        self.put(byte, &mut out);
        self.echo(&out);
    }

    /// Echoes a typed byte, control characters as ^X.
    pub(super) fn echo_char(&mut self, byte: u8) {
        if self.termios.has(Local::ECHOCTL) && byte.is_ascii_control() && byte != b'\t' {
            self.echo(&[b'^', byte ^ 0x40]);
            self.column += 2;
        } else {
            self.echo_raw(byte);
        }
    }

    /// Echoes a step back.
    pub(super) fn echo_back(&mut self) {
        self.echo(b"\x08");
        self.column = self.column.saturating_sub(1);
    }

    fn echo(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.echo.len() >= ECHO_MAX {
                self.echo.pop_front();
            }
            self.echo.push_back(byte);
        }
    }

    /// Takes out up to `room` bytes of echoes, unless output is held back.
    pub fn take_echo(&mut self, room: usize) -> Vec<u8> {
        let len = if self.stopped {
            0
        } else {
            self.echo.len().min(room)
        };
        self.echo.drain(..len).collect()
    }

    /// Whether echoes are still to be sent.
    pub fn has_echo(&self) -> bool {
        !self.echo.is_empty()
    }
}
