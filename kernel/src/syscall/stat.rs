//! File status: stat(2) in all its layouts, and statx(2).
//!
//! The structures are written as arrays of words.

use linux_raw_sys::general::{
    AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_STATX_DONT_SYNC, AT_STATX_FORCE_SYNC,
    AT_SYMLINK_NOFOLLOW, STATX__RESERVED, STATX_ATTR_MOUNT_ROOT, STATX_BASIC_STATS, STATX_BTIME,
    STATX_MNT_ID,
};

use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::{Device, Metadata, Time};
use crate::mm::PAGE_SIZE;
use crate::process::caller;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::usercopy::UserPtr;

/// `struct stat` of x86_64: 18 words.
pub type Stat = [u64; 18];
/// `struct stat64` of i386: 24 words of 32 bits, with 8-byte fields aligned to four bytes.
pub type Stat64 = [u32; 24];
/// `struct stat` of i386, older than `struct stat64`: 16 words of 32 bits, some of them two fields.
pub type OldStat = [u32; 16];
/// `struct __old_kernel_stat` of i386: eight words of 32 bits, the first four of two fields each.
pub type FirstStat = [u32; 8];
/// `struct statx`: 32 words.
pub type Statx = UserPtr<[u64; 32]>;

/// Flags of all the calls.
const STAT_FLAGS: u32 = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;

/// Preferred block size in bytes (st_blksize).
const BLOCK: u64 = PAGE_SIZE;

/// `struct stat` in user memory, in one of its layouts.
pub trait Layout: Sized {
    /// Writes the structure.
    ///
    /// # Errors
    /// `EFAULT`; `EOVERFLOW` for a value that doesn't fit its field.
    fn write(out: UserPtr<Self>, m: &Metadata) -> Result<(), Errno>;
}

impl Layout for Stat {
    fn write(out: UserPtr<Self>, m: &Metadata) -> Result<(), Errno> {
        let time = |time: Time| [time.sec as u64, time.nsec.into()];
        let ([atime, atime_ns], [mtime, mtime_ns], [ctime, ctime_ns]) =
            (time(m.atime), time(m.mtime), time(m.ctime));
        out.write([
            m.dev.encode().into(),
            m.ino,
            m.nlink.into(),
            u64::from(m.mode) | u64::from(m.uid) << 32,
            m.gid.into(),
            m.rdev.encode().into(),
            m.size,
            BLOCK,
            m.blocks,
            atime,
            atime_ns,
            mtime,
            mtime_ns,
            ctime,
            ctime_ns,
            0,
            0,
            0,
        ])
    }
}

impl Layout for Stat64 {
    fn write(out: UserPtr<Self>, m: &Metadata) -> Result<(), Errno> {
        let (low, high) = (|word: u64| word as u32, |word: u64| (word >> 32) as u32);
        out.write([
            m.dev.encode(),
            0,
            0,
            low(m.ino),
            m.mode,
            m.nlink,
            m.uid,
            m.gid,
            m.rdev.encode(),
            0,
            0,
            low(m.size),
            high(m.size),
            BLOCK as u32,
            low(m.blocks),
            high(m.blocks),
            m.atime.sec as u32,
            m.atime.nsec,
            m.mtime.sec as u32,
            m.mtime.nsec,
            m.ctime.sec as u32,
            m.ctime.nsec,
            low(m.ino),
            high(m.ino),
        ])
    }
}

impl Layout for OldStat {
    fn write(out: UserPtr<Self>, m: &Metadata) -> Result<(), Errno> {
        let device = |device: Device| {
            let fits = device.major < 256 && device.minor < 256;
            if fits {
                Ok(device.major << 8 | device.minor)
            } else {
                Err(Errno::EOVERFLOW)
            }
        };
        let size = i32::try_from(m.size).map_err(|_| Errno::EOVERFLOW)? as u32;
        let ino = u32::try_from(m.ino).map_err(|_| Errno::EOVERFLOW)?;
        let nlink = u16::try_from(m.nlink).map_err(|_| Errno::EOVERFLOW)?;
        out.write([
            device(m.dev)?,
            ino,
            m.mode & 0xffff | u32::from(nlink) << 16,
            narrow_id(m.uid) | narrow_id(m.gid) << 16,
            device(m.rdev)?,
            size,
            BLOCK as u32,
            m.blocks as u32,
            m.atime.sec as u32,
            m.atime.nsec,
            m.mtime.sec as u32,
            m.mtime.nsec,
            m.ctime.sec as u32,
            m.ctime.nsec,
            0,
            0,
        ])
    }
}

impl Layout for FirstStat {
    /// Devices and the size are truncated.
    fn write(out: UserPtr<Self>, m: &Metadata) -> Result<(), Errno> {
        let device = |device: Device| device.major << 8 & 0xff00 | device.minor & 0xff;
        let two = |low: u32, high: u32| low & 0xffff | high << 16;
        let ino = u16::try_from(m.ino).map_err(|_| Errno::EOVERFLOW)?;
        let nlink = u16::try_from(m.nlink).map_err(|_| Errno::EOVERFLOW)?;
        out.write([
            two(device(m.dev), ino.into()),
            two(m.mode, nlink.into()),
            two(narrow_id(m.uid), narrow_id(m.gid)),
            device(m.rdev),
            m.size as u32,
            m.atime.sec as u32,
            m.mtime.sec as u32,
            m.ctime.sec as u32,
        ])
    }
}

/// 16-bit user or group ID: an ID above 65535 is reported as the overflow ID (fs.overflowuid).
fn narrow_id(id: u32) -> u32 {
    u16::try_from(id).unwrap_or(65534).into()
}

fn metadata_of_fd(fd: i32) -> Result<Metadata, Errno> {
    caller::with_files(|files| files.get_any(fd)).map(|file| file.inode().metadata())
}

fn metadata_of_path(dirfd: i32, path: UserPath, flags: u32) -> Result<Metadata, Errno> {
    if flags & !STAT_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    user_path::locate_at(dirfd, path, flags).map(|location| location.inode().metadata())
}

/// stat(2), and its forms of i386: oldstat(2), stat64(2).
pub fn stat<L: Layout>(path: UserPath, out: UserPtr<L>) -> SysResult {
    L::write(out, &metadata_of_path(AT_FDCWD, path, 0)?).map(|()| 0)
}

/// lstat(2), and its forms of i386: oldlstat(2), lstat64(2).
pub fn lstat<L: Layout>(path: UserPath, out: UserPtr<L>) -> SysResult {
    L::write(out, &metadata_of_path(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW)?).map(|()| 0)
}

/// fstat(2), and its forms of i386: oldfstat(2), fstat64(2).
pub fn fstat<L: Layout>(fd: i32, out: UserPtr<L>) -> SysResult {
    L::write(out, &metadata_of_fd(fd)?).map(|()| 0)
}

/// newfstatat(2), and i386's fstatat64(2).
pub fn newfstatat<L: Layout>(dirfd: i32, path: UserPath, out: UserPtr<L>, flags: u32) -> SysResult {
    L::write(out, &metadata_of_path(dirfd, path, flags)?).map(|()| 0)
}

/// statx(2): the layout is the same in both tables.
pub fn statx(dirfd: i32, path: UserPath, flags: u32, mask: u32, out: Statx) -> SysResult {
    const SYNC: u32 = AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC;
    /// The only supported attribute: the file is the root of a mount.
    const ROOT: u64 = STATX_ATTR_MOUNT_ROOT as u64;
    if mask & STATX__RESERVED != 0 || flags & SYNC == SYNC {
        return Err(Errno::EINVAL);
    }
    let flags = flags & !SYNC;
    if flags & !STAT_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let location = user_path::locate_at(dirfd, path, flags)?;
    let m = location.inode().metadata();
    let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let mut words = [0; 32];
    let known = STATX_BASIC_STATS | STATX_BTIME | mask & STATX_MNT_ID;
    words[0] = two(known, BLOCK as u32);
    let is_root = location.is(&location.mount.root());
    words[1] = if is_root { ROOT } else { 0 };
    words[7] = ROOT;
    words[2] = two(m.nlink, m.uid);
    words[3] = two(m.gid, m.mode);
    words[4] = m.ino;
    words[5] = m.size;
    words[6] = m.blocks;
    for (at, time) in [(8, m.atime), (10, m.btime), (12, m.ctime), (14, m.mtime)] {
        words[at] = time.sec as u64;
        words[at + 1] = time.nsec.into();
    }
    words[18] = location.mount.id.into();
    words[16] = two(m.rdev.major, m.rdev.minor);
    words[17] = two(m.dev.major, m.dev.minor);
    out.write(words).map(|()| 0)
}
