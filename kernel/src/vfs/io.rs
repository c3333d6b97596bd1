//! Source and destination of a transfer: user memory or the kernel's.
//!
//! File operations use one interface and never see a user address. It counts the bytes: a fault
//! amid a copy ends with `EFAULT`, and the call still returns the bytes copied before it, as on
//! Linux.

use crate::abi::errno::Errno;
use crate::mm::PAGE_SIZE;
use crate::mm::frame::Frame;
use crate::sched::preempt::{self, STRIDE};
use crate::usercopy::UserPtr;

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

/// A range of user memory.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// First address.
    pub at: UserPtr<u8>,
    /// Length in bytes.
    pub len: usize,
}

/// A program's buffer: one range, or those of readv(2) and writev(2).
pub struct UserBuffer<'a> {
    /// The current range, from its first byte not transferred yet.
    current: Range,
    /// The ranges after it.
    rest: &'a [Range],
    left: usize,
    done: usize,
    /// Value of `done` for the next preemption point.
    next_point: usize,
}

impl<'a> UserBuffer<'a> {
    /// A buffer of one range.
    pub fn new(at: UserPtr<u8>, len: usize) -> Self {
        Self {
            current: Range { at, len },
            rest: &[],
            left: len,
            done: 0,
            next_point: STRIDE,
        }
    }

    /// A buffer of several ranges, `total` bytes together.
    pub fn of(ranges: &'a [Range], total: usize) -> Self {
        let empty = Range {
            at: UserPtr::new(0),
            len: 0,
        };
        Self {
            current: empty,
            rest: ranges,
            left: total,
            done: 0,
            next_point: STRIDE,
        }
    }

    /// The next range, of at most `wanted` bytes; [`UserBuffer::advance`] moves past it.
    fn range(&mut self, wanted: usize) -> Range {
        while self.current.len == 0 {
            let Some((first, rest)) = self.rest.split_first() else {
                break;
            };
            (self.current, self.rest) = (*first, rest);
        }
        Range {
            at: self.current.at,
            len: self.current.len.min(wanted),
        }
    }

    /// A preemption point every [`STRIDE`] bytes; fails if the process is being killed.
    fn preemption_point(&mut self) -> Result<(), Errno> {
        if self.done < self.next_point {
            return Ok(());
        }
        self.next_point = self.done + STRIDE;
        preempt::killed()
    }

    /// Transfers `left` bytes range by range. `copy` gets the address and length of the next part
    /// and returns the bytes it copied.
    fn each(
        &mut self,
        mut left: usize,
        mut copy: impl FnMut(UserPtr<u8>, usize) -> usize,
    ) -> Result<(), Errno> {
        while left > 0 {
            self.preemption_point()?;
            let range = self.range(left.min(STRIDE));
            let moved = copy(range.at, range.len);
            self.advance(moved);
            if moved == 0 || moved < range.len {
                return Err(Errno::EFAULT);
            }
            left -= moved;
        }
        Ok(())
    }

    fn advance(&mut self, moved: usize) {
        self.current.at = self.current.at.byte_add(moved as u64);
        self.current.len -= moved;
        self.left -= moved;
        self.done += moved;
    }
}

impl Out for UserBuffer<'_> {
    fn left(&self) -> usize {
        self.left
    }

    fn done(&self) -> usize {
        self.done
    }

    fn put(&mut self, mut bytes: &[u8]) -> Result<(), Errno> {
        // `each` written out: fewer instructions for short reads, the most frequent ones.
        while !bytes.is_empty() {
            self.preemption_point()?;
            let range = self.range(bytes.len().min(STRIDE));
            let moved = range.at.write_prefix(&bytes[..range.len]);
            self.advance(moved);
            if moved == 0 || moved < range.len {
                return Err(Errno::EFAULT);
            }
            bytes = &bytes[moved..];
        }
        Ok(())
    }

    fn put_zeros(&mut self) -> Result<(), Errno> {
        static ZEROS: [u8; PAGE_SIZE as usize] = [0; PAGE_SIZE as usize];
        while self.left > 0 {
            let range = self.range(ZEROS.len());
            let moved = range.at.write_prefix(&ZEROS[..range.len]);
            self.advance(moved);
            if moved == 0 || moved < range.len {
                return Err(Errno::EFAULT);
            }
            if self.done >= self.next_point {
                self.next_point = self.done + STRIDE;
                preempt::interrupted()?;
            }
        }
        Ok(())
    }

    fn put_page(&mut self, page: &Frame, mut at: usize, len: usize) -> Result<(), Errno> {
        self.each(len, |to, len| {
            let moved = to.write_page(page, at, len);
            at += moved;
            moved
        })
    }

    fn refuse(&mut self, len: usize) {
        self.done -= len;
    }
}

impl In for UserBuffer<'_> {
    fn left(&self) -> usize {
        self.left
    }

    fn done(&self) -> usize {
        self.done
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Errno> {
        let mut done = 0;
        self.each(bytes.len(), |from, len| {
            let moved = from.read_prefix(&mut bytes[done..done + len]);
            done += moved;
            moved
        })
    }

    fn take_page(&mut self, page: &Frame, mut at: usize, len: usize) -> Result<(), Errno> {
        self.each(len, |from, len| {
            let moved = from.read_page(page, at, len);
            at += moved;
            moved
        })
    }

    fn skip_all(&mut self) {
        self.done += self.left;
        self.left = 0;
    }

    fn refuse(&mut self, len: usize) {
        self.done -= len;
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
