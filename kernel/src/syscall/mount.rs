//! mount(2), umount2(2), pivot_root(2), and the queries ustat(2) and sysfs(2).
//!
//! Left out: mount propagation (changes are accepted without effect), expiry (MNT_EXPIRE), and the
//! calls on mount descriptors (`ENOSYS`): fsopen(2), move_mount(2), open_tree(2).

use alloc::vec::Vec;

use linux_raw_sys::general::{
    AT_FDCWD, MNT_DETACH, MNT_EXPIRE, MNT_FORCE, MS_BIND, MS_MOVE, MS_NOATIME, MS_PRIVATE, MS_REC,
    MS_RELATIME, MS_REMOUNT, MS_SHARED, MS_SLAVE, MS_STRICTATIME, MS_UNBINDABLE, UMOUNT_NOFOLLOW,
};

use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::{Device, mode};
use crate::mm::PAGE_SIZE;
use crate::mm::fallible;
use crate::process;
use crate::process::caller;
use crate::process::capability::require;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::usercopy::UserPtr;
use crate::vfs::dentry::Location;
use crate::vfs::mount as table;
use crate::vfs::mount::MountFlags;
use crate::vfs::path;

/// Reads an optional string; `None` for NULL.
fn optional_text(at: UserPath) -> Result<Option<Vec<u8>>, Errno> {
    if at.is_null() {
        Ok(None)
    } else {
        let text = user_path::read(at)?;
        fallible::to_vec(&text).map(Some)
    }
}

/// Reads mount(2)'s options: a string of up to a page, empty for NULL.
fn options(at: UserPtr<u8>) -> Result<Vec<u8>, Errno> {
    if at.is_null() {
        return Ok(Vec::new());
    }
    at.read_cstr(PAGE_SIZE as usize)
        .map_err(|errno| match errno {
            Errno::ENAMETOOLONG => Errno::EINVAL,
            errno => errno,
        })
}

/// mount(2).
pub fn mount(
    source: UserPath,
    target: UserPath,
    kind: UserPath,
    flags: u64,
    data: UserPtr<u8>,
) -> SysResult {
    const PROPAGATION: u32 = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
    /// MS_MGC_VAL, which old programs pass in the upper half of the flags.
    const MAGIC: u32 = 0xc0ed_0000;
    let (kind, source) = (optional_text(kind)?, optional_text(source)?);
    let data = options(data)?;
    let point = user_path::locate(AT_FDCWD, target, true)?;
    require(Caps::SYS_ADMIN)?;
    let mut flags = flags as u32;
    if flags & 0xffff_0000 == MAGIC {
        flags &= 0xffff;
    }
    if flags & MS_REMOUNT != 0 {
        return remount(&point, flags, &data);
    }
    let from = |source: Option<Vec<u8>>| {
        let source = source.filter(|s| !s.is_empty()).ok_or(Errno::EINVAL)?;
        caller::walk_at(AT_FDCWD, &source, |walk, _| walk.file(&source, true))
    };
    if flags & MS_BIND != 0 {
        table::bind(&from(source)?, point, flags & MS_REC != 0)?;
        return Ok(0);
    }
    if flags & PROPAGATION != 0 {
        return Ok(0);
    }
    if flags & MS_MOVE != 0 {
        return table::move_to(&from(source)?, point).map(|()| 0);
    }
    let fs = table::make(&kind.ok_or(Errno::EINVAL)?, &data)?;
    let source = fallible::lossy(source.as_deref().unwrap_or(b"none"))?;
    table::add(point, fs, source, MountFlags::of(flags)).map(|_| 0)
}

/// Changes flags and options of the mount at `point`; with MS_BIND only the flags.
fn remount(point: &Location, flags: u32, data: &[u8]) -> SysResult {
    const ATIME: u32 = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;
    let mount = &point.mount;
    if !point.is(&mount.root()) {
        return Err(Errno::EINVAL);
    }
    if flags & MS_BIND == 0 {
        mount.fs().remount(data)?;
    }
    let mut new = MountFlags::of(flags);
    if flags & ATIME == 0 {
        let kept = MountFlags::NO_ATIME | MountFlags::RELATIME;
        new = (new - kept) | (mount.flags() & kept);
    }
    mount.set_flags(new).map(|()| 0)
}

/// umount2(2).
pub fn umount2(target: UserPath, flags: u32) -> SysResult {
    if flags & !(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW) != 0 {
        return Err(Errno::EINVAL);
    }
    let location = user_path::locate(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW == 0)?;
    require(Caps::SYS_ADMIN)?;
    table::remove(&location, flags & MNT_DETACH != 0).map(|()| 0)
}

/// umount(2), i386: without flags.
pub fn umount(target: UserPath) -> SysResult {
    umount2(target, 0)
}

/// pivot_root(2). Each process whose root or working directory is the old root gets the new one.
pub fn pivot_root(new_root: UserPath, put_old: UserPath) -> SysResult {
    require(Caps::SYS_ADMIN)?;
    let new = user_path::locate(AT_FDCWD, new_root, true)?;
    let put_old = user_path::locate(AT_FDCWD, put_old, true)?;
    if [&new, &put_old]
        .iter()
        .any(|place| place.inode().kind() != mode::S_IFDIR)
    {
        return Err(Errno::ENOTDIR);
    }
    let old = caller::context().root;
    table::pivot_root(&old, &new, put_old)?;
    for process in process::table::all_processes() {
        let mut fs = process.fs.lock();
        let path::FsContext { root, cwd, .. } = &mut *fs;
        for place in [root, cwd] {
            if place.is(&old) {
                *place = new.clone();
            }
        }
    }
    Ok(0)
}

/// Free pages and free inodes of the file system with this device number, for ustat(2).
fn free_of(device: u32) -> Result<(u64, u64), Errno> {
    let device = Device::decode(device);
    let mount = table::all()
        .find(|mount| mount.root().inode().metadata().dev == device)
        .ok_or(Errno::EINVAL)?;
    let numbers = mount.fs().statistics();
    Ok((numbers.free, numbers.files_free))
}

/// ustat(2): 32 bytes; free blocks (4 bytes), free files (8 bytes), two empty names.
pub fn ustat(device: u32, out: UserPtr<[u64; 4]>) -> SysResult {
    let (blocks, files) = free_of(device)?;
    out.write([u64::from(blocks as u32), files, 0, 0])
        .map(|()| 0)
}

/// ustat(2), i386: 20 bytes.
pub fn ustat32(device: u32, out: UserPtr<[u32; 5]>) -> SysResult {
    let (blocks, files) = free_of(device)?;
    out.write([blocks as u32, files as u32, 0, 0, 0])
        .map(|()| 0)
}

/// sysfs(2): the number of a file system type (1), the name of a number (2), how many types exist
/// (3).
pub fn sysfs(option: i32, first: u64, second: u64) -> SysResult {
    match option {
        1 => {
            let name = user_path::read(UserPtr::new(first))?;
            let index = table::kinds()
                .iter()
                .position(|kind| kind.name.as_bytes() == &*name);
            index.ok_or(Errno::EINVAL)
        }
        2 => {
            let index = usize::try_from(first as u32).map_err(|_| Errno::EINVAL)?;
            let name = table::kinds().get(index).ok_or(Errno::EINVAL)?.name;
            let out = UserPtr::<u8>::new(second);
            out.write_slice(name.as_bytes())?;
            out.add(name.len()).write(0).map(|()| 0)
        }
        3 => Ok(table::kinds().len()),
        _ => Err(Errno::EINVAL),
    }
}
