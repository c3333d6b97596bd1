//! Permission checks: owner, group and others, and the capabilities that override them.

use super::inode::Inode;
use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Metadata, mode};

/// May read (the values of access(2)).
pub const READ: u32 = 4;
/// May write.
pub const WRITE: u32 = 2;
/// May execute, or pass through a directory.
pub const EXECUTE: u32 = 1;

/// Checks that `who` has access to `inode`, by its own rule or, as [`check`] does, by its
/// attributes.
///
/// # Errors
/// `EACCES`.
pub fn check_inode(who: &Credentials, inode: &dyn Inode, wanted: u32) -> Result<(), Errno> {
    match inode.permits(wanted) {
        Some(true) => Ok(()),
        Some(false) => Err(Errno::EACCES),
        None => check(who, &inode.metadata(), wanted),
    }
}

/// Checks that `who` has access to `file`: `wanted` is an OR of [`READ`], [`WRITE`], [`EXECUTE`].
///
/// # Errors
/// `EACCES`.
pub fn check(who: &Credentials, file: &Metadata, wanted: u32) -> Result<(), Errno> {
    let granted = if who.fsuid == file.uid {
        file.mode >> 6
    } else if who.in_group(file.gid) {
        file.mode >> 3
    } else {
        file.mode
    };
    if wanted & !granted == 0 || overrides(who, file, wanted) {
        Ok(())
    } else {
        Err(Errno::EACCES)
    }
}

/// Whether capabilities override the permissions (generic_permission in fs/namei.c).
fn overrides(who: &Credentials, file: &Metadata, wanted: u32) -> bool {
    let is_directory = file.kind() == mode::S_IFDIR;
    let only_looks = if is_directory {
        wanted & WRITE == 0
    } else {
        wanted == READ
    };
    // A regular file without any execute bit is no program, for root neither.
    let is_program = is_directory || wanted & EXECUTE == 0 || file.mode & 0o111 != 0;
    only_looks && who.has(Caps::DAC_READ_SEARCH) || is_program && who.has(Caps::DAC_OVERRIDE)
}

/// Whether `who` owns the file or has CAP_FOWNER.
pub fn is_owner(who: &Credentials, file: &Metadata) -> bool {
    who.fsuid == file.uid || who.has(Caps::FOWNER)
}

/// Whether `who` may set the set-group-ID bit on a file of `group`: a member, or with CAP_FSETID.
pub fn may_set_group_id(who: &Credentials, group: u32) -> bool {
    who.in_group(group) || who.has(Caps::FSETID)
}

/// The permissions that a change of owner or a write by `who` leaves: no set-user-ID bit; no
/// set-group-ID bit on a file that the group may execute, or whose `group` is not one of `who`
/// (setattr_should_drop_suidgid in fs/attr.c).
pub fn without_set_ids(who: &Credentials, permissions: u32, group: u32) -> u32 {
    let mut kept = permissions & !mode::S_ISUID;
    if kept & 0o010 != 0 || !may_set_group_id(who, group) {
        kept &= !mode::S_ISGID;
    }
    kept
}

/// Checks that `who` may remove or rename an entry of directory `parent`: with the sticky bit, only
/// the owner of the file or of the directory may, or CAP_FOWNER.
///
/// # Errors
/// `EPERM`.
pub fn check_sticky(who: &Credentials, parent: &Metadata, file: &Metadata) -> Result<(), Errno> {
    if parent.mode & mode::S_ISVTX == 0 || is_owner(who, file) || who.fsuid == parent.uid {
        return Ok(());
    }
    Err(Errno::EPERM)
}
