//! File I/O: read(2) and write(2), their positioned and vectored forms, and lseek(2).
//!
//! For write(2) [`caller::any_file`] looks up the descriptor in the process's table
//! (`vfs/fdtable.rs`), and [`File::write_user`] checks the buffer, writes from it and returns the
//! number of bytes.
//!
//! The next file on a call's path: `vfs/file.rs`.

use alloc::vec::Vec;

use linux_raw_sys::general::{SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET};

use super::argument::{Word, pair};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::mode;
use crate::mm::fallible;
use crate::process::caller::{self, Caller};
use crate::usercopy::{UserPtr, UserRange};
use crate::vfs::file::File;
use crate::vfs::io::{MAX_RW_COUNT, UserBuffer};
use crate::vfs::notify;

/// Most elements of a vector (UIO_MAXIOV).
const RANGES_MAX: usize = 1024;

/// Buffer in user memory, checked to be in the user address space and truncated to
/// [`MAX_RW_COUNT`].
fn buffer(at: UserPtr<u8>, count: usize) -> Result<UserBuffer<'static>, Errno> {
    let range = UserRange::new(at, count)?;
    Ok(UserBuffer::new(range.first(MAX_RW_COUNT)))
}

/// read(2).
#[inline(always)]
pub fn read(fd: i32, buf: UserPtr<u8>, count: usize) -> SysResult {
    caller::any_file(fd)?.read_user(buf, count)
}

/// write(2).
#[inline(always)]
// ANCHOR: write
pub fn write(fd: i32, buf: UserPtr<u8>, count: usize) -> SysResult {
    caller::any_file(fd)?.write_user(buf, count, &Caller)
}
// ANCHOR_END: write

/// Position in a file, from an argument.
///
/// # Errors
/// `EINVAL` for a negative one, `ESPIPE` for a file without positions.
pub fn position(file: &File, offset: i64) -> Result<Option<u64>, Errno> {
    let offset = u64::try_from(offset).map_err(|_| Errno::EINVAL)?;
    if file.ops().is_stream() {
        Err(Errno::ESPIPE)
    } else {
        Ok(Some(offset))
    }
}

/// pread64(2).
pub fn pread64(fd: i32, buf: UserPtr<u8>, count: usize, offset: i64) -> SysResult {
    if offset < 0 {
        return Err(Errno::EINVAL);
    }
    let file = caller::file(fd)?;
    let at = position(&file, offset)?;
    if !file.is_readable() {
        return Err(Errno::EBADF);
    }
    file.read(at, &mut buffer(buf, count)?)
}

/// pwrite64(2).
pub fn pwrite64(fd: i32, buf: UserPtr<u8>, count: usize, offset: i64) -> SysResult {
    if offset < 0 {
        return Err(Errno::EINVAL);
    }
    let file = caller::file(fd)?;
    let at = position(&file, offset)?;
    if !file.is_writable() {
        return Err(Errno::EBADF);
    }
    file.write(at, &mut buffer(buf, count)?, &Caller)
}

/// pread64(2), i386: the position in two registers.
pub fn pread64_32(fd: i32, buf: UserPtr<u8>, count: usize, low: u32, high: u32) -> SysResult {
    pread64(fd, buf, count, pair(low, high))
}

/// pwrite64(2), i386.
pub fn pwrite64_32(fd: i32, buf: UserPtr<u8>, count: usize, low: u32, high: u32) -> SysResult {
    pwrite64(fd, buf, count, pair(low, high))
}

/// Ranges of user memory, and their length in bytes together.
pub type Vector = (Vec<UserRange>, usize);

/// Reads a vector of `count` `struct iovec`, address and length.
///
/// # Errors
/// `EINVAL` for too many elements or a negative length, `EFAULT`, `ENOMEM`.
pub fn ranges<W: Word>(vector: UserPtr<[W; 2]>, count: usize) -> Result<Vector, Errno> {
    let count = check_count(count)?;
    let mut total = 0;
    let mut ranges = fallible::with_capacity(count)?;
    // ANCHOR: ranges
    for [at, len] in vector.read_vec(count)? {
        let at = at.into();
        let len = usize::try_from(len.signed()).map_err(|_| Errno::EINVAL)?;
        // Bytes beyond MAX_RW_COUNT are left to the next call.
        let range = UserRange::new(UserPtr::new(at), len)?.first(MAX_RW_COUNT - total);
        total += range.len();
        ranges.push(range);
    }
    // ANCHOR_END: ranges
    Ok((ranges, total))
}

/// Checks the length of a vector, of which 32 bits count (import_iovec in lib/iov_iter.c).
fn check_count(count: usize) -> Result<usize, Errno> {
    let count = count as u32 as usize;
    if count > RANGES_MAX {
        Err(Errno::EINVAL)
    } else {
        Ok(count)
    }
}

/// Reads into a vector. Unlike in read(2), a read of 0 bytes also reports an access to inotify, and
/// with an empty vector a directory reads 0 bytes, without `EISDIR` (do_iter_read in
/// fs/read_write.c).
pub fn read_vector(
    file: &File,
    at: Option<u64>,
    (ranges, total): Vector,
    nowait: bool,
) -> SysResult {
    let done = if file.ops().takes_vectors(false) {
        match file.read_with(at, &mut UserBuffer::of_all(&ranges, total), nowait) {
            Err(Errno::EISDIR) if total == 0 => Ok(0),
            done => done,
        }
    } else {
        one_by_one(&ranges, |buffer| file.read_with(at, buffer, nowait))
    }?;
    if done == 0 && notify::is_on() {
        notify::file(file, notify::events::ACCESS);
    }
    Ok(done)
}

/// Writes the bytes of a vector.
pub fn write_vector(
    file: &File,
    at: Option<u64>,
    (ranges, total): Vector,
    nowait: bool,
    append: Option<bool>,
) -> SysResult {
    if file.ops().takes_vectors(true) {
        file.write_with(
            at,
            &mut UserBuffer::of_all(&ranges, total),
            nowait,
            append,
            &Caller,
        )
    } else {
        one_by_one(&ranges, |buffer| {
            file.write_with(at, buffer, nowait, append, &Caller)
        })
    }
}

/// Calls `call` for each range in turn and stops at a short transfer; an error after the first byte
/// is a short transfer too.
fn one_by_one(
    ranges: &[UserRange],
    mut call: impl FnMut(&mut UserBuffer<'_>) -> SysResult,
) -> SysResult {
    let mut done = 0;
    for range in ranges {
        match call(&mut UserBuffer::new(*range)) {
            Ok(moved) => {
                done += moved;
                if moved < range.len() {
                    break;
                }
            }
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => break,
        }
    }
    Ok(done)
}

fn read_ranges<W: Word>(
    fd: i32,
    at: Option<i64>,
    vector: UserPtr<[W; 2]>,
    count: usize,
) -> SysResult {
    let file = caller::file(fd)?;
    let at = at.map_or(Ok(None), |offset| position(&file, offset))?;
    if !file.is_readable() {
        return Err(Errno::EBADF);
    }
    read_vector(&file, at, ranges(vector, count)?, false)
}

fn write_ranges<W: Word>(
    fd: i32,
    at: Option<i64>,
    vector: UserPtr<[W; 2]>,
    count: usize,
) -> SysResult {
    let file = caller::file(fd)?;
    let at = at.map_or(Ok(None), |offset| position(&file, offset))?;
    if !file.is_writable() {
        return Err(Errno::EBADF);
    }
    write_vector(&file, at, ranges(vector, count)?, false, None)
}

/// readv(2).
pub fn readv<W: Word>(fd: i32, vector: UserPtr<[W; 2]>, count: usize) -> SysResult {
    read_ranges(fd, None, vector, count)
}

/// writev(2).
pub fn writev<W: Word>(fd: i32, vector: UserPtr<[W; 2]>, count: usize) -> SysResult {
    write_ranges(fd, None, vector, count)
}

/// preadv(2).
pub fn preadv<W: Word>(
    fd: i32,
    vector: UserPtr<[W; 2]>,
    count: usize,
    low: W,
    high: W,
) -> SysResult {
    read_ranges(fd, Some(W::position(low, high)), vector, count)
}

/// pwritev(2).
pub fn pwritev<W: Word>(
    fd: i32,
    vector: UserPtr<[W; 2]>,
    count: usize,
    low: W,
    high: W,
) -> SysResult {
    write_ranges(fd, Some(W::position(low, high)), vector, count)
}

/// lseek(2).
pub fn lseek(fd: i32, offset: i64, whence: u32) -> SysResult {
    let file = caller::file(fd)?;
    if file.ops().is_stream() {
        return match whence {
            SEEK_SET..=SEEK_HOLE if file.ops().ignores_seeks() => Ok(0),
            SEEK_SET..=SEEK_HOLE => Err(Errno::ESPIPE),
            _ => Err(Errno::EINVAL),
        };
    }
    // A seekable character device stays at position 0 (null_lseek in drivers/char/mem.c).
    if file.inode().kind() == mode::S_IFCHR && whence <= SEEK_HOLE {
        file.set_offset(0);
        return Ok(0);
    }
    let to = match whence {
        SEEK_SET => Some(offset),
        SEEK_CUR => (file.offset() as i64).checked_add(offset),
        SEEK_END | SEEK_DATA | SEEK_HOLE => {
            let metadata = file.inode().metadata();
            let size = metadata.size as i64;
            match whence {
                SEEK_END => size.checked_add(offset),
                _ if offset < 0 || offset >= size => return Err(Errno::ENXIO),
                _ => {
                    let found =
                        file.inode()
                            .seek(offset as u64, whence == SEEK_HOLE, metadata.size);
                    Some(found.ok_or(Errno::ENXIO)? as i64)
                }
            }
        }
        _ => return Err(Errno::EINVAL),
    };
    let to = to.filter(|&to| to >= 0).ok_or(Errno::EINVAL)?;
    file.set_offset(to as u64);
    Ok(to as usize)
}

/// lseek(2), i386: `EOVERFLOW` for a position beyond a signed 32-bit number.
pub fn lseek32(fd: i32, offset: i32, whence: u32) -> SysResult {
    let to = lseek(fd, offset.into(), whence)?;
    if i32::try_from(to).is_ok() {
        Ok(to)
    } else {
        Err(Errno::EOVERFLOW)
    }
}

/// _llseek(2), i386: the position in two registers, the result in memory.
pub fn llseek(fd: i32, high: u32, low: u32, result: UserPtr<u64>, whence: u32) -> SysResult {
    let to = lseek(fd, pair(low, high), whence)?;
    result.write(to as u64).map(|()| 0)
}
