//! Output processing by the output flags (n_tty's do_output_char).

use alloc::vec::Vec;

use super::{Line, latin1};
use crate::tty::termios::Output;

impl Line {
    /// Most bytes that one written byte expands to.
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

    /// Appends written bytes to `out`, processed: runs of printable ASCII characters at once.
    pub fn process_all_output(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        let flags = self.termios.output;
        if !flags.contains(Output::OPOST) {
            return out.extend_from_slice(bytes);
        }
        while !bytes.is_empty() {
            let run = if flags.contains(Output::OLCUC) {
                0
            } else {
                let is_special = |byte: &u8| !(b' '..=b'~').contains(byte);
                bytes.iter().position(is_special).unwrap_or(bytes.len())
            };
            let (plain, rest) = bytes.split_at(run);
            self.column += run;
            out.extend_from_slice(plain);
            bytes = rest;
            if let Some((special, rest)) = bytes.split_first() {
                self.process_output(*special, out);
                bytes = rest;
            }
        }
    }

    /// Appends a written byte to `out`, processed.
    pub fn process_output(&mut self, byte: u8, out: &mut Vec<u8>) {
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
                out.push(if upper { latin1::upper(byte) } else { byte });
            }
        }
    }
}
