//! preadv2(2) and pwritev2(2): vectored I/O with flags.
//!
//! RWF_SYNC and RWF_DSYNC have no effect, as there is no disk.

use alloc::sync::Arc;

use linux_raw_sys::general::{RWF_APPEND, RWF_DSYNC, RWF_HIPRI, RWF_NOWAIT, RWF_SYNC};

use super::argument::Word;
use super::io::{Vector, position, ranges, read_vector, write_vector};
use crate::abi::errno::{Errno, SysResult};
use crate::process::caller;
use crate::usercopy::UserPtr;
use crate::vfs::file::File;

/// RWF_NOAPPEND, of Linux 6.9: newer than `linux-raw-sys`.
const RWF_NOAPPEND: u32 = 0x20;
const KNOWN: u32 = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND;

/// File, position and vector, checked in Linux's order. A position of -1 is the open file's own,
/// which the call advances.
fn arguments<W: Word>(
    fd: i32,
    at: i64,
    flags: u32,
    is_open: impl FnOnce(&File) -> bool,
    vector: UserPtr<[W; 2]>,
    count: usize,
) -> Result<(Arc<File>, Option<u64>, Vector), Errno> {
    let file = caller::file(fd)?;
    let at = if at == -1 { None } else { position(&file, at)? };
    if !is_open(&file) {
        return Err(Errno::EBADF);
    }
    let vector = ranges(vector, count)?;
    if flags & !KNOWN != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    Ok((file, at, vector))
}

/// preadv2(2).
pub fn preadv2<W: Word>(
    fd: i32,
    vector: UserPtr<[W; 2]>,
    count: usize,
    low: W,
    high: W,
    flags: u32,
) -> SysResult {
    let at = W::position(low, high);
    let (file, at, vector) = arguments(fd, at, flags, File::is_readable, vector, count)?;
    read_vector(&file, at, vector, flags & RWF_NOWAIT != 0)
}

/// pwritev2(2).
pub fn pwritev2<W: Word>(
    fd: i32,
    vector: UserPtr<[W; 2]>,
    count: usize,
    low: W,
    high: W,
    flags: u32,
) -> SysResult {
    let at = W::position(low, high);
    let (file, at, vector) = arguments(fd, at, flags, File::is_writable, vector, count)?;
    let append = match flags & (RWF_APPEND | RWF_NOAPPEND) {
        0 => None,
        RWF_APPEND => Some(true),
        RWF_NOAPPEND => Some(false),
        _ => return Err(Errno::EINVAL),
    };
    let nowait = flags & RWF_NOWAIT != 0;
    write_vector(&file, at, vector, nowait, append)
}
