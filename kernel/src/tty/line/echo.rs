//! Echoes of typed bytes (n_tty's echo buffer).
//!
//! The buffer stores operations, which become bytes when they are sent: cursor and settings may
//! have changed since the input.

use alloc::vec::Vec;

use super::Line;
use crate::tty::termios::Local;

/// Most queued echoes (N_TTY_BUF_SIZE); the oldest are dropped.
pub(super) const ECHO_MAX: usize = 4096;
/// Most bytes of an echo.
const WIDEST: usize = 8;

/// An echo operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// A byte, processed like output.
    Byte(u8),
    /// A control character, shown as ^X.
    Control(u8),
    /// The line being edited begins at the current column.
    LineBegins,
    /// A tab is erased; `columns` is the width of the text between it and the tab before it, or the
    /// start of the line.
    EraseTab { columns: u16, after_tab: bool },
    /// The byte before it has no width.
    NoColumn,
}

impl Line {
    /// Echoes a byte like output.
    pub(super) fn echo_raw(&mut self, byte: u8) {
        self.push_echo(Echo::Byte(byte));
    }

    /// Echoes a typed byte; with ECHOCTL, a control character as ^X.
    pub(super) fn echo_char(&mut self, byte: u8) {
        let shown = self.termios.has(Local::ECHOCTL) && byte.is_ascii_control() && byte != b'\t';
        self.push_echo(if shown {
            Echo::Control(byte)
        } else {
            Echo::Byte(byte)
        });
    }

    /// Records the start column of a new line.
    pub(super) fn note_line_column(&mut self) {
        if self.typed.len() == self.complete {
            self.push_echo(Echo::LineBegins);
        }
    }

    pub(super) fn push_echo(&mut self, echo: Echo) {
        if self.echo.len() >= ECHO_MAX {
            self.echo.pop_front();
        }
        self.echo.push_back(echo);
    }

    /// Removes echoes of up to `room` bytes, unless output is stopped; returns the bytes.
    pub fn take_echo(&mut self, room: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while !self.stopped && out.len() + WIDEST <= room {
            let Some(echo) = self.echo.pop_front() else {
                break;
            };
            self.render(echo, &mut out);
        }
        out
    }

    /// Whether echoes are queued.
    pub fn has_echo(&self) -> bool {
        !self.echo.is_empty()
    }

    fn render(&mut self, echo: Echo, out: &mut Vec<u8>) {
        match echo {
            // Byte 255 escapes operations in Linux's buffer and is sent unprocessed.
            Echo::Byte(0xff) => {
                self.column += 1;
                out.push(0xff);
            }
            Echo::Byte(byte) => self.process_output(byte, out),
            Echo::Control(byte) => {
                self.column += 2;
                out.extend_from_slice(&[b'^', byte ^ 0x40]);
            }
            Echo::LineBegins => self.line_column = self.column,
            Echo::EraseTab { columns, after_tab } => {
                let before = if after_tab { 0 } else { self.line_column };
                let width = 8 - (usize::from(columns) + before) % 8;
                self.column = self.column.saturating_sub(width);
                out.extend_from_slice(&[b'\x08'; 8][..width]);
            }
            Echo::NoColumn => self.column = self.column.saturating_sub(1),
        }
    }
}
