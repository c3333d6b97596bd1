//! Frames: the program's output and end on a serial line shared with other text.
//!
//! A frame is RS, the run's token, a letter for its kind, the bytes, and a newline, so that kernel
//! messages after it start on a new line. Control characters in the bytes are escaped as DLE and
//! the character plus 0x40: neither a terminal's output processing nor the program's bytes can
//! change or end a frame. Each frame is one `write`, which the kernel does not split: its log lines
//! come before or after it.

use sys::os;

/// init is ready: from now on no input is lost.
pub const READY: u8 = b'R';
/// Bytes of standard output.
pub const OUTPUT: u8 = b'O';
/// Bytes of standard error.
pub const ERROR: u8 = b'E';
/// The program ended: `exit STATUS` or `signal NUMBER`.
pub const ENDED: u8 = b'X';
/// The time limit passed: what still runs is killed.
pub const LIMIT: u8 = b'L';
/// Bytes of the archive of the working directory.
pub const ARCHIVE: u8 = b'A';
/// The program could not be started: the error's name.
pub const NOT_STARTED: u8 = b'F';

const RS: u8 = 0x1e;
const DLE: u8 = 0x10;
/// Maximum size of a write to the line that the kernel does not split.
const PIECE: usize = 256;

/// The serial line.
pub struct Line<'a> {
    file: usize,
    token: &'a [u8],
}

impl<'a> Line<'a> {
    /// The line open as `file`. Without a token the host doesn't parse frames, and none are sent.
    pub fn new(file: usize, token: &'a [u8]) -> Self {
        Self { file, token }
    }

    /// The line's descriptor.
    pub fn file(&self) -> usize {
        self.file
    }

    /// Whether the host parses frames.
    pub fn is_framed(&self) -> bool {
        !self.token.is_empty()
    }

    /// Sends `bytes` in one or more frames.
    pub fn send(&mut self, kind: u8, bytes: &[u8]) {
        if !self.is_framed() {
            return;
        }
        let mut rest = bytes;
        loop {
            rest = self.send_one(kind, rest);
            if rest.is_empty() {
                return;
            }
        }
    }

    /// Sends one frame; returns the bytes that did not fit.
    fn send_one<'b>(&self, kind: u8, bytes: &'b [u8]) -> &'b [u8] {
        let mut frame = [0; PIECE];
        let mut used = 0;
        let mut add = |byte| {
            frame[used] = byte;
            used += 1;
            used
        };
        add(RS);
        self.token.iter().for_each(|byte| {
            add(*byte);
        });
        let mut len = add(kind);
        let mut taken = 0;
        for byte in bytes {
            // Room for an escaped byte and the newline.
            if len + 3 > PIECE {
                break;
            }
            len = match byte {
                0..0x20 => {
                    add(DLE);
                    add(byte + 0x40)
                }
                _ => add(*byte),
            };
            taken += 1;
        }
        len = add(b'\n');
        let mut left = &frame[..len];
        while let Ok(written @ 1..) = os::write(self.file, left) {
            left = left.get(written..).unwrap_or(&[]);
            if left.is_empty() {
                break;
            }
        }
        &bytes[taken..]
    }
}
