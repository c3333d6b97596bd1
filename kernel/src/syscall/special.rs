//! Symbolic links and special files: symlink(2), readlink(2), mknod(2).

use linux_raw_sys::general::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW};

use super::dir::check_free;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::{Device, NewFile, mode};
use crate::mm::fallible;
use crate::process::caller;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::usercopy::UserPtr;
use crate::vfs::open;

/// symlink(2).
pub fn symlink(target: UserPath, path: UserPath) -> SysResult {
    symlinkat(target, AT_FDCWD, path)
}

/// symlinkat(2).
pub fn symlinkat(target: UserPath, dirfd: i32, path: UserPath) -> SysResult {
    let target = fallible::to_vec(&user_path::read(target)?)?;
    if target.is_empty() {
        return Err(Errno::ENOENT);
    }
    let path = user_path::read(path)?;
    create_at(
        dirfd,
        &path,
        NewFile {
            mode: mode::S_IFLNK | 0o777,
            target,
            ..NewFile::default()
        },
    )
}

/// Creates a file other than a directory at `path`.
fn create_at(dirfd: i32, path: &[u8], new: NewFile) -> SysResult {
    caller::walk_at(dirfd, path, |walk, context| {
        let place = walk.parent(path)?;
        check_free(&place)?;
        if place.wants_dir {
            return Err(Errno::ENOENT);
        }
        open::create(walk, &place, new, context.umask)?;
        Ok(0)
    })
}

/// mknod(2).
pub fn mknod(path: UserPath, mode: u32, device: u32) -> SysResult {
    mknodat(AT_FDCWD, path, mode, device)
}

/// mknodat(2).
pub fn mknodat(dirfd: i32, path: UserPath, mode: u32, device: u32) -> SysResult {
    let kind = match mode & mode::S_IFMT {
        0 => mode::S_IFREG,
        kind @ (mode::S_IFREG | mode::S_IFCHR | mode::S_IFBLK | mode::S_IFIFO | mode::S_IFSOCK) => {
            kind
        }
        mode::S_IFDIR => return Err(Errno::EPERM),
        _ => return Err(Errno::EINVAL),
    };
    let is_device = kind == mode::S_IFCHR || kind == mode::S_IFBLK;
    let rdev = if is_device {
        Device::decode(device)
    } else {
        Device::default()
    };
    let path = user_path::read(path)?;
    create_at(
        dirfd,
        &path,
        NewFile {
            mode: kind | mode & mode::PERMISSIONS,
            rdev,
            ..NewFile::default()
        },
    )
}

/// readlink(2).
pub fn readlink(path: UserPath, buf: UserPtr<u8>, size: i32) -> SysResult {
    readlinkat(AT_FDCWD, path, buf, size)
}

/// readlinkat(2): an empty path is the symbolic link that `dirfd` is open on (O_PATH).
pub fn readlinkat(dirfd: i32, path: UserPath, buf: UserPtr<u8>, size: i32) -> SysResult {
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size > 0)
        .ok_or(Errno::EINVAL)?;
    let is_empty = path.read()? == 0;
    let location = user_path::locate_at(dirfd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    if location.inode().kind() != mode::S_IFLNK {
        return Err(if is_empty {
            Errno::ENOENT
        } else {
            Errno::EINVAL
        });
    }
    let mut target = location.inode().read_link()?;
    location.accessed();
    target.truncate(size);
    buf.write_slice(&target)?;
    Ok(target.len())
}
