//! Ranges of user memory, checked once: the buffers of reads and writes.
//!
//! A [`UserRange`] lies within the user address space from its creation on, as it only ever
//! shrinks. So the copies (in `usercopy.rs`) don't check addresses again. Whether its pages can be
//! read or written only each copy finds out.

use super::{UserPtr, check};
use crate::abi::errno::Errno;

/// A range of user memory within the user address space.
#[derive(Clone, Copy, Debug)]
pub struct UserRange {
    start: u64,
    len: usize,
}

impl UserRange {
    /// No bytes.
    pub const EMPTY: Self = Self { start: 0, len: 0 };

    /// The `len` bytes from `start` on.
    ///
    /// # Errors
    /// `EFAULT` if they aren't within the user address space.
    #[inline(always)]
    pub fn new(start: UserPtr<u8>, len: usize) -> Result<Self, Errno> {
        let start = start.address();
        check(start, len)?;
        Ok(Self { start, len })
    }

    /// Its first address.
    pub const fn start(self) -> UserPtr<u8> {
        UserPtr::new(self.start)
    }

    /// Length in bytes.
    pub const fn len(self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Its first bytes, at most `most`.
    #[inline(always)]
    pub fn first(self, most: usize) -> Self {
        Self {
            len: self.len.min(most),
            ..self
        }
    }

    /// Leaves out its first bytes, at most `bytes`.
    pub fn skip(&mut self, bytes: usize) {
        self.transfer(bytes, |_, _| 0);
    }

    /// Leaves out what `copy` transfers of the first bytes, at most `most`; returns their number.
    /// `copy` gets an address and a length, and returns the number of bytes that it did **not**
    /// copy, at most the length.
    #[inline(always)]
    pub(super) fn transfer(
        &mut self,
        most: usize,
        copy: impl FnOnce(u64, usize) -> usize,
    ) -> usize {
        let len = self.len.min(most);
        let rest = copy(self.start, len);
        debug_assert!(rest <= len);
        let moved = len - rest;
        self.start += moved as u64;
        self.len -= moved;
        moved
    }
}
