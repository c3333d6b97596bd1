//! Where the bytes of a read go and those of a write come from: user memory or the kernel's own.
//!
//! A file's code sees one interface and never a user address. What was moved is counted here, not
//! by the file: a fault in the middle of a copy ends it with `EFAULT`, and the caller then still
//! tells the program how far it got, as Linux does.

use crate::mm::frame::Frame;
use crate::process::preempt::{self, STRIDE};
use crate::syscall::errno::Errno;
use crate::usercopy::UserPtr;

/// Most bytes that one call moves (MAX_RW_COUNT: the largest int, rounded down to a page).
pub const MAX_RW_COUNT: usize = 0x7fff_f000;

/// Takes the bytes of a read.
pub trait Out {
    /// Bytes there is still room for.
    fn left(&self) -> usize;
    /// Bytes taken so far.
    fn done(&self) -> usize;
    /// Takes all of `bytes`, of which there are no more than [`Out::left`].
    ///
    /// # Errors
    /// `EFAULT`; what precedes the fault has been taken.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Errno>;
    /// The same with `len` bytes of a page at offset `at`, for pages that programs may have mapped: where the
    /// bytes go may be the page itself, so that no reference to its bytes is made.
    ///
    /// # Errors
    /// As [`Out::put`].
    fn put_page(&mut self, page: &Frame, at: usize, len: usize) -> Result<(), Errno>;
    /// Counts the last `len` bytes as not taken. Nothing more is given.
    fn refuse(&mut self, len: usize);
}

/// Gives the bytes of a write.
pub trait In {
    /// Bytes there still are.
    fn left(&self) -> usize;
    /// Bytes given so far.
    fn done(&self) -> usize;
    /// Fills `bytes`, which is no longer than [`In::left`].
    ///
    /// # Errors
    /// `EFAULT`; what precedes the fault is filled in and counted as given.
    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Errno>;
    /// The same with `len` bytes of a page at offset `at`, as [`Out::put_page`].
    ///
    /// # Errors
    /// As [`In::take`].
    fn take_page(&mut self, page: &Frame, at: usize, len: usize) -> Result<(), Errno>;
    /// Counts all that is left as given without looking at it: /dev/null reads no buffer.
    fn skip_all(&mut self);
    /// Counts the last `len` bytes as not given, though the file looked at them: it has no use for them
    /// after all. Nothing more is asked for.
    fn refuse(&mut self, len: usize);
}

/// One range of user memory.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// First address.
    pub at: UserPtr<u8>,
    /// Bytes.
    pub len: usize,
}

/// A program's buffer: one range, or the several of readv(2) and writev(2).
pub struct UserBuffer<'a> {
    /// The range in use, from its first byte not yet moved.
    current: Range,
    /// The ranges after it.
    rest: &'a [Range],
    left: usize,
    done: usize,
    /// When so much is done, others may run.
    next_point: usize,
}

impl<'a> UserBuffer<'a> {
    /// A buffer in one piece.
    pub fn new(at: UserPtr<u8>, len: usize) -> Self {
        Self {
            current: Range { at, len },
            rest: &[],
            left: len,
            done: 0,
            next_point: STRIDE,
        }
    }

    /// A buffer of several pieces, `total` bytes together.
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

    /// The next range of at most `wanted` bytes; moves past it with [`UserBuffer::advance`].
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

    /// Lets others run now and then; an error ends the call of a program that is to end.
    fn breathe(&mut self) -> Result<(), Errno> {
        if self.done < self.next_point {
            return Ok(());
        }
        self.next_point = self.done + STRIDE;
        preempt::killed()
    }

    /// Moves `left` bytes range by range. `copy` is given where the next part lies and its length, and says how many
    /// bytes it has moved.
    fn each(
        &mut self,
        mut left: usize,
        mut copy: impl FnMut(UserPtr<u8>, usize) -> usize,
    ) -> Result<(), Errno> {
        while left > 0 {
            self.breathe()?;
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
        // What `each` does, written out: fewer instructions for the short reads that are most.
        while !bytes.is_empty() {
            self.breathe()?;
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

/// A kernel buffer that a file is read into.
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

    fn put_page(&mut self, page: &Frame, at: usize, len: usize) -> Result<(), Errno> {
        page.read(at, &mut self.bytes[self.done..self.done + len]);
        self.done += len;
        Ok(())
    }

    fn refuse(&mut self, len: usize) {
        self.done -= len;
    }
}

/// Kernel bytes that are written to a file.
pub struct KernelIn<'a> {
    bytes: &'a [u8],
    done: usize,
}

impl<'a> KernelIn<'a> {
    /// Gives `bytes` from their start.
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

/// Hands on to `out` what of `text` lies at `offset` and fits: how generated files are read.
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
