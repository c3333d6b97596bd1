//! mount(2) and umount2(2) of the file systems there are.
//!
//! Left out: bind mounts and moving (`EINVAL`), read-only mounts, options in the last argument.
//! Propagation changes and remounts are accepted and do nothing.

use alloc::string::String;

use linux_raw_sys::general::{
    AT_FDCWD, MNT_DETACH, MNT_EXPIRE, MNT_FORCE, MS_BIND, MS_MOVE, MS_PRIVATE, MS_REMOUNT,
    MS_SHARED, MS_SLAVE, MS_UNBINDABLE, UMOUNT_NOFOLLOW,
};

use super::errno::{Errno, SysResult};
use super::paths::{self, UserPath};
use crate::fs::inode::mode;
use crate::fs::{caller, mount as table};

/// mount(2).
pub fn mount(
    source: UserPath,
    target: UserPath,
    kind: UserPath,
    flags: u64,
    _data: u64,
) -> SysResult {
    const PROPAGATION: u32 = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
    let text = |at: UserPath| {
        if at.is_null() {
            Ok(None)
        } else {
            paths::read(at).map(Some)
        }
    };
    let (kind, source) = (text(kind)?, text(source)?);
    let point = paths::locate(AT_FDCWD, target, true)?;
    if !caller::credentials().is_privileged() {
        return Err(Errno::EPERM);
    }
    let flags = flags as u32;
    if flags & (MS_REMOUNT | PROPAGATION) != 0 && flags & MS_BIND == 0 {
        return Ok(0);
    }
    if flags & (MS_BIND | MS_MOVE) != 0 {
        return Err(Errno::EINVAL);
    }
    let fs = table::make(&kind.ok_or(Errno::EINVAL)?)?;
    if point.inode().kind() != mode::S_IFDIR {
        return Err(Errno::ENOTDIR);
    }
    let source = source.unwrap_or_else(|| b"none".to_vec());
    table::add(point, fs, String::from_utf8_lossy(&source).into_owned());
    Ok(0)
}

/// umount2(2).
pub fn umount2(target: UserPath, flags: u32) -> SysResult {
    if flags & !(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW) != 0 {
        return Err(Errno::EINVAL);
    }
    let location = paths::locate(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW == 0)?;
    if !caller::credentials().is_privileged() {
        return Err(Errno::EPERM);
    }
    table::remove(&location, flags & MNT_DETACH != 0).map(|()| 0)
}

/// umount(2), i386: without flags.
pub fn umount(target: UserPath) -> SysResult {
    umount2(target, 0)
}
