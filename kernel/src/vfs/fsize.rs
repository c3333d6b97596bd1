//! RLIMIT_FSIZE: the limit of a file's size for writes by a process.
//!
//! A write that begins at or past the limit fails with `EFBIG` and SIGXFSZ; a write across the
//! limit is cut there (generic_write_check_limits in fs/read_write.c).

use linux_raw_sys::general::RLIMIT_FSIZE;

use super::io::In;
use crate::abi::errno::Errno;
use crate::mm::frame::Frame;
use crate::process::signal::{self, SIGXFSZ, SigInfo};
use crate::process::try_current;
use crate::sched::run_queue;

/// The caller's limit in bytes.
fn limit() -> u64 {
    try_current().map_or(u64::MAX, |task| {
        task.process.limits.lock().soft(RLIMIT_FSIZE)
    })
}

/// The limit, if a write of `len` bytes at `offset` would cross it.
pub fn exceeded(offset: u64, len: usize) -> Option<u64> {
    let limit = limit();
    (offset.saturating_add(len as u64) > limit).then_some(limit)
}

fn refuse() -> Errno {
    // A standard signal needs no memory to be queued.
    let _ = signal::send_task(&run_queue::current_task(), &SigInfo::user(SIGXFSZ));
    Errno::EFBIG
}

/// Checks a new size of a file that is set without a write.
///
/// # Errors
/// `EFBIG`, with SIGXFSZ.
pub fn check_size(size: u64) -> Result<(), Errno> {
    if size > limit() {
        Err(refuse())
    } else {
        Ok(())
    }
}

/// The part of `from` up to `limit`, for a write at `offset`.
///
/// # Errors
/// `EFBIG`, with SIGXFSZ, if the part is empty.
pub fn part<'a>(from: &'a mut dyn In, offset: u64, limit: u64) -> Result<Part<'a>, Errno> {
    if offset >= limit && from.left() > 0 {
        return Err(refuse());
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
