//! Copies between files without user memory: sendfile(2), copy_file_range(2). splice(2) is in
//! `splice.rs`.

use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::mode;
use crate::mm::fallible;
use crate::process::caller::{self, Caller};
use crate::sched::preempt::{self, Stride};
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::file::flags::O_APPEND;
use crate::vfs::io::{KernelIn, KernelOut, MAX_RW_COUNT};
use crate::vfs::notify::{self, events};

/// Bytes copied at a time.
const PART: usize = 16 * 1024;

/// Copies up to `count` bytes. A position of `None` is the open file's own, which advances.
fn copy(
    from: &File,
    mut at: Option<u64>,
    to: &File,
    mut to_at: Option<u64>,
    count: usize,
) -> SysResult {
    let count = count.min(MAX_RW_COUNT);
    let mut bytes = fallible::zeroed(PART.min(count))?;
    let mut done = 0;
    let mut stride = Stride::default();
    while done < count {
        let wanted = PART.min(count - done);
        let moved = from
            .read_unnoticed(at, &mut KernelOut::new(&mut bytes[..wanted]), false)
            .map(|read| match read {
                0 => (0, Ok(0)),
                _ => (
                    read,
                    to.write(to_at, &mut KernelIn::new(&bytes[..read]), &Caller),
                ),
            });
        let (read, result) = match moved {
            Ok(moved) => moved,
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        };
        let written = result.unwrap_or(0);
        done += written;
        at = at.map(|at| at + written as u64);
        to_at = to_at.map(|at| at + written as u64);
        if written < read {
            // Step back over the bytes that were read and not written. A file without a position
            // stays at 0, and another task may have moved that of others.
            if at.is_none() {
                let back = (read - written) as u64;
                from.set_offset(from.offset().saturating_sub(back));
            }
        }
        if let Err(errno) = result
            && done == 0
        {
            return Err(errno);
        }
        if read == 0 || written < read {
            break;
        }
        if stride.passes(written) && done < count && preempt::interrupted().is_err() {
            break;
        }
    }
    // In addition to the events of each write, one for each file (do_sendfile,
    // vfs_copy_file_range).
    if done > 0 && notify::is_on() {
        notify::file(from, events::ACCESS);
        notify::file(to, events::MODIFY);
    }
    Ok(done)
}

/// Reads a position in user memory; `None` for NULL.
///
/// # Errors
/// `EFAULT`, `EINVAL`.
fn read_position(offset: UserPtr<i64>) -> Result<Option<u64>, Errno> {
    if offset.is_null() {
        return Ok(None);
    }
    u64::try_from(offset.read()?)
        .map(Some)
        .map_err(|_| Errno::EINVAL)
}

fn send(out_fd: i32, in_fd: i32, at: Option<u64>, count: usize) -> SysResult {
    let (from, to) = (caller::file(in_fd)?, caller::file(out_fd)?);
    if !from.is_readable() || !to.is_writable() {
        return Err(Errno::EBADF);
    }
    if at.is_some() && from.ops().is_stream() {
        return Err(Errno::ESPIPE);
    }
    if isize::try_from(count).is_err() {
        return Err(Errno::EINVAL);
    }
    // Linux's source must support splicing from a position; appending is refused.
    if from.ops().is_stream() || to.flags() & O_APPEND != 0 {
        return Err(Errno::EINVAL);
    }
    copy(&from, at, &to, None, count)
}

/// sendfile(2), and sendfile64(2) of i386.
pub fn sendfile(out_fd: i32, in_fd: i32, offset: UserPtr<i64>, count: usize) -> SysResult {
    let at = read_position(offset)?;
    let done = send(out_fd, in_fd, at, count)?;
    if let Some(at) = at {
        offset.write((at + done as u64) as i64)?;
    }
    Ok(done)
}

/// sendfile(2), i386: a 32-bit position.
pub fn sendfile32(out_fd: i32, in_fd: i32, offset: UserPtr<i32>, count: usize) -> SysResult {
    if offset.is_null() {
        return send(out_fd, in_fd, None, count);
    }
    let at = u64::try_from(offset.read()?).map_err(|_| Errno::EINVAL)?;
    let room = (i32::MAX as u64 - at) as usize;
    let done = send(out_fd, in_fd, Some(at), count.min(room))?;
    offset.write((at + done as u64) as i32)?;
    Ok(done)
}

/// Truncates `count` at the end of the source and at the highest position of the target
/// (generic_copy_file_checks in fs/read_write.c).
///
/// # Errors
/// `EOVERFLOW`, `EINVAL`, `EFBIG`.
fn limit_count(from: &File, start: u64, to_start: u64, count: usize) -> Result<usize, Errno> {
    for at in [start, to_start] {
        at.checked_add(count as u64).ok_or(Errno::EOVERFLOW)?;
        i64::try_from(at).map_err(|_| Errno::EINVAL)?;
    }
    let left = from.inode().metadata().size.saturating_sub(start);
    let room = (i64::MAX as u64).saturating_sub(to_start);
    let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
    match room {
        0 if count > 0 => Err(Errno::EFBIG),
        _ => Ok(count.min(usize::try_from(room).unwrap_or(usize::MAX))),
    }
}

/// copy_file_range(2).
pub fn copy_file_range(
    in_fd: i32,
    in_offset: UserPtr<i64>,
    out_fd: i32,
    out_offset: UserPtr<i64>,
    count: usize,
    flags: u32,
) -> SysResult {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let (from, to) = (caller::file(in_fd)?, caller::file(out_fd)?);
    for file in [&from, &to] {
        match file.inode().kind() {
            mode::S_IFREG => {}
            mode::S_IFDIR => return Err(Errno::EISDIR),
            _ => return Err(Errno::EINVAL),
        }
    }
    if !from.is_readable() || !to.is_writable() || to.flags() & O_APPEND != 0 {
        return Err(Errno::EBADF);
    }
    let (at, to_at) = (in_offset.read_opt()?, out_offset.read_opt()?);
    let start = at.map_or(from.offset(), |at| at as u64);
    let to_start = to_at.map_or(to.offset(), |at| at as u64);
    let count = limit_count(&from, start, to_start, count)?;
    let (at, to_at) = (at.map(|_| start), to_at.map(|_| to_start));
    let overlap = start < to_start.saturating_add(count as u64)
        && to_start < start.saturating_add(count as u64);
    if alloc::sync::Arc::ptr_eq(from.inode(), to.inode()) && overlap {
        return Err(Errno::EINVAL);
    }
    let done = copy(&from, at, &to, to_at, count)?;
    for (given, at, offset) in [
        (at.is_some(), start, in_offset),
        (to_at.is_some(), to_start, out_offset),
    ] {
        if given {
            offset.write((at + done as u64) as i64)?;
        }
    }
    Ok(done)
}
