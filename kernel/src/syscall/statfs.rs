//! File system status: statfs(2) and fstatfs(2) in all their layouts.

use alloc::sync::Arc;

use linux_raw_sys::general::AT_FDCWD;

use crate::abi::errno::{Errno, SysResult};
use crate::mm::PAGE_SIZE;
use crate::process::caller;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::usercopy::UserPtr;
use crate::vfs::mount::{Mount, MountFlags};
use crate::vfs::path::NAME_MAX;

/// `struct statfs` of x86_64, 15 words: the numbers, fsid, name length, fragment size, flags.
pub type Statfs = [u64; 15];
/// `struct statfs` of i386, 16 words of 32 bits, of which the fsid takes two.
pub type Statfs32 = [u32; 16];
/// `struct statfs64` of i386, packed, 21 words of 32 bits: type, block size, five numbers of 8
/// bytes, fsid, name length, fragment size, flags.
pub type Statfs64 = [u32; 21];

/// Common numbers of the statfs structures, in their order: type, block size, blocks, free blocks,
/// free blocks for users, files, free files.
fn statistics(mount: &Mount) -> [u64; 7] {
    let s = mount.fs().statistics();
    [
        s.magic.into(),
        PAGE_SIZE,
        s.blocks,
        s.free,
        s.free,
        s.files,
        s.files_free,
    ]
}

/// Flags of a mount as `ST_*` (include/linux/statfs.h): mount(2)'s values, except ST_RELATIME, and
/// ST_VALID, which is always set.
fn flags(mount: &Mount) -> u64 {
    const VALID: u32 = 0x20;
    const RELATIME: u32 = 0x1000;
    let flags = mount.flags();
    let relatime = flags.contains(MountFlags::RELATIME);
    let same = (flags - MountFlags::RELATIME).bits();
    (VALID | same | if relatime { RELATIME } else { 0 }).into()
}

fn mount_of_fd(fd: i32) -> Result<Arc<Mount>, Errno> {
    caller::with_files(|files| files.get_any(fd)).map(|file| file.location().mount.clone())
}

/// `struct statfs` in user memory, in one of its layouts.
pub trait Layout: Sized {
    /// Writes the structure.
    ///
    /// # Errors
    /// `EFAULT`; `EOVERFLOW` for a number that doesn't fit its field.
    fn write(out: UserPtr<Self>, mount: &Mount) -> Result<(), Errno>;
}

impl Layout for Statfs {
    fn write(out: UserPtr<Self>, mount: &Mount) -> Result<(), Errno> {
        let mut words = [0; 15];
        words[..7].copy_from_slice(&statistics(mount));
        (words[8], words[9], words[10]) = (NAME_MAX as u64, PAGE_SIZE, flags(mount));
        out.write(words)
    }
}

impl Layout for Statfs32 {
    fn write(out: UserPtr<Self>, mount: &Mount) -> Result<(), Errno> {
        let mut words = [0; 16];
        for (word, number) in words.iter_mut().zip(statistics(mount)) {
            *word = u32::try_from(number).map_err(|_| Errno::EOVERFLOW)?;
        }
        (words[9], words[10], words[11]) = (NAME_MAX as u32, PAGE_SIZE as u32, flags(mount) as u32);
        out.write(words)
    }
}

impl Layout for Statfs64 {
    fn write(out: UserPtr<Self>, mount: &Mount) -> Result<(), Errno> {
        let mut words = [0; 21];
        let all = statistics(mount);
        (words[0], words[1]) = (all[0] as u32, all[1] as u32);
        for (index, number) in all[2..].iter().enumerate() {
            words[2 + index * 2] = *number as u32;
            words[3 + index * 2] = (*number >> 32) as u32;
        }
        (words[14], words[15], words[16]) =
            (NAME_MAX as u32, PAGE_SIZE as u32, flags(mount) as u32);
        out.write(words)
    }
}

/// Checks the size that a program passes for a [`Statfs64`].
///
/// # Errors
/// `EINVAL`.
fn check_statfs64(size: usize) -> Result<(), Errno> {
    // A C library that aligns 8-byte fields to 8 bytes passes 88.
    if size == 84 || size == 88 {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// statfs(2).
pub fn statfs<L: Layout>(path: UserPath, out: UserPtr<L>) -> SysResult {
    L::write(out, &user_path::locate(AT_FDCWD, path, true)?.mount).map(|()| 0)
}

/// fstatfs(2).
pub fn fstatfs<L: Layout>(fd: i32, out: UserPtr<L>) -> SysResult {
    L::write(out, &*mount_of_fd(fd)?).map(|()| 0)
}

/// statfs64(2), i386.
pub fn statfs64(path: UserPath, size: usize, out: UserPtr<Statfs64>) -> SysResult {
    check_statfs64(size)?;
    statfs(path, out)
}

/// fstatfs64(2), i386.
pub fn fstatfs64(fd: i32, size: usize, out: UserPtr<Statfs64>) -> SysResult {
    check_statfs64(size)?;
    fstatfs(fd, out)
}
