//! `print!` and `println!`: formatted text to standard output, line-buffered.
//!
//! Each line is one `write`, so that a killed program has printed all its complete lines, and the
//! kernel's log does not split one.

use core::cell::UnsafeCell;
use core::fmt::{self, Write};

use crate::os;

struct Buffer {
    bytes: [u8; 1024],
    used: usize,
}

struct Stdout(UnsafeCell<Buffer>);

// SAFETY: the programs have one thread and no signal handlers, so the functions here can't be
// reentered.
unsafe impl Sync for Stdout {}

static STDOUT: Stdout = Stdout(UnsafeCell::new(Buffer {
    bytes: [0; 1024],
    used: 0,
}));

impl Buffer {
    fn flush(&mut self) {
        let mut rest = &self.bytes[..self.used];
        while !rest.is_empty() {
            match os::write(1, rest) {
                Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or(&[]),
                _ => break, // an output error can't be reported
            }
        }
        self.used = 0;
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.used == self.bytes.len() {
                self.flush();
            }
            self.bytes[self.used] = byte;
            self.used += 1;
            if byte == b'\n' {
                self.flush();
            }
        }
        Ok(())
    }
}

/// Formats to standard output; the macros expand to this.
pub fn print(args: fmt::Arguments<'_>) {
    // SAFETY: one thread, and no `Display` implementation prints, so this is the only reference.
    let buffer = unsafe { &mut *STDOUT.0.get() };
    // A `Display` implementation's error can't be reported.
    let _ = buffer.write_fmt(args);
}

/// Writes the buffered part of an incomplete line.
pub fn flush() {
    // SAFETY: one thread, so this is the only reference.
    unsafe { &mut *STDOUT.0.get() }.flush();
}

/// Prints to standard output.
#[macro_export]
macro_rules! print {
    ($($args:tt)*) => { $crate::print::print(format_args!($($args)*)) };
}

/// Prints a line to standard output.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($args:tt)*) => { $crate::print!("{}\n", format_args!($($args)*)) };
}
