//! Extended attributes (xattr(7)): getxattr(2), setxattr(2), listxattr(2), removexattr(2), by path
//! or descriptor. The attributes are in `vfs/xattr.rs`.

use alloc::vec::Vec;

use linux_raw_sys::general::{AT_FDCWD, XATTR_CREATE, XATTR_REPLACE};

use crate::abi::errno::{Errno, SysResult};
use crate::process::caller;
use crate::sched::preempt;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::usercopy::UserPtr;
use crate::vfs::dentry::Location;
use crate::vfs::xattr::{self, NAME_MAX, VALUE_MAX, Xattrs};

/// Reads an attribute's name.
///
/// # Errors
/// `EFAULT`; `ERANGE` for an empty name or one that is too long.
fn name(at: UserPtr<u8>) -> Result<Vec<u8>, Errno> {
    let name = at.read_cstr(NAME_MAX + 1).map_err(|errno| match errno {
        Errno::ENAMETOOLONG => Errno::ERANGE,
        errno => errno,
    })?;
    if name.is_empty() {
        Err(Errno::ERANGE)
    } else {
        Ok(name)
    }
}

/// Runs `f` with a file's attributes.
///
/// # Errors
/// `EOPNOTSUPP` on a file system without attributes.
fn with_xattrs<T>(location: &Location, f: impl FnOnce(&mut Xattrs) -> T) -> Result<T, Errno> {
    let inode = location.inode();
    let xattrs = inode.xattrs().ok_or(Errno::EOPNOTSUPP)?;
    Ok(f(&mut xattrs.lock()))
}

/// Writes `bytes` to a buffer of `size` bytes and returns their number; a size of 0 only queries
/// it.
///
/// # Errors
/// `ERANGE` if the buffer is too small, `EFAULT`.
fn write_result(out: UserPtr<u8>, size: usize, bytes: &[u8]) -> SysResult {
    if size != 0 {
        if bytes.len() > size {
            return Err(Errno::ERANGE);
        }
        out.write_slice(bytes)?;
    }
    Ok(bytes.len())
}

fn by_path(path: UserPath, follow: bool) -> Result<Location, Errno> {
    user_path::locate(AT_FDCWD, path, follow)
}

fn by_fd(fd: i32) -> Result<Location, Errno> {
    caller::file(fd).map(|file| file.location().clone())
}

/// Arguments of setxattr(2), copied to the kernel.
struct New {
    name: Vec<u8>,
    value: Vec<u8>,
    flags: u32,
}

/// Reads setxattr(2)'s arguments.
fn read_new(at: UserPtr<u8>, value: UserPtr<u8>, size: usize, flags: u32) -> Result<New, Errno> {
    if flags & !(XATTR_CREATE | XATTR_REPLACE) != 0 {
        return Err(Errno::EINVAL);
    }
    let name = name(at)?;
    if size > VALUE_MAX {
        return Err(Errno::E2BIG);
    }
    let value = value.read_vec(size)?;
    Ok(New { name, value, flags })
}

fn set(location: &Location, new: New) -> SysResult {
    location.mount.check_writable()?;
    let (who, metadata) = (caller::credentials(), location.inode().metadata());
    xattr::check(&who, &metadata, &new.name, true)?;
    let (create, replace) = (
        new.flags & XATTR_CREATE != 0,
        new.flags & XATTR_REPLACE != 0,
    );
    with_xattrs(location, |xattrs| {
        xattrs.set(&new.name, new.value, create, replace)
    })??;
    location.xattrs_changed().map(|()| 0)
}

fn get(location: &Location, name: &[u8], out: UserPtr<u8>, size: usize) -> SysResult {
    let (who, metadata) = (caller::credentials(), location.inode().metadata());
    xattr::check(&who, &metadata, name, false)?;
    let value = with_xattrs(location, |xattrs| xattrs.get(name))??;
    write_result(out, size, &value)
}

fn list(location: &Location, out: UserPtr<u8>, size: usize) -> SysResult {
    let who = caller::credentials();
    // A file system without attributes has an empty list.
    let (mut names, mut last) = (Vec::new(), Vec::new());
    while with_xattrs(location, |xattrs| {
        xattrs.list_part(&who, &mut last, &mut names)
    })
    .unwrap_or(Ok(false))?
    {
        preempt::point();
    }
    write_result(out, size, &names)
}

fn remove(location: &Location, name: &[u8]) -> SysResult {
    location.mount.check_writable()?;
    let (who, metadata) = (caller::credentials(), location.inode().metadata());
    xattr::check(&who, &metadata, name, true)?;
    with_xattrs(location, |xattrs| xattrs.remove(name))??;
    location.xattrs_changed().map(|()| 0)
}

/// setxattr(2).
pub fn setxattr(
    path: UserPath,
    at: UserPtr<u8>,
    value: UserPtr<u8>,
    size: usize,
    flags: u32,
) -> SysResult {
    let new = read_new(at, value, size, flags)?;
    set(&by_path(path, true)?, new)
}

/// lsetxattr(2).
pub fn lsetxattr(
    path: UserPath,
    at: UserPtr<u8>,
    value: UserPtr<u8>,
    size: usize,
    flags: u32,
) -> SysResult {
    let new = read_new(at, value, size, flags)?;
    set(&by_path(path, false)?, new)
}

/// fsetxattr(2).
pub fn fsetxattr(
    fd: i32,
    at: UserPtr<u8>,
    value: UserPtr<u8>,
    size: usize,
    flags: u32,
) -> SysResult {
    let location = by_fd(fd)?;
    set(&location, read_new(at, value, size, flags)?)
}

/// getxattr(2).
pub fn getxattr(path: UserPath, at: UserPtr<u8>, out: UserPtr<u8>, size: usize) -> SysResult {
    let name = name(at)?;
    get(&by_path(path, true)?, &name, out, size)
}

/// lgetxattr(2).
pub fn lgetxattr(path: UserPath, at: UserPtr<u8>, out: UserPtr<u8>, size: usize) -> SysResult {
    let name = name(at)?;
    get(&by_path(path, false)?, &name, out, size)
}

/// fgetxattr(2).
pub fn fgetxattr(fd: i32, at: UserPtr<u8>, out: UserPtr<u8>, size: usize) -> SysResult {
    let location = by_fd(fd)?;
    get(&location, &name(at)?, out, size)
}

/// listxattr(2).
pub fn listxattr(path: UserPath, out: UserPtr<u8>, size: usize) -> SysResult {
    list(&by_path(path, true)?, out, size)
}

/// llistxattr(2).
pub fn llistxattr(path: UserPath, out: UserPtr<u8>, size: usize) -> SysResult {
    list(&by_path(path, false)?, out, size)
}

/// flistxattr(2).
pub fn flistxattr(fd: i32, out: UserPtr<u8>, size: usize) -> SysResult {
    list(&by_fd(fd)?, out, size)
}

/// removexattr(2).
pub fn removexattr(path: UserPath, at: UserPtr<u8>) -> SysResult {
    let name = name(at)?;
    remove(&by_path(path, true)?, &name)
}

/// lremovexattr(2).
pub fn lremovexattr(path: UserPath, at: UserPtr<u8>) -> SysResult {
    let name = name(at)?;
    remove(&by_path(path, false)?, &name)
}

/// fremovexattr(2).
pub fn fremovexattr(fd: i32, at: UserPtr<u8>) -> SysResult {
    let location = by_fd(fd)?;
    remove(&location, &name(at)?)
}
