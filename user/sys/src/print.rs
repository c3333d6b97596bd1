//! `print!` and `println!`: formatted text to standard output, a line at a time.
//!
//! A line is written with one `write`, so that a program that dies has printed all of its complete
//! lines, and the kernel's log does not split one.

use core::cell::UnsafeCell;
use core::fmt::{self, Write};

use crate::os;

struct Buffer {
    bytes: [u8; 1024],
    used: usize,
}

struct Stdout(UnsafeCell<Buffer>);

// SAFETY: these programs have one thread and no signal handlers, so nothing else can be inside
// the buffer while a function here is.
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
                _ => break, // an error of the output itself can't be printed
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

/// Formats to standard output; what the macros expand to.
pub fn print(args: fmt::Arguments<'_>) {
    // SAFETY: one thread, and no `Display` of these programs prints while it is printed, so this
    // is the only reference.
    let buffer = unsafe { &mut *STDOUT.0.get() };
    // A `Display` that returns an error leaves its text half written; it can't be reported.
    let _ = buffer.write_fmt(args);
}

/// Writes an incomplete last line.
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
