//! The kernel's log: what `dmesg` shows.
//!
//! [`log!`](crate::log!) writes one line to a ring in memory, which syslog(2) reads, and, unless `quiet`
//! is on the command line, to the console. The tracer's lines take the same way with
//! [`always!`](crate::always!), which `quiet` doesn't silence.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::sync::{Mutex, rank};

/// Bytes of log kept; the oldest go first.
const RING_SIZE: usize = 64 * 1024;

static QUIET: AtomicBool = AtomicBool::new(false);
static RING: Mutex<Ring, rank::Log> = Mutex::new(Ring {
    bytes: [0; RING_SIZE],
    written: 0,
});

struct Ring {
    bytes: [u8; RING_SIZE],
    written: usize,
}

impl Write for Ring {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            self.bytes[self.written % RING_SIZE] = byte;
            self.written += 1;
        }
        Ok(())
    }
}

/// Keeps `log!`'s lines off the console (`quiet` on the command line).
pub fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Copies the newest `out.len()` bytes of the log into `out`; returns how many there were.
pub fn read_all(out: &mut [u8]) -> usize {
    let ring = RING.lock();
    let have = ring.written.min(RING_SIZE).min(out.len());
    for (slot, position) in out.iter_mut().zip(ring.written - have..ring.written) {
        *slot = ring.bytes[position % RING_SIZE];
    }
    have
}

/// The ring's size in bytes (SYSLOG_ACTION_SIZE_BUFFER).
pub const fn capacity() -> usize {
    RING_SIZE
}

#[doc(hidden)]
pub fn write(args: fmt::Arguments<'_>, always: bool) {
    // Formatting into memory cannot fail.
    let _ = RING.lock().write_fmt(args);
    if always || !QUIET.load(Ordering::Relaxed) {
        crate::dev::console::print(args);
    }
}

/// Writes a line to the log, and to the console unless the kernel is quiet.
#[macro_export]
macro_rules! log {
    ($($arg:tt)*) => { $crate::log::write(format_args!("{}\n", format_args!($($arg)*)), false) };
}

/// Writes a line to the log and to the console, quiet or not.
#[macro_export]
macro_rules! always {
    ($($arg:tt)*) => { $crate::log::write(format_args!("{}\n", format_args!($($arg)*)), true) };
}
