//! Typed bytes: flow control, signals, translation, the ends of lines (n_tty_receive_buf).

use super::{CAPACITY, Cell, Line};
use crate::fs::tty::termios::{Input, Local, character as ch};
use crate::process::signal::{SIGINT, SIGQUIT, SIGTSTP};

/// A typed byte that sends a signal to the foreground group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// The signal's number.
    pub signo: u8,
    /// Whether the output that is under way is dropped, as the input was (no NOFLSH).
    pub flush: bool,
}

impl Line {
    /// Whether a byte can be taken. One line that is too long can always be: its last byte is
    /// replaced. Whole lines that nobody reads have to be waited for.
    pub fn accepts(&self) -> bool {
        self.typed.len() < CAPACITY - 1 || self.is_canonical() && self.complete == 0
    }

    /// Takes a typed byte, which [`Line::accepts`]. It may stop or start output, too.
    pub fn type_in(&mut self, mut byte: u8) -> Option<Interrupt> {
        let flags = self.termios.input;
        if flags.contains(Input::ISTRIP) {
            byte &= 0x7f;
        }
        if flags.contains(Input::IUCLC) && self.termios.has(Local::IEXTEN) {
            byte = byte.to_ascii_lowercase();
        }
        if core::mem::take(&mut self.literal) {
            self.add_ordinary(byte);
            return None;
        }
        if flags.contains(Input::IXON) {
            if self.termios.is(byte, ch::VSTART) {
                self.start();
                return None;
            }
            if self.termios.is(byte, ch::VSTOP) {
                self.stop();
                return None;
            }
        }
        if self.termios.has(Local::ISIG) {
            let signals = [
                (ch::VINTR, SIGINT),
                (ch::VQUIT, SIGQUIT),
                (ch::VSUSP, SIGTSTP),
            ];
            for (index, signo) in signals {
                if self.termios.is(byte, index) {
                    return Some(self.take_signal(byte, signo));
                }
            }
        }
        // With IXANY any other byte lets output go on.
        let any = Input::IXON.union(Input::IXANY);
        if flags.contains(any) && !self.stopped_by_program {
            self.start();
        }
        match byte {
            b'\r' if flags.contains(Input::IGNCR) => return None,
            b'\r' if flags.contains(Input::ICRNL) => byte = b'\n',
            b'\n' if flags.contains(Input::INLCR) => byte = b'\r',
            _ => {}
        }
        if !self.is_canonical() || !self.edit(byte) {
            self.add_ordinary(byte);
        }
        None
    }

    fn take_signal(&mut self, byte: u8, signo: u8) -> Interrupt {
        let flush = !self.termios.has(Local::NOFLSH);
        if flush {
            self.flush_echo();
            self.flush_input();
        }
        if self.termios.input.contains(Input::IXON) {
            self.start();
        }
        if self.termios.has(Local::ECHO) {
            self.echo_char(byte);
        }
        Interrupt { signo, flush }
    }

    /// Canonical mode's special characters; false for an ordinary one.
    fn edit(&mut self, byte: u8) -> bool {
        let termios = self.termios;
        let extended = termios.has(Local::IEXTEN);
        if termios.is(byte, ch::VERASE) {
            self.erase();
        } else if termios.is(byte, ch::VKILL) {
            self.kill();
        } else if extended && termios.is(byte, ch::VWERASE) {
            self.erase_word();
        } else if extended && termios.is(byte, ch::VLNEXT) {
            self.literal = true;
            if termios.has(Local::ECHO) {
                self.finish_erasing();
                if termios.has(Local::ECHOCTL) {
                    self.echo_raw(b'^');
                    self.echo_raw(b'\x08');
                }
            }
        } else if extended && termios.has(Local::ECHO) && termios.is(byte, ch::VREPRINT) {
            self.finish_erasing();
            self.echo_char(byte);
            self.echo_raw(b'\n');
            for index in self.complete..self.typed.len() {
                self.echo_char(self.typed[index].byte);
            }
        } else if byte == b'\n' {
            if termios.has(Local::ECHO) || termios.has(Local::ECHONL) {
                self.echo_raw(b'\n');
            }
            self.end_line(byte);
        } else if termios.is(byte, ch::VEOF) {
            self.end_line(0);
        } else if termios.is(byte, ch::VEOL) || extended && termios.is(byte, ch::VEOL2) {
            if termios.has(Local::ECHO) {
                self.note_line_column();
                self.echo_char(byte);
            }
            self.end_line(byte);
        } else {
            return false;
        }
        true
    }

    /// Takes a byte that means nothing special.
    fn add_ordinary(&mut self, byte: u8) {
        if self.termios.has(Local::ECHO) {
            self.finish_erasing();
            if byte == b'\n' && !self.is_canonical() {
                self.echo_raw(byte);
            } else {
                self.note_line_column();
                self.echo_char(byte);
            }
        }
        // A byte of 255 would begin a mark of an error.
        if byte == 0xff && self.termios.input.contains(Input::PARMRK) {
            self.push(byte, false);
        }
        self.push(byte, false);
    }

    fn end_line(&mut self, byte: u8) {
        self.push(byte, true);
        self.complete = self.typed.len();
    }

    fn push(&mut self, byte: u8, ends_line: bool) {
        if self.typed.len() >= CAPACITY {
            self.typed.pop_back();
        }
        self.typed.push_back(Cell { byte, ends_line });
    }
}
