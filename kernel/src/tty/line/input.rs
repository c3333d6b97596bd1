//! Input processing: flow control, signals, translation, ends of lines (n_tty_receive_buf).

use super::{CAPACITY, Cell, Line, latin1};
use crate::abi::signal::{SIGINT, SIGQUIT, SIGTSTP};
use crate::tty::termios::{Input, Local, character as ch};

/// Effect of a typed byte outside of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// None.
    Plain,
    /// Output restarts: the queued echoes are sent.
    Start,
    /// A signal for the foreground process group.
    Signal {
        /// Signal number.
        signo: u8,
        /// Whether input and pending output are flushed (no NOFLSH).
        flush: bool,
    },
}

impl Line {
    /// Number of bytes that can be processed, whatever they are. A single overlong line always
    /// accepts a byte, which replaces its last one; complete lines must be read first.
    pub fn room(&self) -> usize {
        let marked = self.termios.input.contains(Input::PARMRK);
        let free = (CAPACITY - 1).saturating_sub(self.typed.len()) / if marked { 2 } else { 1 };
        if free == 0 && self.is_canonical() && self.complete == 0 {
            return 1;
        }
        free
    }

    /// Whether a byte can be processed.
    pub fn accepts(&self) -> bool {
        self.room() > 0
    }

    /// The byte after ISTRIP and IUCLC.
    fn stripped(&self, mut byte: u8) -> u8 {
        if self.termios.input.contains(Input::ISTRIP) {
            byte &= 0x7f;
        }
        if self.termios.input.contains(Input::IUCLC) && self.termios.has(Local::IEXTEN) {
            byte = latin1::lower(byte);
        }
        byte
    }

    /// Restarts output if `byte` does so through IXANY; returns whether it did.
    pub fn restarts_output(&mut self, byte: u8) -> bool {
        let byte = self.stripped(byte);
        let stops = self.termios.is(byte, ch::VSTART) || self.termios.is(byte, ch::VSTOP);
        let any = Input::IXON.union(Input::IXANY);
        let starts = self.stopped
            && !self.stopped_by_program
            && self.termios.input.contains(any)
            && (!stops || self.literal);
        if starts {
            self.start();
        }
        starts
    }

    /// Processes a typed byte, for which [`Line::accepts`] is true. May stop or restart output.
    pub fn type_in(&mut self, byte: u8) -> Typed {
        let flags = self.termios.input;
        let mut byte = self.stripped(byte);
        if core::mem::take(&mut self.literal) {
            self.add_ordinary(byte, false);
            return Typed::Plain;
        }
        if flags.contains(Input::IXON) {
            if self.termios.is(byte, ch::VSTART) {
                self.start();
                return Typed::Start;
            }
            if self.termios.is(byte, ch::VSTOP) {
                self.stop();
                return Typed::Plain;
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
                    return self.process_signal(byte, signo);
                }
            }
        }
        let typed = byte;
        match byte {
            b'\r' if flags.contains(Input::IGNCR) => return Typed::Plain,
            b'\r' if flags.contains(Input::ICRNL) => byte = b'\n',
            b'\n' if flags.contains(Input::INLCR) => byte = b'\r',
            _ => {}
        }
        if !self.is_canonical() || !self.edit(byte) {
            self.add_ordinary(byte, byte != typed);
        }
        Typed::Plain
    }

    fn process_signal(&mut self, byte: u8, signo: u8) -> Typed {
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
        Typed::Signal { signo, flush }
    }

    /// Processes the special characters of canonical mode; false for an ordinary one.
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

    /// Adds an ordinary byte. A line feed is shown as ^J, unless it is `translated` from CR.
    fn add_ordinary(&mut self, byte: u8, translated: bool) {
        if self.termios.has(Local::ECHO) {
            self.finish_erasing();
            if byte == b'\n' && translated {
                self.echo_raw(byte);
            } else {
                self.note_line_column();
                self.echo_char(byte);
            }
        }
        // With PARMRK, 255 begins the mark of an error: a real one is doubled.
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
