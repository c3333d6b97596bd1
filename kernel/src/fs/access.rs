//! Who may do what to a file: owner, group and others, and root above them.

use super::inode::{Metadata, mode};
use crate::process::cred::Credentials;
use crate::syscall::errno::Errno;

/// May read (the values of access(2)).
pub const READ: u32 = 4;
/// May write.
pub const WRITE: u32 = 2;
/// May execute, or pass through a directory.
pub const EXECUTE: u32 = 1;

/// Checks that `who` has access to `file`: `wanted` is an OR of [`READ`], [`WRITE`], [`EXECUTE`].
///
/// # Errors
/// `EACCES`.
pub fn check(who: &Credentials, file: &Metadata, wanted: u32) -> Result<(), Errno> {
    let granted = if who.fsuid == 0 {
        // Root executes only what somebody may (CAP_DAC_OVERRIDE), but passes every directory.
        let executable = file.kind() == mode::S_IFDIR || file.mode & 0o111 != 0;
        READ | WRITE | if executable { EXECUTE } else { 0 }
    } else if who.fsuid == file.uid {
        file.mode >> 6
    } else if who.in_group(file.gid) {
        file.mode >> 3
    } else {
        file.mode
    };
    if wanted & !granted == 0 {
        Ok(())
    } else {
        Err(Errno::EACCES)
    }
}

/// Whether `who` may do what only the file's owner may.
pub fn is_owner(who: &Credentials, file: &Metadata) -> bool {
    who.fsuid == 0 || who.fsuid == file.uid
}

/// Checks that a name may be taken out of directory `parent`: in one with the sticky bit only the
/// owners of the file and of the directory may.
///
/// # Errors
/// `EPERM`.
pub fn check_sticky(who: &Credentials, parent: &Metadata, file: &Metadata) -> Result<(), Errno> {
    if parent.mode & mode::S_ISVTX == 0 || is_owner(who, file) || who.fsuid == parent.uid {
        return Ok(());
    }
    Err(Errno::EPERM)
}
