//! On whose behalf a file is written: the limit of its size (RLIMIT_FSIZE), set-ID bits, and the
//! signals of a failed write.
//!
//! A write that begins at or past the limit fails with `EFBIG` and SIGXFSZ; a write across the
//! limit is cut there (generic_write_check_limits in fs/read_write.c).

use alloc::sync::Arc;

use super::io::In;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::mm::frame::Frame;

/// A writer of files: a process, which is a floor above. Asked only where the answer matters.
pub trait Writer {
    /// Size in bytes beyond which it may not write to a regular file.
    fn size_limit(&self) -> u64;
    /// Its credentials: only some may leave set-ID bits on a file that they write to.
    fn credentials(&self) -> Arc<Credentials>;
    /// Called when a write at or past the limit fails with `EFBIG` (SIGXFSZ).
    fn too_large(&self);
    /// Called when a write to a pipe without a reader fails or is cut short with `EPIPE` (SIGPIPE).
    fn no_reader(&self);
}

/// The part of `from` up to `limit`, for a write by `who` at `offset`.
///
/// # Errors
/// `EFBIG` if the part is empty.
pub fn part<'a>(
    from: &'a mut dyn In,
    offset: u64,
    limit: u64,
    who: &impl Writer,
) -> Result<Part<'a>, Errno> {
    if offset >= limit && from.left() > 0 {
        who.too_large();
        return Err(Errno::EFBIG);
    }
    let room = usize::try_from(limit - offset.min(limit)).unwrap_or(usize::MAX);
    let rest = from.left().saturating_sub(room);
    Ok(Part { from, rest })
}

/// The first bytes of a write, up to the limit.
pub struct Part<'a> {
    from: &'a mut dyn In,
    /// Bytes cut off.
    rest: usize,
}

impl In for Part<'_> {
    fn left(&self) -> usize {
        self.from.left() - self.rest
    }

    fn done(&self) -> usize {
        self.from.done()
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Errno> {
        self.from.take(bytes)
    }

    fn take_page(&mut self, page: &Frame, at: usize, len: usize) -> Result<(), Errno> {
        self.from.take_page(page, at, len)
    }

    /// Only called by files without a size, which have no limit either.
    fn skip_all(&mut self) {
        self.from.skip_all();
    }

    fn refuse(&mut self, len: usize) {
        self.from.refuse(len);
    }
}
