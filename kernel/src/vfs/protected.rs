//! Protection of links: fs.protected_hardlinks and fs.protected_symlinks (proc_sys_fs(5);
//! may_linkat and may_follow_link in fs/namei.c). Both are on, as in Debian's kernels.

use core::sync::atomic::{AtomicBool, Ordering};

use super::access::{self, READ, WRITE};
use super::inode::Inode;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;

/// fs.protected_hardlinks.
pub static HARD_LINKS: AtomicBool = AtomicBool::new(true);
/// fs.protected_symlinks.
pub static SYMBOLIC_LINKS: AtomicBool = AtomicBool::new(true);

/// Checks that `who` may link `file`: its owner may; others only a regular file that they may read
/// and write and that is neither set-user-ID nor an executable set-group-ID file.
///
/// # Errors
/// `EPERM`.
pub fn check_link(who: &Credentials, file: &dyn Inode) -> Result<(), Errno> {
    const RUNS_AS_GROUP: u32 = mode::S_ISGID | 0o010;
    if !HARD_LINKS.load(Ordering::Relaxed) {
        return Ok(());
    }
    let attributes = file.metadata();
    let is_safe = attributes.kind() == mode::S_IFREG
        && attributes.mode & mode::S_ISUID == 0
        && attributes.mode & RUNS_AS_GROUP != RUNS_AS_GROUP
        && access::check_inode(who, file, READ | WRITE).is_ok();
    if is_safe || access::is_owner(who, &attributes) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// Checks that `who` may follow `link`, the last component of a path in `dir`: in a sticky
/// world-writable directory, only links owned by `who` or by the directory's owner.
///
/// # Errors
/// `EACCES`.
pub fn check_follow(who: &Credentials, dir: &dyn Inode, link: &dyn Inode) -> Result<(), Errno> {
    const SHARED: u32 = mode::S_ISVTX | 0o002;
    if !SYMBOLIC_LINKS.load(Ordering::Relaxed) {
        return Ok(());
    }
    let dir = dir.metadata();
    if dir.mode & SHARED != SHARED {
        return Ok(());
    }
    let owner = link.metadata().uid;
    if owner == who.fsuid || owner == dir.uid {
        Ok(())
    } else {
        Err(Errno::EACCES)
    }
}
