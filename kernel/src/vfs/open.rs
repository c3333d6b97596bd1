//! Opening and creating files by path: open(2), mknod(2).
//!
//! Left out: leases.

use alloc::format;
use alloc::sync::Arc;

use super::access;
use super::dentry::{Dentry, Location, Parent};
use super::file::File;
use super::file::flags::*;
use super::inode::FileOps;
use super::mount::MountFlags;
use super::notify;
use super::path::{Found, ParentOf, Walk};
use super::pipe;
use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Device, Metadata, NewFile, mode};
use crate::vfs::write_exec;

/// Operations of O_PATH descriptors and of a program's open file, which is only mapped: all fail.
struct PathOnly;

impl FileOps for PathOnly {}

/// Opens the file at `path`, or creates it if the flags say so, with `permissions` less `umask`.
///
/// # Errors
/// Those of open(2).
pub fn open(
    walk: &Walk<'_>,
    path: &[u8],
    flags: u32,
    permissions: u32,
    umask: u32,
) -> Result<Arc<File>, Errno> {
    let flags = check_flags(flags)?;
    if flags & O_TMPFILE == O_TMPFILE {
        return open_unnamed(walk, path, flags, permissions, umask);
    }
    let follow = flags & O_NOFOLLOW == 0 && flags & (O_CREAT | O_EXCL) != O_CREAT | O_EXCL;
    let (location, created) = if flags & O_CREAT == 0 {
        (walk.file(path, follow)?, false)
    } else {
        match walk.file_or_place(path, follow)? {
            Found::File(_) if flags & O_EXCL != 0 => return Err(Errno::EEXIST),
            Found::File(file) if file.inode().kind() == mode::S_IFDIR => return Err(Errno::EISDIR),
            Found::File(file) => (file, false),
            Found::Missing(place) if !place.dir.inode().takes_names() => return Err(Errno::ENOENT),
            Found::Missing(place) if place.wants_dir => return Err(Errno::EISDIR),
            Found::Missing(place) => (create(walk, &place, regular(permissions), umask)?, true),
        }
    };
    check_kind(&location, flags)?;
    if flags & O_PATH != 0 {
        return Ok(File::new(location, Arc::new(PathOnly), flags));
    }
    if !created {
        check_access(walk, &location, flags)?;
        if flags & O_TRUNC != 0 && location.inode().kind() == mode::S_IFREG {
            write_exec::check_not_running(&location)?;
            location.truncate(0, walk.who)?;
        }
    }
    let ops = match location.inode().kind() {
        mode::S_IFIFO => pipe::open_fifo(location.inode(), flags)?,
        _ => location.inode().clone().open()?,
    };
    ops.opened(flags)?;
    File::open(location, ops, flags)
}

/// Checks the combination of flags (build_open_flags).
fn check_flags(flags: u32) -> Result<u32, Errno> {
    if flags & O_PATH != 0 {
        return Ok(flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    if flags & O_TMPFILE == O_TMPFILE {
        // Without write access an unnamed empty file is useless.
        return if flags & O_ACCMODE == O_RDONLY || flags & O_CREAT != 0 {
            Err(Errno::EINVAL)
        } else {
            Ok(flags)
        };
    }
    if flags & (O_CREAT | O_DIRECTORY) == O_CREAT | O_DIRECTORY {
        return Err(Errno::EINVAL);
    }
    Ok(flags)
}

/// Opens a new unnamed file in the directory at `path` (O_TMPFILE); linkat(2) can link it, unless
/// O_EXCL forbids that.
fn open_unnamed(
    walk: &Walk<'_>,
    path: &[u8],
    flags: u32,
    permissions: u32,
    umask: u32,
) -> Result<Arc<File>, Errno> {
    let dir = walk.file(path, flags & O_NOFOLLOW == 0)?;
    let parent = dir.inode().metadata();
    if parent.kind() != mode::S_IFDIR {
        return Err(Errno::ENOTDIR);
    }
    dir.mount.check_writable()?;
    access::check(walk.who, &parent, access::WRITE | access::EXECUTE)?;
    let mut new = regular(permissions);
    init_owner(walk.who, &parent, &mut new, umask);
    let inode = dir.inode().create_unnamed(&new, flags & O_EXCL == 0)?;
    let name = format!("#{}", inode.metadata().ino).into_bytes();
    let ops = inode.clone().open()?;
    let dentry = Dentry::new(Parent::Held(dir.dentry.clone()), name.into(), inode);
    dentry.set_removed();
    let location = Location {
        mount: dir.mount,
        dentry,
    };
    File::open(location, ops, flags)
}

/// Attributes of a new regular file.
fn regular(permissions: u32) -> NewFile {
    NewFile {
        mode: mode::S_IFREG | permissions & mode::PERMISSIONS,
        ..NewFile::default()
    }
}

/// Sets owner and group of a new file, and clears the mode bits that its creator may not set
/// (mode_strip_sgid and inode_init_owner in fs/inode.c).
fn init_owner(who: &Credentials, parent: &Metadata, new: &mut NewFile, umask: u32) {
    new.uid = who.fsuid;
    new.gid = who.fsgid;
    let kind = new.mode & mode::S_IFMT;
    let runs_as_group = mode::S_ISGID | 0o010;
    // A file in a set-group-ID directory gets its group, a directory the bit as well.
    if parent.mode & mode::S_ISGID != 0 {
        new.gid = parent.gid;
        if kind == mode::S_IFDIR {
            new.mode |= mode::S_ISGID;
        } else if new.mode & runs_as_group == runs_as_group
            && !access::may_set_group_id(who, parent.gid)
        {
            // The file would run as a group that its creator is not in.
            new.mode &= !mode::S_ISGID;
        }
    }
    if kind != mode::S_IFLNK {
        new.mode &= !umask;
    }
}

/// Creates a file of any type at `place`, with the caller's permissions.
///
/// # Errors
/// `EACCES`, `EPERM` for a device, `ENOENT` in a removed directory, `ENAMETOOLONG`, `ENOSPC`.
pub fn create(
    walk: &Walk<'_>,
    place: &ParentOf,
    mut new: NewFile,
    umask: u32,
) -> Result<Location, Errno> {
    place.dir.mount.check_writable()?;
    let parent = place.dir.inode().metadata();
    access::check(walk.who, &parent, access::WRITE | access::EXECUTE)?;
    let is_device = match new.mode & mode::S_IFMT {
        mode::S_IFBLK => true,
        // Device number 0 is a whiteout, not a device (WHITEOUT_DEV).
        mode::S_IFCHR => new.rdev != Device::default(),
        _ => false,
    };
    if is_device && !walk.who.has(Caps::MKNOD) {
        return Err(Errno::EPERM);
    }
    init_owner(walk.who, &parent, &mut new, umask);
    let dentry = place
        .dir
        .inode()
        .create(&place.dir.dentry, &place.name, &new)?;
    notify::created(place.dir.inode(), &dentry);
    Ok(Location {
        mount: place.dir.mount.clone(),
        dentry,
    })
}

/// Checks that the flags fit the file's type.
fn check_kind(location: &Location, flags: u32) -> Result<(), Errno> {
    match location.inode().kind() {
        // The lookup ends at a symbolic link only with O_NOFOLLOW.
        mode::S_IFLNK if flags & O_DIRECTORY != 0 => Err(Errno::ENOTDIR),
        mode::S_IFLNK if flags & O_PATH == 0 => Err(Errno::ELOOP),
        mode::S_IFDIR if wants_write(flags) => Err(Errno::EISDIR),
        mode::S_IFDIR => Ok(()),
        _ if flags & O_DIRECTORY != 0 => Err(Errno::ENOTDIR),
        _ => Ok(()),
    }
}

fn wants_write(flags: u32) -> bool {
    flags & O_PATH == 0 && (flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0)
}

fn check_access(walk: &Walk<'_>, location: &Location, flags: u32) -> Result<(), Errno> {
    let mut wanted = match flags & O_ACCMODE {
        O_RDONLY => access::READ,
        O_WRONLY => access::WRITE,
        // Linux also accepts access mode 3, for ioctl(2) alone; it needs both permissions.
        _ => access::READ | access::WRITE,
    };
    if flags & O_TRUNC != 0 {
        wanted |= access::WRITE;
    }
    let metadata = location.inode().metadata();
    // A write to a device or a pipe doesn't write to the file system of its name.
    if wanted & access::WRITE != 0 && metadata.kind() == mode::S_IFREG {
        location.mount.check_writable()?;
    }
    let is_device = matches!(metadata.kind(), mode::S_IFCHR | mode::S_IFBLK);
    if is_device && location.mount.flags().contains(MountFlags::NO_DEVICES) {
        return Err(Errno::EACCES);
    }
    access::check_inode(walk.who, &**location.inode(), wanted)?;
    if flags & O_NOATIME != 0 && !access::is_owner(walk.who, &metadata) {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// Opens the file at `location` without operations: as the program of a process, which is mapped.
pub fn without_operations(location: Location) -> Arc<File> {
    File::new(location, Arc::new(PathOnly), O_RDONLY)
}
