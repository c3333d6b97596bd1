//! File length and space: truncate(2), fallocate(2), and the calls about a disk: fsync(2), sync(2),
//! posix_fadvise(2), readahead(2). There is no disk, so these only check their arguments.
//!
//! Left out: fallocate(2)'s collapsing, inserting and zeroing of ranges.

use linux_raw_sys::general::{AT_FDCWD, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE};

use super::argument::pair;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::mode;
use crate::process::caller;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::vfs::access::{self, WRITE};
use crate::vfs::dentry::Location;
use crate::vfs::write_exec;

/// truncate(2).
pub fn truncate(path: UserPath, size: i64) -> SysResult {
    let size = u64::try_from(size).map_err(|_| Errno::EINVAL)?;
    let location = user_path::locate(AT_FDCWD, path, true)?;
    match location.inode().kind() {
        mode::S_IFREG => {}
        mode::S_IFDIR => return Err(Errno::EISDIR),
        _ => return Err(Errno::EINVAL),
    }
    location.mount.check_writable()?;
    let who = caller::credentials();
    access::check(&who, &location.inode().metadata(), WRITE)?;
    write_exec::check_not_running(&location)?;
    check_growth(size, &location)?;
    location.truncate(size, &who).map(|()| 0)
}

/// Checks a file's new size against RLIMIT_FSIZE, if it is larger than the present one.
fn check_growth(size: u64, location: &Location) -> Result<(), Errno> {
    if size > location.inode().metadata().size {
        caller::check_size(size)?;
    }
    Ok(())
}

/// ftruncate(2).
pub fn ftruncate(fd: i32, size: i64) -> SysResult {
    let size = u64::try_from(size).map_err(|_| Errno::EINVAL)?;
    let file = caller::file(fd)?;
    if file.inode().kind() != mode::S_IFREG || !file.is_writable() {
        return Err(Errno::EINVAL);
    }
    check_growth(size, file.location())?;
    let who = caller::credentials();
    file.location().truncate(size, &who).map(|()| 0)
}

/// truncate(2), i386.
pub fn truncate32(path: UserPath, size: i32) -> SysResult {
    truncate(path, size.into())
}

/// ftruncate(2), i386.
pub fn ftruncate32(fd: i32, size: i32) -> SysResult {
    ftruncate(fd, size.into())
}

/// truncate64(2), i386: the length in two registers.
pub fn truncate64(path: UserPath, low: u32, high: u32) -> SysResult {
    truncate(path, pair(low, high))
}

/// ftruncate64(2), i386.
pub fn ftruncate64(fd: i32, low: u32, high: u32) -> SysResult {
    ftruncate(fd, pair(low, high))
}

/// fallocate(2).
pub fn fallocate(fd: i32, flags: u32, offset: i64, len: i64) -> SysResult {
    if offset < 0 || len <= 0 {
        return Err(Errno::EINVAL);
    }
    let punch = flags & FALLOC_FL_PUNCH_HOLE != 0;
    let keep_size = flags & FALLOC_FL_KEEP_SIZE != 0;
    // Punching a hole requires FALLOC_FL_KEEP_SIZE.
    if flags & !(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) != 0 || punch && !keep_size {
        return Err(Errno::EOPNOTSUPP);
    }
    let file = caller::file(fd)?;
    if !file.is_writable() {
        return Err(Errno::EBADF);
    }
    match file.inode().kind() {
        mode::S_IFREG => {}
        mode::S_IFDIR => return Err(Errno::EISDIR),
        _ if file.ops().is_stream() => return Err(Errno::ESPIPE),
        _ => return Err(Errno::ENODEV),
    }
    let end = offset.checked_add(len).ok_or(Errno::EFBIG)?;
    if !keep_size {
        check_growth(end as u64, file.location())?;
    }
    let who = caller::credentials();
    file.allocate(offset as u64, end as u64, keep_size, punch, &who)
        .map(|()| 0)
}

/// fallocate(2), i386.
pub fn fallocate32(
    fd: i32,
    flags: u32,
    low: u32,
    high: u32,
    len_low: u32,
    len_high: u32,
) -> SysResult {
    fallocate(fd, flags, pair(low, high), pair(len_low, len_high))
}

/// fadvise64(2): the advice has no effect.
pub fn fadvise64(fd: i32, _offset: i64, len: i64, advice: u32) -> SysResult {
    let file = caller::file(fd)?;
    if file.ops().is_stream() {
        return Err(Errno::ESPIPE);
    }
    // POSIX_FADV_NORMAL to POSIX_FADV_NOREUSE.
    if len < 0 || advice > 5 {
        Err(Errno::EINVAL)
    } else {
        Ok(0)
    }
}

/// fadvise64(2), i386.
pub fn fadvise64_32(fd: i32, _low: u32, _high: u32, len: u32, advice: u32) -> SysResult {
    fadvise64(fd, 0, len.into(), advice)
}

/// fadvise64_64(2), i386.
pub fn fadvise64_64(
    fd: i32,
    _low: u32,
    _high: u32,
    len_low: u32,
    len_high: u32,
    advice: u32,
) -> SysResult {
    let len = u64::from(len_low) | u64::from(len_high) << 32;
    fadvise64(fd, 0, len as i64, advice)
}

/// readahead(2): no effect, as all files are in memory.
pub fn readahead(fd: i32, _offset: i64, count: i64) -> SysResult {
    let file = caller::file(fd)?;
    if !file.is_readable() {
        return Err(Errno::EBADF);
    }
    if file.inode().kind() != mode::S_IFREG || count < 0 {
        return Err(Errno::EINVAL);
    }
    Ok(0)
}

/// readahead(2), i386.
pub fn readahead32(fd: i32, _low: u32, _high: u32, count: u32) -> SysResult {
    readahead(fd, 0, count.into())
}

/// sync_file_range(2).
pub fn sync_file_range(fd: i32, offset: i64, count: i64, flags: u32) -> SysResult {
    /// SYNC_FILE_RANGE_WAIT_BEFORE, SYNC_FILE_RANGE_WRITE, SYNC_FILE_RANGE_WAIT_AFTER.
    const ALL: u32 = 7;
    let file = caller::file(fd)?;
    let end = offset.checked_add(count);
    if flags & !ALL != 0 || offset < 0 || end.is_none_or(|end| end < offset) {
        return Err(Errno::EINVAL);
    }
    match file.inode().kind() {
        mode::S_IFREG | mode::S_IFDIR | mode::S_IFBLK | mode::S_IFLNK => Ok(0),
        _ => Err(Errno::ESPIPE),
    }
}

/// sync_file_range(2), i386.
pub fn sync_file_range32(
    fd: i32,
    low: u32,
    high: u32,
    count_low: u32,
    count_high: u32,
    flags: u32,
) -> SysResult {
    sync_file_range(fd, pair(low, high), pair(count_low, count_high), flags)
}

/// sync(2): no effect, as there is no disk.
pub fn sync() -> SysResult {
    Ok(0)
}

/// fsync(2), and fdatasync(2).
pub fn fsync(fd: i32) -> SysResult {
    let file = caller::file(fd)?;
    if file.ops().is_stream() || file.inode().kind() == mode::S_IFCHR {
        Err(Errno::EINVAL)
    } else {
        Ok(0)
    }
}

/// syncfs(2).
pub fn syncfs(fd: i32) -> SysResult {
    caller::file(fd).map(|_| 0)
}
