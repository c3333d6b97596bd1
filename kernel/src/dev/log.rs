//! The kernel log (dmesg).
//!
//! [`log!`] writes one line to a ring buffer, which syslog(2) reads, and to the
//! console unless `quiet` is on the command line. [`always!`], which the call log
//! (`trace/`) uses, writes to the console even with `quiet`.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::sync::{Mutex, rank};

/// Bytes of the ring buffer; the newest overwrite the oldest.
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

/// Sets whether `log!` skips the console (`quiet` on the command line).
pub fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Copies the newest bytes of the log to `out`, at most `out.len()`; returns their number.
pub fn read_all(out: &mut [u8]) -> usize {
    let ring = RING.lock();
    let have = ring.written.min(RING_SIZE).min(out.len());
    for (slot, position) in out.iter_mut().zip(ring.written - have..ring.written) {
        *slot = ring.bytes[position % RING_SIZE];
    }
    have
}

/// Size of the ring buffer in bytes (SYSLOG_ACTION_SIZE_BUFFER).
pub const fn capacity() -> usize {
    RING_SIZE
}

#[doc(hidden)]
pub fn write(args: fmt::Arguments<'_>, always: bool) {
    // `Ring::write_str` never fails.
    let _ = RING.lock().write_fmt(args);
    if always || !QUIET.load(Ordering::Relaxed) {
        crate::dev::console::print(args);
    }
}

/// Writes a line to the log, and to the console unless `quiet` is set.
macro_rules! log {
    ($($arg:tt)*) => { $crate::dev::log::write(format_args!("{}\n", format_args!($($arg)*)), false) };
}

/// Writes a line to the log and to the console, even if `quiet` is set.
macro_rules! always {
    ($($arg:tt)*) => { $crate::dev::log::write(format_args!("{}\n", format_args!($($arg)*)), true) };
}

pub(crate) use {always, log};
