//! File attributes: permissions, owners, and checks of access. Times are in `utime.rs`.

use alloc::sync::Arc;

use linux_raw_sys::general::{AT_EACCESS, AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW};

use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::{Change, mode};
use crate::process::caller;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::vfs::access::{self, EXECUTE, WRITE};
use crate::vfs::dentry::Location;
use crate::vfs::mount::MountFlags;

/// Location of the file that `fd` is open on.
pub fn of_fd(fd: i32) -> Result<Location, Errno> {
    caller::file(fd).map(|file| file.location().clone())
}

/// access(2).
pub fn access(path: UserPath, wanted: u32) -> SysResult {
    faccessat2(AT_FDCWD, path, wanted, 0)
}

/// faccessat(2): the kernel's call has no flags; C libraries emulate them.
pub fn faccessat(dirfd: i32, path: UserPath, wanted: u32) -> SysResult {
    faccessat2(dirfd, path, wanted, 0)
}

/// faccessat2(2): checks access by the real IDs, or with AT_EACCESS by the effective ones. The path
/// is resolved with the same IDs.
pub fn faccessat2(dirfd: i32, path: UserPath, wanted: u32, flags: u32) -> SysResult {
    if wanted & !7 != 0 || flags & !(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut who = caller::credentials();
    if flags & AT_EACCESS == 0 {
        who = Arc::new(who.real());
    }
    let location = user_path::locate_as(&who, dirfd, path, flags)?;
    let metadata = location.inode().metadata();
    let holds_data = matches!(
        metadata.kind(),
        mode::S_IFREG | mode::S_IFDIR | mode::S_IFLNK
    );
    if wanted & WRITE != 0 && holds_data {
        location.mount.check_writable()?;
    }
    let is_program = wanted & EXECUTE != 0 && metadata.kind() == mode::S_IFREG;
    if is_program && location.mount.flags().contains(MountFlags::NO_EXEC) {
        return Err(Errno::EACCES);
    }
    access::check_inode(&who, &**location.inode(), wanted)?;
    Ok(0)
}

/// chmod(2).
pub fn chmod(path: UserPath, mode: u32) -> SysResult {
    set_mode(&user_path::locate(AT_FDCWD, path, true)?, mode)
}

/// fchmod(2).
pub fn fchmod(fd: i32, mode: u32) -> SysResult {
    set_mode(&of_fd(fd)?, mode)
}

/// fchmodat(2).
pub fn fchmodat(dirfd: i32, path: UserPath, mode: u32) -> SysResult {
    set_mode(&user_path::locate(dirfd, path, true)?, mode)
}

/// fchmodat2(2): with flags.
pub fn fchmodat2(dirfd: i32, path: UserPath, mode: u32, flags: u32) -> SysResult {
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    set_mode(&user_path::locate_at(dirfd, path, flags)?, mode)
}

fn set_mode(location: &Location, mut mode: u32) -> SysResult {
    if location.inode().kind() == mode::S_IFLNK {
        return Err(Errno::EOPNOTSUPP);
    }
    location.mount.check_writable()?;
    let who = caller::credentials();
    let metadata = location.inode().metadata();
    if !access::is_owner(&who, &metadata) {
        return Err(Errno::EPERM);
    }
    // Only a member of the file's group may set its set-group-ID bit.
    if !access::may_set_group_id(&who, metadata.gid) {
        mode &= !mode::S_ISGID;
    }
    let change = Change {
        permissions: Some(mode & mode::PERMISSIONS),
        ..Change::default()
    };
    location.change(&change).map(|()| 0)
}

/// chown(2).
pub fn chown(path: UserPath, uid: u32, gid: u32) -> SysResult {
    set_owner(&user_path::locate(AT_FDCWD, path, true)?, uid, gid)
}

/// lchown(2).
pub fn lchown(path: UserPath, uid: u32, gid: u32) -> SysResult {
    set_owner(&user_path::locate(AT_FDCWD, path, false)?, uid, gid)
}

/// fchown(2).
pub fn fchown(fd: i32, uid: u32, gid: u32) -> SysResult {
    set_owner(&of_fd(fd)?, uid, gid)
}

/// fchownat(2).
pub fn fchownat(dirfd: i32, path: UserPath, uid: u32, gid: u32, flags: u32) -> SysResult {
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    set_owner(&user_path::locate_at(dirfd, path, flags)?, uid, gid)
}

fn set_owner(location: &Location, uid: u32, gid: u32) -> SysResult {
    location.mount.check_writable()?;
    let who = caller::credentials();
    let metadata = location.inode().metadata();
    let new = |id: u32| (id != u32::MAX).then_some(id);
    let (uid, gid) = (new(uid), new(gid));
    let owns = who.fsuid == metadata.uid;
    let may_set_uid = uid.is_none_or(|uid| owns && uid == metadata.uid);
    let may_set_gid = gid.is_none_or(|gid| owns && (gid == metadata.gid || who.in_group(gid)));
    let may_set = may_set_uid && may_set_gid || who.has(Caps::CHOWN);
    if !may_set {
        return Err(Errno::EPERM);
    }
    // The set-ID bits must not pass to the new owner.
    let mut permissions = None;
    if metadata.kind() != mode::S_IFDIR {
        let old = metadata.mode & mode::PERMISSIONS;
        let kept = access::without_set_ids(&who, old, metadata.gid);
        permissions = (kept != old).then_some(kept);
        // Clearing them changes the mode, which requires ownership.
        if kept != old && !access::is_owner(&who, &metadata) {
            return Err(Errno::EPERM);
        }
    }
    location
        .change(&Change {
            permissions,
            uid,
            gid,
            ..Change::default()
        })
        .map(|()| 0)
}
