//! Path arguments: a string in user memory, and the descriptor that a relative path starts at.

use alloc::vec::Vec;
use core::ops::Deref;

use linux_raw_sys::general::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW};

use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::process::caller;
use crate::usercopy::UserPtr;
use crate::vfs::dentry::Location;
use crate::vfs::path::PATH_MAX;

/// Path in user memory.
pub type UserPath = UserPtr<u8>;

/// Path copied to the kernel. A short one, as most are, needs no heap memory.
pub struct Path {
    short: [u8; SHORT],
    length: usize,
    long: Vec<u8>,
}

/// Size of the buffer for a short path and its NUL, in bytes.
const SHORT: usize = 64;

impl Deref for Path {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.long.is_empty() {
            &self.short[..self.length]
        } else {
            &self.long
        }
    }
}

/// Copies a path to the kernel.
///
/// # Errors
/// `EFAULT`; `ENAMETOOLONG` for one of PATH_MAX bytes or more.
pub fn read(path: UserPath) -> Result<Path, Errno> {
    let mut short = [0; SHORT];
    let (length, long) = match path.read_short_cstr(&mut short)? {
        Some(length) => (length, Vec::new()),
        None => (0, path.read_cstr(PATH_MAX)?),
    };
    Ok(Path {
        short,
        length,
        long,
    })
}

/// Looks up `path` from `dirfd`; `follow` is for a symbolic link at its end.
///
/// # Errors
/// Those of the walk.
pub fn locate(dirfd: i32, path: UserPath, follow: bool) -> Result<Location, Errno> {
    let path = read(path)?;
    caller::walk_at(dirfd, &path, |walk, _| walk.file(&path, follow))
}

/// Looks up `path` from `dirfd` with an `*at` call's flags: `AT_SYMLINK_NOFOLLOW` and
/// `AT_EMPTY_PATH`. The caller checks for other flags.
///
/// # Errors
/// Those of the walk; `EBADF`.
pub fn locate_at(dirfd: i32, path: UserPath, flags: u32) -> Result<Location, Errno> {
    locate_as(&caller::credentials(), dirfd, path, flags)
}

/// Looks up as [`locate_at`], with the credentials `who`.
///
/// # Errors
/// Those of the walk; `EBADF`.
pub fn locate_as(
    who: &Credentials,
    dirfd: i32,
    path: UserPath,
    flags: u32,
) -> Result<Location, Errno> {
    let path = read(path)?;
    if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
        return if dirfd == AT_FDCWD {
            Ok(caller::context().cwd)
        } else {
            caller::with_files(|files| files.get_any(dirfd)).map(|file| file.location().clone())
        };
    }
    let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
    caller::walk_as(who, dirfd, &path, |walk, _| walk.file(&path, follow))
}
