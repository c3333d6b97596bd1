//! Echoes: what is shown of what is typed (n_tty's echo buffer).
//!
//! They are kept as what they mean and made bytes when they are sent: by then the cursor and the
//! settings may be others than when they were typed.

use alloc::vec::Vec;

use super::Line;
use crate::tty::termios::Local;

/// Most echoes kept while output is held back (N_TTY_BUF_SIZE); the oldest go first.
pub(super) const ECHO_MAX: usize = 4096;
/// Most bytes that one echo becomes.
const WIDEST: usize = 8;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// A byte, as it would be written.
    Byte(u8),
    /// A control character, as ^X.
    Control(u8),
    /// The line being typed begins where the cursor is.
    LineBegins,
    /// A tab goes, before which so many columns were typed; from the tab before it on, or from
    /// where the line began.
    EraseTab { columns: u16, after_tab: bool },
    /// The byte before it took no column.
    NoColumn,
}

impl Line {
    /// Echoes a byte as it would be written.
    pub(super) fn echo_raw(&mut self, byte: u8) {
        self.push_echo(Echo::Byte(byte));
    }

    /// Echoes a typed byte, control characters as ^X.
    pub(super) fn echo_char(&mut self, byte: u8) {
        let shown = self.termios.has(Local::ECHOCTL) && byte.is_ascii_control() && byte != b'\t';
        self.push_echo(if shown {
            Echo::Control(byte)
        } else {
            Echo::Byte(byte)
        });
    }

    /// Notes where the line being typed begins, if it does.
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

    /// Takes out echoes of up to `room` bytes, unless output is held back.
    pub fn take_echo(&mut self, room: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while !self.stopped && out.len() + WIDEST <= room {
            let Some(echo) = self.echo.pop_front() else {
                break;
            };
            self.show(echo, &mut out);
        }
        out
    }

    /// Whether echoes are still to be sent.
    pub fn has_echo(&self) -> bool {
        !self.echo.is_empty()
    }

    fn show(&mut self, echo: Echo, out: &mut Vec<u8>) {
        match echo {
            // The byte that marks the others in Linux's buffer is sent as it is.
            Echo::Byte(0xff) => {
                self.column += 1;
                out.push(0xff);
            }
            Echo::Byte(byte) => self.put(byte, out),
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
