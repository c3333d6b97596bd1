//! Directories: listing them, being in them, making and removing them.

use alloc::vec::Vec;

use linux_raw_sys::general::AT_FDCWD;

use super::errno::{Errno, SysResult};
use super::paths::{self, UserPath};
use crate::fs::access::{self, EXECUTE};
use crate::fs::caller;
use crate::fs::dentry::Location;
use crate::fs::inode::{ListEntry, NewFile, mode};
use crate::fs::path::{self, Last, ParentOf};
use crate::process::current;
use crate::usercopy::UserPtr;

/// Most bytes of entries that one call hands on.
const LIST_MAX: usize = 32 * 1024;

/// Lists the directory `fd` into a buffer of `count` bytes; `pack` adds an entry to what will be
/// copied there. What a directory costs is what its entries cost: `pack` is inlined.
fn list(
    fd: i32,
    buf: UserPtr<u8>,
    count: usize,
    pack: impl Fn(&mut Vec<u8>, &ListEntry<'_>),
) -> SysResult {
    let file = caller::file(fd)?;
    let location = file.location();
    if location.inode().kind() != mode::S_IFDIR {
        return Err(Errno::ENOTDIR);
    }
    if location.dentry.is_removed() {
        return Err(Errno::ENOENT);
    }
    let room = count.min(LIST_MAX);
    let mut packed = Vec::with_capacity(room.min(4096));
    let mut position = file.offset();
    let mut full = false;
    let mut emit = |entry: ListEntry<'_>| {
        let before = packed.len();
        pack(&mut packed, &entry);
        if packed.len() > room {
            packed.truncate(before);
            full = true;
            return false;
        }
        position = entry.next;
        true
    };
    let above = location.above(&caller::context().root);
    let dots = [(&b"."[..], location), (b"..", &above)];
    let mut going = true;
    for (index, (name, place)) in dots
        .into_iter()
        .enumerate()
        .skip(file.offset().min(2) as usize)
    {
        let ino = place.inode().metadata().ino;
        going = going
            && emit(ListEntry {
                name,
                ino,
                kind: mode::S_IFDIR,
                next: index as u64 + 1,
            });
    }
    if going {
        location.inode().list(file.offset().max(2), &mut emit)?;
    }
    if packed.is_empty() && full {
        return Err(Errno::EINVAL);
    }
    buf.write_slice(&packed)?;
    file.set_offset(position);
    Ok(packed.len())
}

/// Adds an entry: `head`, with the length at `length_at`, then the name, a NUL, and padding in which
/// `extra` bytes have their place.
#[inline(always)]
fn add<const HEAD: usize>(
    packed: &mut Vec<u8>,
    mut head: [u8; HEAD],
    length_at: usize,
    name: &[u8],
    extra: usize,
    align: usize,
) {
    let len = (HEAD + name.len() + 1 + extra).next_multiple_of(align);
    head[length_at..length_at + 2].copy_from_slice(&(len as u16).to_ne_bytes());
    let end = packed.len() + len;
    packed.reserve(len + 16);
    packed.extend_from_slice(&head);
    packed.extend_from_slice(name);
    // More than is ever needed, in one store, and the rest cut off again.
    packed.extend_from_slice(&[0; 16]);
    packed.truncate(end);
}

/// getdents64(2): inode (8 bytes), next position (8), length (2), type (1), name.
pub fn getdents64(fd: i32, buf: UserPtr<u8>, count: usize) -> SysResult {
    list(fd, buf, count, |packed, entry| {
        let mut head = [0; 19];
        head[..8].copy_from_slice(&entry.ino.to_ne_bytes());
        head[8..16].copy_from_slice(&entry.next.to_ne_bytes());
        head[18] = (entry.kind >> 12) as u8;
        add(packed, head, 16, entry.name, 0, 8);
    })
}

/// getdents(2): inode and next position (a long each), length (2), name; the type is the last byte.
pub fn getdents(fd: i32, buf: UserPtr<u8>, count: usize) -> SysResult {
    list(fd, buf, count, |packed, entry| {
        let mut head = [0; 18];
        head[..8].copy_from_slice(&entry.ino.to_ne_bytes());
        head[8..16].copy_from_slice(&entry.next.to_ne_bytes());
        add(packed, head, 16, entry.name, 1, 8);
        set_type(packed, entry);
    })
}

/// getdents(2), i386: the longs are 32 bits.
pub fn getdents32(fd: i32, buf: UserPtr<u8>, count: usize) -> SysResult {
    list(fd, buf, count, |packed, entry| {
        let mut head = [0; 10];
        head[..4].copy_from_slice(&(entry.ino as u32).to_ne_bytes());
        head[4..8].copy_from_slice(&(entry.next as u32).to_ne_bytes());
        add(packed, head, 8, entry.name, 1, 4);
        set_type(packed, entry);
    })
}

fn set_type(packed: &mut [u8], entry: &ListEntry<'_>) {
    if let Some(last) = packed.last_mut() {
        *last = (entry.kind >> 12) as u8;
    }
}

/// getcwd(2): the path and its NUL; returns their length.
pub fn getcwd(buf: UserPtr<u8>, size: usize) -> SysResult {
    let context = caller::context();
    if context.cwd.dentry.is_removed() {
        return Err(Errno::ENOENT);
    }
    let (mut path, reached) = context.cwd.path(&context.root);
    if !reached {
        path.splice(0..0, *b"(unreachable)");
    }
    path.push(0);
    if path.len() > size {
        return Err(Errno::ERANGE);
    }
    buf.write_slice(&path)?;
    Ok(path.len())
}

/// Checks that the caller may be in a directory.
fn enter(location: Location) -> Result<Location, Errno> {
    let metadata = location.inode().metadata();
    if metadata.kind() != mode::S_IFDIR {
        return Err(Errno::ENOTDIR);
    }
    access::check(&caller::credentials(), &metadata, EXECUTE)?;
    Ok(location)
}

/// chdir(2).
pub fn chdir(path: UserPath) -> SysResult {
    let to = enter(paths::locate(AT_FDCWD, path, true)?)?;
    current().process.fs.lock().cwd = to;
    Ok(0)
}

/// fchdir(2).
pub fn fchdir(fd: i32) -> SysResult {
    let file = caller::with_files(|files| files.get_any(fd))?;
    let to = enter(file.location().clone())?;
    current().process.fs.lock().cwd = to;
    Ok(0)
}

/// chroot(2).
pub fn chroot(path: UserPath) -> SysResult {
    let to = enter(paths::locate(AT_FDCWD, path, true)?)?;
    if !caller::credentials().is_privileged() {
        return Err(Errno::EPERM);
    }
    current().process.fs.lock().root = to;
    Ok(0)
}

/// Checks that a place for a new file is one: named, and not taken.
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
    /// The bits that mkdir(2) sets (the set-group-ID bit is inherited, not asked for).
    const MODE: u32 = 0o1777;
    let path = paths::read(path)?;
    caller::walk_at(dirfd, &path, |walk, context| {
        let place = walk.parent(&path)?;
        check_free(&place)?;
        let mode = mode::S_IFDIR | mode & MODE & !context.umask;
        crate::fs::open::create(
            walk,
            &place,
            NewFile {
                mode,
                ..NewFile::default()
            },
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
