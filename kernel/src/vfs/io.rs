//! Source and destination of a transfer: user memory or the kernel's.
//!
//! File operations use one interface and never see a user address. It counts the bytes: a fault
//! amid a copy ends with `EFAULT`, and the call still returns the bytes copied before it, as on
//! Linux.

use crate::abi::errno::{Errno, SysResult};
use crate::mm::frame::Frame;
use crate::sched::preempt::{self, STRIDE};
use crate::usercopy::UserRange;

/// Most bytes of one call (MAX_RW_COUNT: INT_MAX rounded down to a page).
pub const MAX_RW_COUNT: usize = 0x7fff_f000;

/// Destination of a read.
pub trait Out {
    /// Room left, in bytes.
    fn left(&self) -> usize;
    /// Bytes transferred so far.
    fn done(&self) -> usize;
    /// Copies all of `bytes`, at most [`Out::left`].
    ///
    /// # Errors
    /// `EFAULT`; the bytes before the fault are copied and counted.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Errno>;
    /// Copies `len` bytes of a page from offset `at`. For pages that programs may have mapped: the
    /// destination may be the same page, so no reference to its bytes is created.
    ///
    /// # Errors
    /// As [`Out::put`].
    fn put_page(&mut self, page: &Frame, at: usize, len: usize) -> Result<(), Errno>;
    /// Fills all that is left with zeros: /dev/zero.
    ///
    /// # Errors
    /// As [`Out::put`]; `ERESTARTSYS` if a signal interrupts a long transfer.
    fn put_zeros(&mut self) -> Result<(), Errno>;
    /// Takes back the count of the last `len` bytes. No transfer follows.
    fn refuse(&mut self, len: usize);
}

/// Source of a write.
pub trait In {
    /// Bytes left.
    fn left(&self) -> usize;
    /// Bytes transferred so far.
    fn done(&self) -> usize;
    /// Fills `bytes`, at most [`In::left`].
    ///
    /// # Errors
    /// `EFAULT`; the bytes before the fault are copied and counted.
    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Errno>;
    /// Fills `len` bytes of a page from offset `at`, as [`Out::put_page`].
    ///
    /// # Errors
    /// As [`In::take`].
    fn take_page(&mut self, page: &Frame, at: usize, len: usize) -> Result<(), Errno>;
    /// Counts all bytes left as transferred without reading them: /dev/null reads no buffer.
    fn skip_all(&mut self);
    /// Takes back the count of the last `len` bytes, which the file read but doesn't use. No
    /// transfer follows.
    fn refuse(&mut self, len: usize);
}

/// What a transfer did: the bytes transferred, and the error that ended it.
pub type Moved = (usize, Result<(), Errno>);

/// The result of a call from that of its transfer: an error after the first byte is dropped.
#[inline(always)]
pub fn finish((done, result): Moved) -> SysResult {
    if done == 0 {
        result.map(|()| 0)
    } else {
        Ok(done)
    }
}

/// A program's buffer: one range, or those of readv(2) and writev(2).
pub struct UserBuffer<'a> {
    /// The current range, from its first byte not transferred yet.
    current: UserRange,
    /// The ranges after it.
    rest: &'a [UserRange],
    /// Bytes left in all ranges.
    left: usize,
    /// Bytes left and transferred.
    total: usize,
    /// Value of `left` for the next preemption point.
    next_point: usize,
}

impl<'a> UserBuffer<'a> {
    /// A buffer of one range, at most [`MAX_RW_COUNT`] bytes.
    #[inline(always)]
    pub fn new(range: UserRange) -> Self {
        let range = range.first(MAX_RW_COUNT);
        Self::of(range, &[], range.len())
    }

    /// A buffer of several ranges, `total` bytes together.
    #[inline(always)]
    pub fn of_all(ranges: &'a [UserRange], total: usize) -> Self {
        Self::of(UserRange::EMPTY, ranges, total)
    }

    #[inline(always)]
    fn of(current: UserRange, rest: &'a [UserRange], total: usize) -> Self {
        Self {
            current,
            rest,
            left: total,
            total,
            next_point: total.saturating_sub(STRIDE),
        }
    }

    /// A preemption point every [`STRIDE`] bytes; fails if the process is being killed.
    #[inline]
    fn preemption_point(&mut self) -> Result<(), Errno> {
        if self.left > self.next_point {
            return Ok(());
        }
        self.next_point = self.left.saturating_sub(STRIDE);
        preempt::killed()
    }

    /// Transfers `left` bytes range by range. `copy` gets the current range and the number of bytes
    /// wanted, advances the range past the bytes it copied, and returns their number.
    #[inline]
    fn each(
        &mut self,
        len: usize,
        mut copy: impl FnMut(&mut UserRange, usize) -> usize,
    ) -> Result<(), Errno> {
        // The usual case: one part of the current range, without a preemption point.
        if len <= self.current.len() && len <= STRIDE && self.left > self.next_point {
            let moved = copy(&mut self.current, len);
            self.left -= moved;
            return if moved == len {
                Ok(())
            } else {
                Err(Errno::EFAULT)
            };
        }
        self.each_part(len, copy)
    }

    #[inline(never)]
    fn each_part(
        &mut self,
        mut left: usize,
        mut copy: impl FnMut(&mut UserRange, usize) -> usize,
    ) -> Result<(), Errno> {
        while left > 0 {
            self.preemption_point()?;
            while self.current.is_empty()
                && let Some((first, rest)) = self.rest.split_first()
            {
                (self.current, self.rest) = (*first, rest);
            }
            let wanted = self.current.len().min(left).min(STRIDE);
            let moved = copy(&mut self.current, wanted);
            self.left -= moved;
            left -= moved;
            if moved < wanted || wanted == 0 {
                return Err(Errno::EFAULT);
            }
        }
        Ok(())
    }
}

impl Out for UserBuffer<'_> {
    #[inline]
    fn left(&self) -> usize {
        self.left
    }

    #[inline]
    fn done(&self) -> usize {
        self.total - self.left
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        let mut done = 0;
        self.each(bytes.len(), |to, len| {
            let moved = to.put(&bytes[done..done + len]);
            done += moved;
            moved
        })
    }

    fn put_zeros(&mut self) -> Result<(), Errno> {
        while self.left > 0 {
            self.each(self.left.min(STRIDE), UserRange::put_zeros)?;
            if self.left > 0 {
                self.next_point = self.left.saturating_sub(STRIDE);
                preempt::interrupted()?;
            }
        }
        Ok(())
    }

    fn put_page(&mut self, page: &Frame, mut at: usize, len: usize) -> Result<(), Errno> {
        self.each(len, |to, len| {
            let moved = to.put_page(page, at, len);
            at += moved;
            moved
        })
    }

    fn refuse(&mut self, len: usize) {
        self.total -= len;
    }
}

impl In for UserBuffer<'_> {
    #[inline]
    fn left(&self) -> usize {
        self.left
    }

    #[inline]
    fn done(&self) -> usize {
        self.total - self.left
    }

    #[inline]
    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Errno> {
        let mut done = 0;
        self.each(bytes.len(), |from, len| {
            let moved = from.take(&mut bytes[done..done + len]);
            done += moved;
            moved
        })
    }

    fn take_page(&mut self, page: &Frame, mut at: usize, len: usize) -> Result<(), Errno> {
        self.each(len, |from, len| {
            let moved = from.take_page(page, at, len);
            at += moved;
            moved
        })
    }

    fn skip_all(&mut self) {
        self.left = 0;
    }

    fn refuse(&mut self, len: usize) {
        self.total -= len;
    }
}

/// A kernel buffer as the destination of a read.
pub struct KernelOut<'a> {
    bytes: &'a mut [u8],
    done: usize,
}

impl<'a> KernelOut<'a> {
    /// Fills `bytes` from its start.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, done: 0 }
    }
}

impl Out for KernelOut<'_> {
    fn left(&self) -> usize {
        self.bytes.len() - self.done
    }

    fn done(&self) -> usize {
        self.done
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        self.bytes[self.done..self.done + bytes.len()].copy_from_slice(bytes);
        self.done += bytes.len();
        Ok(())
    }

    fn put_zeros(&mut self) -> Result<(), Errno> {
        self.bytes[self.done..].fill(0);
        self.done = self.bytes.len();
        Ok(())
    }

    fn put_page(&mut self, page: &Frame, at: usize, len: usize) -> Result<(), Errno> {
        page.read(at, &mut self.bytes[self.done..self.done + len]);
        self.done += len;
        Ok(())
    }

    fn refuse(&mut self, len: usize) {
        self.done -= len;
    }
}

/// Kernel bytes as the source of a write.
pub struct KernelIn<'a> {
    bytes: &'a [u8],
    done: usize,
}

impl<'a> KernelIn<'a> {
    /// Supplies `bytes` from their start.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, done: 0 }
    }
}

impl In for KernelIn<'_> {
    fn left(&self) -> usize {
        self.bytes.len() - self.done
    }

    fn done(&self) -> usize {
        self.done
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Errno> {
        bytes.copy_from_slice(&self.bytes[self.done..self.done + bytes.len()]);
        self.done += bytes.len();
        Ok(())
    }

    fn take_page(&mut self, page: &Frame, at: usize, len: usize) -> Result<(), Errno> {
        page.write(at, &self.bytes[self.done..self.done + len]);
        self.done += len;
        Ok(())
    }

    fn skip_all(&mut self) {
        self.done = self.bytes.len();
    }

    fn refuse(&mut self, len: usize) {
        self.done -= len;
    }
}

/// Copies the part of `text` from `offset` on that fits `out`: a read of a generated file.
///
/// # Errors
/// `EFAULT`.
pub fn put_from(text: &[u8], offset: u64, out: &mut dyn Out) -> Result<(), Errno> {
    let start = usize::try_from(offset)
        .unwrap_or(usize::MAX)
        .min(text.len());
    let len = (text.len() - start).min(out.left());
    out.put(&text[start..start + len])
}
