//! Directory entries: link(2), unlink(2), rmdir(2), rename(2). Special files are made in
//! `special.rs`.
//!
//! Left out: RENAME_WHITEOUT.

use alloc::sync::Arc;

use linux_raw_sys::general::{
    AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW, RENAME_EXCHANGE,
    RENAME_NOREPLACE,
};

use super::dir::check_free;
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::mode;
use crate::process::caller;
use crate::process::capability::capable;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::vfs::access::{self, EXECUTE, WRITE};
use crate::vfs::dentry::{Dentry, Location};
use crate::vfs::notify::{self, Move};
use crate::vfs::path::{self, Last, ParentOf, Walk};
use crate::vfs::{mount, protected};

/// Looks up the last name of a path, without following a symbolic link or a mount.
fn named(place: &ParentOf) -> Result<Arc<Dentry>, Errno> {
    path::check_name(&place.name)?;
    place.dir.inode().lookup(&place.dir.dentry, &place.name)
}

/// Checks that the caller may remove `dentry` from its directory.
fn check_removal(walk: &Walk<'_>, place: &ParentOf, dentry: &Arc<Dentry>) -> Result<(), Errno> {
    let parent = place.dir.inode().metadata();
    access::check(walk.who, &parent, WRITE | EXECUTE)?;
    access::check_sticky(walk.who, &parent, &dentry.inode().metadata())?;
    let location = Location {
        mount: place.dir.mount.clone(),
        dentry: dentry.clone(),
    };
    if mount::on(&location).is_some() {
        Err(Errno::EBUSY)
    } else {
        Ok(())
    }
}

/// unlink(2).
pub fn unlink(path: UserPath) -> SysResult {
    unlinkat(AT_FDCWD, path, 0)
}

/// rmdir(2).
pub fn rmdir(path: UserPath) -> SysResult {
    unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
}

/// unlinkat(2).
pub fn unlinkat(dirfd: i32, path: UserPath, flags: u32) -> SysResult {
    if flags & !AT_REMOVEDIR != 0 {
        return Err(Errno::EINVAL);
    }
    let wants_dir = flags & AT_REMOVEDIR != 0;
    let path = user_path::read(path)?;
    caller::walk_at(dirfd, &path, |walk, _| {
        let place = walk.parent(&path)?;
        match place.last {
            Last::Name => {}
            _ if !wants_dir => return Err(Errno::EISDIR),
            Last::Dot => return Err(Errno::EINVAL),
            Last::DotDot => return Err(Errno::ENOTEMPTY),
            Last::Root => return Err(Errno::EBUSY),
        }
        place.dir.mount.check_writable()?;
        let dentry = named(&place)?;
        let is_dir = dentry.inode().kind() == mode::S_IFDIR;
        if place.wants_dir && !is_dir {
            return Err(Errno::ENOTDIR);
        }
        check_removal(walk, &place, &dentry)?;
        match (wants_dir, is_dir) {
            (true, false) => return Err(Errno::ENOTDIR),
            (false, true) => return Err(Errno::EISDIR),
            _ => {}
        }
        place.dir.inode().remove(&dentry)?;
        notify::unlinked(place.dir.inode(), dentry);
        Ok(0)
    })
}

/// rename(2).
pub fn rename(old: UserPath, new: UserPath) -> SysResult {
    renameat2(AT_FDCWD, old, AT_FDCWD, new, 0)
}

/// renameat(2).
pub fn renameat(old_dir: i32, old: UserPath, new_dir: i32, new: UserPath) -> SysResult {
    renameat2(old_dir, old, new_dir, new, 0)
}

/// renameat2(2).
pub fn renameat2(
    old_dir: i32,
    old: UserPath,
    new_dir: i32,
    new: UserPath,
    flags: u32,
) -> SysResult {
    const BOTH: u32 = RENAME_NOREPLACE | RENAME_EXCHANGE;
    if flags & !BOTH != 0 || flags == BOTH {
        return Err(Errno::EINVAL);
    }
    let (old, new) = (user_path::read(old)?, user_path::read(new)?);
    let from = caller::walk_at(old_dir, &old, |walk, _| walk.parent(&old))?;
    caller::walk_at(new_dir, &new, |walk, _| {
        let to = walk.parent(&new)?;
        move_name(walk, &from, &to, flags).map(|()| 0)
    })
}

fn move_name(walk: &Walk<'_>, from: &ParentOf, to: &ParentOf, flags: u32) -> Result<(), Errno> {
    if !Arc::ptr_eq(&from.dir.mount, &to.dir.mount) {
        return Err(Errno::EXDEV);
    }
    if from.last != Last::Name || to.last != Last::Name {
        return Err(Errno::EBUSY);
    }
    from.dir.mount.check_writable()?;
    let exchange = flags & RENAME_EXCHANGE != 0;
    let old = named(from)?;
    let new = match named(to) {
        Ok(_) if flags & RENAME_NOREPLACE != 0 => return Err(Errno::EEXIST),
        Ok(new) => Some(new),
        Err(Errno::ENOENT) if !exchange => None,
        Err(errno) => return Err(errno),
    };
    let is_dir = |dentry: &Arc<Dentry>| dentry.inode().kind() == mode::S_IFDIR;
    let old_is_dir = is_dir(&old);
    if !old_is_dir && (from.wants_dir || to.wants_dir && !exchange) {
        return Err(Errno::ENOTDIR);
    }
    // A directory can't move into itself, nor replace a directory above it.
    if to.dir.dentry.is_below(&old) {
        return Err(Errno::EINVAL);
    }
    if let Some(new) = &new {
        if from.dir.dentry.is_below(new) {
            return Err(if exchange {
                Errno::EINVAL
            } else {
                Errno::ENOTEMPTY
            });
        }
        // Two names of the same file: rename(2) does nothing.
        if Arc::ptr_eq(old.inode(), new.inode()) {
            return Ok(());
        }
    }
    check_removal(walk, from, &old)?;
    match &new {
        Some(new) => {
            check_removal(walk, to, new)?;
            match (old_is_dir, is_dir(new)) {
                _ if exchange => {}
                (true, false) => return Err(Errno::ENOTDIR),
                (false, true) => return Err(Errno::EISDIR),
                _ => {}
            }
        }
        None => access::check(walk.who, &to.dir.inode().metadata(), WRITE | EXECUTE)?,
    }
    // The directory's ".." changes, which requires write permission.
    if old_is_dir && !Arc::ptr_eq(&from.dir.dentry, &to.dir.dentry) {
        access::check(walk.who, &old.inode().metadata(), WRITE)?;
    }
    let names = notify::is_on().then(|| (old.name(), new.as_ref().map(|new| new.name())));
    let (from, to) = (&from.dir, to);
    from.inode()
        .rename(&old, &to.dir.dentry, &to.name, exchange)?;
    if let Some((old_name, new_name)) = names {
        let (from, to) = (from.inode(), to.dir.inode());
        notify::moved(&Move {
            dentry: &old,
            from,
            old_name: &old_name,
            to,
            replaced: new.as_deref().filter(|_| !exchange),
        });
        if let (true, Some(new), Some(new_name)) = (exchange, &new, &new_name) {
            notify::moved(&Move {
                dentry: new,
                from: to,
                old_name: new_name,
                to: from,
                replaced: None,
            });
        }
    }
    Ok(())
}

/// link(2).
pub fn link(old: UserPath, new: UserPath) -> SysResult {
    linkat(AT_FDCWD, old, AT_FDCWD, new, 0)
}

/// linkat(2).
pub fn linkat(old_dir: i32, old: UserPath, new_dir: i32, new: UserPath, flags: u32) -> SysResult {
    if flags & !(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & AT_EMPTY_PATH != 0 && !capable(Caps::DAC_READ_SEARCH) {
        // A descriptor received from another process must not suffice to create a link.
        return Err(Errno::ENOENT);
    }
    let nofollow = if flags & AT_SYMLINK_FOLLOW == 0 {
        AT_SYMLINK_NOFOLLOW
    } else {
        0
    };
    let target = user_path::locate_at(old_dir, old, flags & AT_EMPTY_PATH | nofollow)?;
    let new = user_path::read(new)?;
    caller::walk_at(new_dir, &new, |walk, _| {
        let place = walk.parent(&new)?;
        check_free(&place)?;
        if place.wants_dir {
            return Err(Errno::ENOENT);
        }
        place.dir.mount.check_writable()?;
        if !Arc::ptr_eq(&target.mount, &place.dir.mount) {
            return Err(Errno::EXDEV);
        }
        protected::check_link(walk.who, &**target.inode())?;
        access::check(walk.who, &place.dir.inode().metadata(), WRITE | EXECUTE)?;
        if target.inode().kind() == mode::S_IFDIR {
            return Err(Errno::EPERM);
        }
        if target.inode().metadata().nlink == 0 && !target.inode().is_linkable() {
            return Err(Errno::ENOENT);
        }
        place
            .dir
            .inode()
            .link(&place.dir.dentry, &place.name, target.inode())?;
        notify::linked(place.dir.inode(), &place.name, target.inode());
        Ok(0)
    })
}
