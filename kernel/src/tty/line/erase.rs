//! Erasing in the line being edited (n_tty's eraser).

use super::echo::Echo;
use super::{Line, latin1};
use crate::tty::termios::{Input, Local, character as ch};

/// Extent of an erasure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Character,
    Word,
    Line,
}

impl Line {
    /// VERASE: erases the last character.
    pub(super) fn erase(&mut self) {
        self.erase_back(What::Character);
    }

    /// VWERASE: erases the last word and what follows it.
    pub(super) fn erase_word(&mut self) {
        self.erase_back(What::Word);
    }

    /// VKILL: erases the line.
    pub(super) fn kill(&mut self) {
        if self.typed.len() == self.complete {
            return;
        }
        let termios = self.termios;
        let wipes = [Local::ECHOK, Local::ECHOKE, Local::ECHOE];
        if termios.has(Local::ECHO) && wipes.iter().all(|&flag| termios.has(flag)) {
            return self.erase_back(What::Line);
        }
        self.typed.truncate(self.complete);
        if termios.has(Local::ECHO) {
            self.finish_erasing();
            self.echo_char(termios.characters[ch::VKILL]);
            if termios.has(Local::ECHOK) {
                self.echo_raw(b'\n');
            }
        }
    }

    /// Whether a byte continues a UTF-8 character (with IUTF8).
    pub(super) fn continues(&self, byte: u8) -> bool {
        self.termios.input.contains(Input::IUTF8) && byte & 0xc0 == 0x80
    }

    /// Ends the display of erased characters with ECHOPRT.
    pub(super) fn finish_erasing(&mut self) {
        if core::mem::take(&mut self.erasing) {
            self.echo_raw(b'/');
        }
    }

    fn erase_back(&mut self, what: What) {
        let mut in_word = false;
        while self.typed.len() > self.complete {
            // The character's first byte; continuation bytes without one are kept.
            let mut start = self.typed.len() - 1;
            while start > self.complete && self.continues(self.typed[start].byte) {
                start -= 1;
            }
            let first = self.typed[start].byte;
            if self.continues(first) {
                break;
            }
            if what == What::Word {
                if latin1::is_word(first) {
                    in_word = true;
                } else if in_word {
                    break;
                }
            }
            self.show_erased(what, start);
            self.typed.truncate(start);
            if what == What::Character {
                break;
            }
        }
        if self.typed.len() == self.complete && self.termios.has(Local::ECHO) {
            self.finish_erasing();
        }
    }

    /// Echoes the erasure of the character from `start` on.
    fn show_erased(&mut self, what: What, start: usize) {
        let termios = self.termios;
        let first = self.typed[start].byte;
        if !termios.has(Local::ECHO) {
            return;
        }
        if termios.has(Local::ECHOPRT) {
            if !self.erasing {
                self.echo_raw(b'\\');
                self.erasing = true;
            }
            self.echo_char(first);
            for index in start + 1..self.typed.len() {
                self.echo_raw(self.typed[index].byte);
                self.push_echo(Echo::NoColumn);
            }
        } else if what == What::Character && !termios.has(Local::ECHOE) {
            self.echo_char(termios.characters[ch::VERASE]);
        } else if first == b'\t' {
            self.erase_tab(start);
        } else {
            let width = match (first.is_ascii_control(), termios.has(Local::ECHOCTL)) {
                (true, true) => 2,
                (true, false) => 0,
                (false, _) => 1,
            };
            for _ in 0..width {
                for byte in *b"\x08 \x08" {
                    self.echo_raw(byte);
                }
            }
        }
    }

    /// Echoes the erasure of the tab at `at`, whose width depends on the text before it.
    fn erase_tab(&mut self, at: usize) {
        let mut columns = 0;
        let mut after_tab = false;
        for index in (self.complete..at).rev() {
            let byte = self.typed[index].byte;
            if byte == b'\t' {
                after_tab = true;
                break;
            }
            if byte.is_ascii_control() {
                columns += if self.termios.has(Local::ECHOCTL) {
                    2
                } else {
                    0
                };
            } else if !self.continues(byte) {
                columns += 1;
            }
        }
        self.push_echo(Echo::EraseTab { columns, after_tab });
    }
}
