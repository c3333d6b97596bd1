//! Reading from the input buffer (n_tty_read).

use super::Line;
use crate::tty::termios::character as ch;

impl Line {
    /// Whether a read returns at once: in canonical mode for a complete line or an end of file,
    /// else for a byte.
    pub fn has_input(&self) -> bool {
        if self.is_canonical() {
            self.complete > 0
        } else {
            !self.typed.is_empty()
        }
    }

    /// Whether poll(2) reports input: without VTIME, at least VMIN bytes.
    pub fn is_readable(&self) -> bool {
        let characters = &self.termios.characters;
        if self.is_canonical() || characters[ch::VTIME] != 0 {
            return self.has_input();
        }
        self.typed.len() >= usize::from(characters[ch::VMIN]).max(1)
    }

    /// Number of bytes that can be read (FIONREAD).
    pub fn available(&self) -> usize {
        if !self.is_canonical() {
            return self.typed.len();
        }
        let lines = self.typed.iter().take(self.complete);
        lines.filter(|cell| !cell.is_end_of_file()).count()
    }

    /// Removes up to `out.len()` bytes, in canonical mode of one line. Returns their number, and
    /// whether a line ended.
    pub fn take(&mut self, out: &mut [u8]) -> (usize, bool) {
        let canonical = self.is_canonical();
        let mut len = 0;
        while len < out.len() {
            let Some(cell) = self.next(canonical) else {
                break;
            };
            if !cell.is_end_of_file() {
                out[len] = cell.byte;
                len += 1;
            }
            if cell.ends_line {
                return (len, true);
            }
        }
        (len, false)
    }

    fn next(&mut self, canonical: bool) -> Option<super::Cell> {
        if canonical {
            self.complete = self.complete.checked_sub(1)?;
        }
        self.typed.pop_front()
    }

    /// Removes an end of file after a read of full length, which would end the next read
    /// (canon_skip_eof).
    pub fn skip_end_of_file(&mut self) {
        let is_next = self.typed.front().is_some_and(|cell| cell.is_end_of_file());
        if self.is_canonical() && self.complete > 0 && is_next {
            self.next(true);
        }
    }
}
