//! The sequence lock: one writer that never waits, readers that never write.
//!
//! The counter is odd during a write. A reader loads it, reads the data, and loads it again: if it
//! was odd or has changed, the data may be inconsistent and is discarded. The protected data is the
//! caller's, and must be read and written as atomics: see [`crate::page`]. `tests/loom.rs` runs
//! this file under every interleaving.

use crate::sync::{AtomicU32, Ordering, fence};

/// The sequence counter, the first word of the clock page.
#[repr(transparent)]
#[derive(Debug)]
pub struct Sequence(AtomicU32);

/// The value that the counter must have at the end of a valid read.
#[derive(Clone, Copy, Debug)]
pub struct Ticket(u32);

impl Sequence {
    /// An even counter: no write in progress.
    #[cfg(not(vdso_image))]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Starts a read.
    #[inline(always)]
    pub fn enter(&self) -> Ticket {
        // Acquire: the data is read after the counter, never before. Rounding an odd value down
        // makes `holds` fail, without a branch here.
        Ticket(self.0.load(Ordering::Acquire) & !1)
    }

    /// Ends a read: true if everything read since [`Sequence::enter`] is consistent.
    #[inline(always)]
    pub fn holds(&self, ticket: Ticket) -> bool {
        // The fence orders the second load after the reads of the data.
        fence(Ordering::Acquire);
        self.0.load(Ordering::Relaxed) == ticket.0
    }

    /// Runs `update`, the only code that may change the protected data. The caller ensures that
    /// there is one writer at a time (the kernel is not preemptible and runs on one CPU).
    #[cfg(not(vdso_image))]
    pub fn write(&self, update: impl FnOnce()) {
        let even = self.0.load(Ordering::Relaxed);
        self.0.store(even.wrapping_add(1), Ordering::Relaxed);
        // A reader that sees any of the new data also sees the odd counter.
        fence(Ordering::Release);
        update();
        // A reader that sees this even counter also sees all of the data.
        self.0.store(even.wrapping_add(2), Ordering::Release);
    }
}
