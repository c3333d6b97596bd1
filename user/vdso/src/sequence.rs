//! The sequence lock: one writer that never waits, readers that never write.
//!
//! The lock has two counts. The writer increments the first before a write ([`Sequence`]), and
//! copies it to the second after it ([`Written`]; each clock has one). A reader loads the second,
//! reads the data, and compares the first: if they differ, a write has begun meanwhile, the data
//! may be inconsistent and is discarded. Two counts instead of one that is odd during a write: a
//! reader tests nothing before it reads, and a clock whose count never matches has no value.
//!
//! The protected data is the caller's, and must be read and written as atomics: see
//! [`crate::page`]. `tests/loom.rs` runs this file under every interleaving.

use crate::sync::{AtomicU32, Ordering, fence};

/// Count of writes begun: the first word of the clock page. 0 only before the first write.
#[repr(transparent)]
#[derive(Debug)]
pub struct Sequence(AtomicU32);

/// Number of the last complete write of a part of the data; 0 if it has no value.
#[repr(transparent)]
#[derive(Debug)]
pub struct Written(AtomicU32);

/// Number of a write.
#[derive(Clone, Copy, Debug)]
pub struct Ticket(u32);

impl Written {
    /// A part without a value.
    #[cfg(not(vdso_image))]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Starts a read.
    #[inline(always)]
    pub fn enter(&self) -> Ticket {
        // ANCHOR: begin-read
        // Acquire: the data is read after the count, never before.
        Ticket(self.0.load(Ordering::Acquire))
        // ANCHOR_END: begin-read
    }

    /// Ends the write of this part: the last store of the part's write `ticket`.
    #[cfg(not(vdso_image))]
    pub fn end(&self, ticket: Ticket) {
        // ANCHOR: end-write
        // A reader that sees this count also sees all of the data.
        self.0.store(ticket.0, Ordering::Release);
        // ANCHOR_END: end-write
    }

    /// Takes the part's value away.
    #[cfg(not(vdso_image))]
    pub fn revoke(&self) {
        self.0.store(0, Ordering::Release);
    }
}

impl Sequence {
    /// No write yet.
    #[cfg(not(vdso_image))]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Ends a read: true if everything read since [`Written::enter`] is consistent.
    #[inline(always)]
    pub fn holds(&self, ticket: Ticket) -> bool {
        // ANCHOR: end-read
        // The fence orders this load after the reads of the data.
        fence(Ordering::Acquire);
        self.0.load(Ordering::Relaxed) == ticket.0
        // ANCHOR_END: end-read
    }

    /// Runs `update`, the only code that may change the protected data; it ends each part's write
    /// by [`Written::end`]. The caller ensures that there is one writer at a time (the kernel is
    /// not preemptible and runs on one CPU).
    #[cfg(not(vdso_image))]
    pub fn write(&self, update: impl FnOnce(Ticket)) {
        // ANCHOR: begin-write
        // 0 would match the parts that have no value.
        let ticket = self.0.load(Ordering::Relaxed).wrapping_add(1).max(1);
        self.0.store(ticket, Ordering::Relaxed);
        // A reader that sees any of the new data also sees the new count.
        fence(Ordering::Release);
        update(Ticket(ticket));
        // ANCHOR_END: begin-write
    }
}
