//! Working and root directory, mkdir(2) and umask(2). `getdents.rs` lists directories, `dirent.rs`
//! removes them.

use alloc::sync::Arc;

use linux_raw_sys::general::AT_FDCWD;

use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::{NewFile, mode};
use crate::mm::fallible::{Grow as _, TryPush as _};
use crate::process::caller;
use crate::process::capability::require;
use crate::process::current;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::usercopy::UserPtr;
use crate::vfs::access::{self, EXECUTE};
use crate::vfs::dentry::{Dentry, Location};
use crate::vfs::path::{self, FsContext, Last, PATH_MAX, ParentOf};

/// Prefix of getcwd(2)'s path if the directory can't be reached from the root.
const UNREACHABLE: &[u8; 13] = b"(unreachable)";

/// getcwd(2): the path and its NUL; returns their length. `ENAMETOOLONG` above PATH_MAX.
pub fn getcwd(buf: UserPtr<u8>, size: usize) -> SysResult {
    let context = caller::context();
    if context.cwd.dentry.is_removed() {
        return Err(Errno::ENOENT);
    }
    // A deep directory is not gone up to the end.
    let above = |dentry: &Arc<Dentry>| dentry.parent();
    let names = core::iter::successors(Some(context.cwd.dentry.clone()), above);
    if names.take(PATH_MAX).count() > PATH_MAX / 2 {
        return Err(Errno::ENAMETOOLONG);
    }
    let (mut path, reached) = context.cwd.path(&context.root)?;
    if !reached {
        path.room_for(UNREACHABLE.len())?;
        path.splice(0..0, *UNREACHABLE);
    }
    path.try_push(0)?;
    if path.len() > PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    if path.len() > size {
        return Err(Errno::ERANGE);
    }
    buf.write_slice(&path)?;
    Ok(path.len())
}

/// Checks that `location` is a directory that the caller may search.
fn enter(location: Location) -> Result<Location, Errno> {
    if location.inode().kind() != mode::S_IFDIR {
        return Err(Errno::ENOTDIR);
    }
    access::check_inode(&caller::credentials(), &**location.inode(), EXECUTE)?;
    Ok(location)
}

/// Replaces the process's root or working directory, as chosen by `place`.
fn change(place: impl FnOnce(&mut FsContext) -> &mut Location, to: Location) {
    let old = core::mem::replace(place(&mut current().process.fs.lock()), to);
    // Dropped after the lock: a whole unmounted file system may go with it.
    drop(old);
}

/// chdir(2).
pub fn chdir(path: UserPath) -> SysResult {
    let to = enter(user_path::locate(AT_FDCWD, path, true)?)?;
    change(|context| &mut context.cwd, to);
    Ok(0)
}

/// fchdir(2).
pub fn fchdir(fd: i32) -> SysResult {
    let file = caller::with_files(|files| files.get_any(fd))?;
    let to = enter(file.location().clone())?;
    change(|context| &mut context.cwd, to);
    Ok(0)
}

/// chroot(2).
pub fn chroot(path: UserPath) -> SysResult {
    let to = enter(user_path::locate(AT_FDCWD, path, true)?)?;
    require(Caps::SYS_CHROOT)?;
    change(|context| &mut context.root, to);
    Ok(0)
}

/// Checks that the place of a new file has a name and that no file has it yet.
///
/// # Errors
/// `EEXIST`, and those of the lookup.
pub fn check_free(place: &ParentOf) -> Result<(), Errno> {
    if place.last != Last::Name {
        return Err(Errno::EEXIST);
    }
    match path::child(&place.dir, &place.name) {
        Ok(_) => Err(Errno::EEXIST),
        Err(Errno::ENOENT) if place.dir.inode().takes_names() => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// mkdir(2).
pub fn mkdir(path: UserPath, mode: u32) -> SysResult {
    mkdirat(AT_FDCWD, path, mode)
}

/// mkdirat(2).
pub fn mkdirat(dirfd: i32, path: UserPath, mode: u32) -> SysResult {
    /// Mode bits that mkdir(2) sets; the set-group-ID bit is inherited from the parent.
    const MODE: u32 = 0o1777;
    let path = user_path::read(path)?;
    caller::walk_at(dirfd, &path, |walk, context| {
        let place = walk.parent(&path)?;
        check_free(&place)?;
        let mode = mode::S_IFDIR | mode & MODE;
        crate::vfs::open::create(
            walk,
            &place,
            NewFile {
                mode,
                ..NewFile::default()
            },
            context.umask,
        )?;
        Ok(0)
    })
}

/// umask(2).
pub fn umask(mask: u32) -> SysResult {
    let task = current();
    let mut context = task.process.fs.lock();
    Ok(core::mem::replace(&mut context.umask, mask & 0o777) as usize)
}
