//! Calls of inotify(7). Instances are in `vfs/inotify/`.

use linux_raw_sys::general::{
    AT_FDCWD, IN_ALL_EVENTS, IN_CLOEXEC, IN_DONT_FOLLOW, IN_EXCL_UNLINK, IN_IGNORED, IN_ISDIR,
    IN_MASK_ADD, IN_MASK_CREATE, IN_NONBLOCK, IN_ONESHOT, IN_ONLYDIR, IN_Q_OVERFLOW, IN_UNMOUNT,
};

use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::mode;
use crate::process::caller;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::vfs::access::{self, READ};
use crate::vfs::inotify;

/// Valid bits of a mask (ALL_INOTIFY_BITS).
const KNOWN: u32 = IN_ALL_EVENTS
    | IN_UNMOUNT
    | IN_Q_OVERFLOW
    | IN_IGNORED
    | IN_ONLYDIR
    | IN_DONT_FOLLOW
    | IN_EXCL_UNLINK
    | IN_MASK_CREATE
    | IN_MASK_ADD
    | IN_ISDIR
    | IN_ONESHOT;

/// inotify_init(2).
pub fn inotify_init() -> SysResult {
    inotify_init1(0)
}

/// inotify_init1(2).
pub fn inotify_init1(flags: u32) -> SysResult {
    if flags & !(IN_CLOEXEC | IN_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    let file = inotify::new(flags, caller::credentials().euid)?;
    caller::install(file, flags & IN_CLOEXEC != 0).map(|fd| fd as usize)
}

/// inotify_add_watch(2).
pub fn inotify_add_watch(fd: i32, path: UserPath, mask: u32) -> SysResult {
    if mask & !KNOWN != 0 || mask == 0 {
        return Err(Errno::EINVAL);
    }
    let file = caller::file(fd)?;
    if mask & IN_MASK_ADD != 0 && mask & IN_MASK_CREATE != 0 {
        return Err(Errno::EINVAL);
    }
    let instance = inotify::of(&file)?;
    let location = user_path::locate(AT_FDCWD, path, mask & IN_DONT_FOLLOW == 0)?;
    let inode = location.inode();
    if mask & IN_ONLYDIR != 0 && inode.kind() != mode::S_IFDIR {
        return Err(Errno::ENOTDIR);
    }
    access::check_inode(&caller::credentials(), &**inode, READ)?;
    instance.add(inode, mask).map(|wd| wd as usize)
}

/// inotify_rm_watch(2).
pub fn inotify_rm_watch(fd: i32, wd: i32) -> SysResult {
    let file = caller::file(fd)?;
    inotify::of(&file)?.remove(wd).map(|()| 0)
}
