//! preadv2(2) and pwritev2(2): vectored I/O with flags.
//!
//! RWF_SYNC and RWF_DSYNC have no effect, as there is no disk.

use alloc::sync::Arc;

use linux_raw_sys::general::{RWF_APPEND, RWF_DSYNC, RWF_HIPRI, RWF_NOWAIT, RWF_SYNC};

use super::io::{Vector, pair, position, ranges, ranges32, read_vector, write_vector};
use crate::abi::errno::{Errno, SysResult};
use crate::process::caller;
use crate::usercopy::UserPtr;
use crate::vfs::file::File;

/// RWF_NOAPPEND, of Linux 6.9: newer than `linux-raw-sys`.
const RWF_NOAPPEND: u32 = 0x20;
const KNOWN: u32 = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND;

/// File, position and vector, checked in Linux's order. A position of -1 is the open file's own,
/// which the call advances.
fn arguments(
    fd: i32,
    at: i64,
    flags: u32,
    is_open: impl FnOnce(&File) -> bool,
    vector: impl FnOnce() -> Result<Vector, Errno>,
) -> Result<(Arc<File>, Option<u64>, Vector), Errno> {
    let file = caller::file(fd)?;
    let at = if at == -1 { None } else { position(&file, at)? };
    if !is_open(&file) {
        return Err(Errno::EBADF);
    }
    let vector = vector()?;
    if flags & !KNOWN != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    Ok((file, at, vector))
}

fn read(fd: i32, at: i64, flags: u32, vector: impl FnOnce() -> Result<Vector, Errno>) -> SysResult {
    let (file, at, vector) = arguments(fd, at, flags, File::is_readable, vector)?;
    read_vector(&file, at, vector, flags & RWF_NOWAIT != 0)
}

fn write(
    fd: i32,
    at: i64,
    flags: u32,
    vector: impl FnOnce() -> Result<Vector, Errno>,
) -> SysResult {
    let (file, at, vector) = arguments(fd, at, flags, File::is_writable, vector)?;
    if flags & (RWF_APPEND | RWF_NOAPPEND) == RWF_APPEND | RWF_NOAPPEND {
        return Err(Errno::EINVAL);
    }
    let append = match flags & (RWF_APPEND | RWF_NOAPPEND) {
        RWF_APPEND => Some(true),
        RWF_NOAPPEND => Some(false),
        _ => None,
    };
    let nowait = flags & RWF_NOWAIT != 0;
    write_vector(&file, at, vector, nowait, append)
}

/// preadv2(2). The position is one register; the other is for 32-bit programs.
pub fn preadv2(
    fd: i32,
    vector: UserPtr<[u64; 2]>,
    count: usize,
    offset: i64,
    _high: u64,
    flags: u32,
) -> SysResult {
    read(fd, offset, flags, || ranges(vector, count))
}

/// pwritev2(2).
pub fn pwritev2(
    fd: i32,
    vector: UserPtr<[u64; 2]>,
    count: usize,
    offset: i64,
    _high: u64,
    flags: u32,
) -> SysResult {
    write(fd, offset, flags, || ranges(vector, count))
}

/// preadv2(2), i386: the position in two registers.
pub fn preadv2_32(
    fd: i32,
    vector: UserPtr<[u32; 2]>,
    count: usize,
    low: u32,
    high: u32,
    flags: u32,
) -> SysResult {
    read(fd, pair(low, high), flags, || ranges32(vector, count))
}

/// pwritev2(2), i386.
pub fn pwritev2_32(
    fd: i32,
    vector: UserPtr<[u32; 2]>,
    count: usize,
    low: u32,
    high: u32,
    flags: u32,
) -> SysResult {
    write(fd, pair(low, high), flags, || ranges32(vector, count))
}
