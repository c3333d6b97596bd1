//! Descriptors: open(2), close(2), dup(2), pipe(2) and their variants.

use linux_raw_sys::general::AT_FDCWD;

use crate::abi::errno::{Errno, SysResult};
use crate::abi::resolve::Resolve;
use crate::mm::PAGE_SIZE;
use crate::process::caller;
use crate::sched::preempt::{self, Stride};
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::usercopy::UserPtr;
use crate::vfs::fdtable::{FdTable, NR_OPEN};
use crate::vfs::file::flags::*;
use crate::vfs::path::Walk;
use crate::vfs::pipe;

/// close_range(2): unshare the descriptor table first (include/uapi/linux/close_range.h).
const CLOSE_RANGE_UNSHARE: u32 = 1 << 1;
/// close_range(2): set close-on-exec instead of closing.
const CLOSE_RANGE_CLOEXEC: u32 = 1 << 2;

/// open(2).
pub fn open(path: UserPath, flags: u32, mode: u32) -> SysResult {
    openat(AT_FDCWD, path, flags, mode)
}

/// openat(2).
pub fn openat(dirfd: i32, path: UserPath, flags: u32, mode: u32) -> SysResult {
    openat32(dirfd, path, flags | O_LARGEFILE, mode)
}

/// open(2), i386. Files of 2 GiB and more are opened with or without O_LARGEFILE.
pub fn open32(path: UserPath, flags: u32, mode: u32) -> SysResult {
    openat32(AT_FDCWD, path, flags, mode)
}

/// openat(2), i386.
pub fn openat32(dirfd: i32, path: UserPath, flags: u32, mode: u32) -> SysResult {
    open_resolved(dirfd, path, flags, mode, Resolve::empty())
}

fn open_resolved(dirfd: i32, path: UserPath, flags: u32, mode: u32, resolve: Resolve) -> SysResult {
    let path = user_path::read(path)?;
    // A walk below `dirfd` starts there also for an absolute path.
    let scoped = resolve.intersects(Resolve::BENEATH | Resolve::IN_ROOT);
    let from = if scoped { b"" } else { &path[..] };
    let file = caller::walk_at(dirfd, from, |walk, context| {
        let walk = Walk { resolve, ..*walk };
        crate::vfs::open::open(&walk, &path, flags, mode, context.umask)
    })?;
    caller::install(file, flags & O_CLOEXEC != 0).map(|fd| fd as usize)
}

/// creat(2).
pub fn creat(path: UserPath, mode: u32) -> SysResult {
    open(path, O_CREAT | O_WRONLY | O_TRUNC, mode)
}

/// openat2(2): `struct open_how` is flags, mode and resolve, 8 bytes each.
pub fn openat2(dirfd: i32, path: UserPath, how: UserPtr<[u64; 3]>, size: usize) -> SysResult {
    const KNOWN: u32 = O_ACCMODE
        | O_CREAT
        | O_EXCL
        | O_NOCTTY
        | O_TRUNC
        | SETTABLE
        | O_SYNC
        | O_LARGEFILE
        | O_DIRECTORY
        | O_NOFOLLOW
        | O_CLOEXEC
        | O_PATH
        | O_TMPFILE;
    if size < 24 {
        return Err(Errno::EINVAL);
    }
    if size > PAGE_SIZE as usize {
        return Err(Errno::E2BIG);
    }
    // Fields of a later version of the structure must be 0.
    let rest = how.cast::<u8>().byte_add(24).read_vec(size - 24)?;
    if rest.iter().any(|&byte| byte != 0) {
        return Err(Errno::E2BIG);
    }
    let [flags, mode, resolve] = how.read()?;
    let unnamed = u64::from(O_TMPFILE);
    let makes = flags & u64::from(O_CREAT) != 0 || flags & unnamed == unnamed;
    if flags & !u64::from(KNOWN) != 0 || mode & !0o7777 != 0 || mode != 0 && !makes {
        return Err(Errno::EINVAL);
    }
    let resolve = u32::try_from(resolve).ok().and_then(Resolve::from_bits);
    let resolve = resolve.ok_or(Errno::EINVAL)?;
    if resolve.contains(Resolve::BENEATH | Resolve::IN_ROOT) {
        return Err(Errno::EINVAL);
    }
    const WITH_PATH: u32 = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if flags as u32 & O_PATH != 0 && flags as u32 & !WITH_PATH != 0 {
        return Err(Errno::EINVAL);
    }
    open_resolved(
        dirfd,
        path,
        flags as u32 | O_LARGEFILE,
        mode as u32,
        resolve,
    )
}

/// close(2).
pub fn close(fd: i32) -> SysResult {
    // The file is dropped after the table is unlocked.
    caller::with_files(|files| files.remove(fd)).map(|_file| 0)
}

/// close_range(2).
pub fn close_range(first: u32, last: u32, flags: u32) -> SysResult {
    if flags & !(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE) != 0 || first > last {
        return Err(Errno::EINVAL);
    }
    if flags & CLOSE_RANGE_UNSHARE != 0 {
        caller::unshare_files()?;
    }
    let mut from = first as usize;
    let mut stride = Stride::default();
    // One at a time: each file is dropped with the table unlocked.
    loop {
        let closed = caller::with_files(|files| {
            let fd = match files.next_number(&mut from) {
                Some(Some(fd)) if fd as u32 <= last => fd,
                // Only free slots were passed.
                Some(None) if from <= last as usize => return Ok(Some(None)),
                _ => return Ok(None),
            };
            if flags & CLOSE_RANGE_CLOEXEC != 0 {
                files.set_close_on_exec(fd, true)?;
                return Ok(Some(None));
            }
            files.remove(fd).map(|file| Some(Some(file)))
        })?;
        let Some(closed) = closed else {
            return Ok(0);
        };
        let weight = FdTable::weight(closed.as_ref());
        drop(closed);
        if stride.passes(weight) {
            preempt::point();
        }
    }
}

/// dup(2).
pub fn dup(fd: i32) -> SysResult {
    let file = caller::with_files(|files| files.get_any(fd))?;
    caller::install(file, false).map(|fd| fd as usize)
}

/// dup2(2).
pub fn dup2(old: i32, new: i32) -> SysResult {
    if old == new {
        return caller::with_files(|files| files.get_any(old)).map(|_| new as usize);
    }
    duplicate(old, new, false)
}

/// dup3(2).
pub fn dup3(old: i32, new: i32, flags: u32) -> SysResult {
    if flags & !O_CLOEXEC != 0 || old == new {
        return Err(Errno::EINVAL);
    }
    duplicate(old, new, flags & O_CLOEXEC != 0)
}

/// Grows the caller's table in parts, up to the number that `number` gives.
///
/// # Errors
/// `ENOMEM`, and those of `number`.
pub(super) fn grow_for(number: impl Fn(&FdTable) -> Result<usize, Errno>) -> Result<(), Errno> {
    let grow = |files: &mut FdTable| match number(files)? {
        number if number < NR_OPEN => files.grow_part(number),
        _ => Ok(false),
    };
    while caller::with_files(grow)? {
        preempt::point();
    }
    Ok(())
}

fn duplicate(old: i32, new: i32, close_on_exec: bool) -> SysResult {
    let limit = caller::descriptor_limit();
    grow_for(|files| {
        files.get_any(old)?;
        let index = usize::try_from(new).ok();
        Ok(index.filter(|index| *index < limit).unwrap_or(0))
    })?;
    let replaced = caller::with_files(|files| {
        if usize::try_from(new).is_ok_and(|new| new >= limit) {
            return Err(Errno::EBADF);
        }
        let file = files.get_any(old)?;
        files.replace(new, &file, close_on_exec, limit)
    })?;
    drop(replaced);
    Ok(new as usize)
}

/// pipe(2).
pub fn pipe(out: UserPtr<[i32; 2]>) -> SysResult {
    pipe2(out, 0)
}

/// pipe2(2).
pub fn pipe2(out: UserPtr<[i32; 2]>, flags: u32) -> SysResult {
    if flags & !(O_CLOEXEC | O_NONBLOCK | O_DIRECT) != 0 {
        return Err(Errno::EINVAL);
    }
    let close_on_exec = flags & O_CLOEXEC != 0;
    let (reader, writer) = pipe::new(flags, &caller::credentials())?;
    let read_end = caller::install(reader, close_on_exec)?;
    let write_end = caller::install(writer, close_on_exec);
    let written = write_end.and_then(|fd| out.write([read_end, fd]));
    if written.is_err() {
        for fd in [Ok(read_end), write_end].into_iter().flatten() {
            close(fd)?;
        }
    }
    written.map(|()| 0)
}
