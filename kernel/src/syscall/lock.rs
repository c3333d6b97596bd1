//! File locks: fcntl(2)'s record locks, and flock(2). The rules are in `vfs/lock/`.
//!
//! `struct flock` has three layouts: x86_64's, i386's with 32-bit offsets, and i386's `struct
//! flock64`, which is packed.

use core::sync::atomic::Ordering;

use linux_raw_sys::general as linux;

use crate::abi::errno::{Errno, SysResult};
use crate::process::caller;
use crate::process::current;
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::lock as table;
use crate::vfs::lock::posix::{self, Wanted};
use crate::vfs::lock::record::{LAST, Range};
use crate::vfs::lock::{Held, Owner};

/// i386's F_GETLK with 64-bit offsets; undefined on x86_64.
pub const F_GETLK64: u32 = 12;
/// i386's F_SETLK with 64-bit offsets.
pub const F_SETLK64: u32 = 13;
/// i386's F_SETLKW with 64-bit offsets.
pub const F_SETLKW64: u32 = 14;

/// Fields of a `struct flock` of any layout.
#[derive(Clone, Copy)]
struct Flock {
    kind: u32,
    whence: u32,
    start: i64,
    len: i64,
    pid: i32,
}

/// Layout of a `struct flock`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// x86_64: 32 bytes.
    Wide,
    /// i386: 16 bytes.
    Narrow,
    /// i386's `struct flock64`: 24 bytes.
    Packed,
}

impl Layout {
    fn of(command: u32) -> Result<Self, Errno> {
        let is_64 = matches!(command, F_GETLK64..=F_SETLKW64);
        match (current().is_i386_call(), is_64) {
            (false, true) => Err(Errno::EINVAL),
            (false, false) => Ok(Self::Wide),
            (true, false) if command < F_GETLK64 => Ok(Self::Narrow),
            (true, _) => Ok(Self::Packed),
        }
    }

    fn read(self, at: u64) -> Result<Flock, Errno> {
        // Type and whence are two bytes each in every layout.
        let head = |word: u32| (word & 0xffff, word >> 16);
        let wide = |low: u32, high: u32| i64::from(low) | i64::from(high) << 32;
        Ok(match self {
            Self::Wide => {
                let [first, start, len, pid] = UserPtr::<[u64; 4]>::new(at).read()?;
                let (kind, whence) = head(first as u32);
                Flock {
                    kind,
                    whence,
                    start: start as i64,
                    len: len as i64,
                    pid: pid as i32,
                }
            }
            Self::Narrow => {
                let [first, start, len, pid] = UserPtr::<[u32; 4]>::new(at).read()?;
                let (kind, whence) = head(first);
                Flock {
                    kind,
                    whence,
                    start: (start as i32).into(),
                    len: (len as i32).into(),
                    pid: pid as i32,
                }
            }
            Self::Packed => {
                let [first, s0, s1, l0, l1, pid] = UserPtr::<[u32; 6]>::new(at).read()?;
                let (kind, whence) = head(first);
                Flock {
                    kind,
                    whence,
                    start: wide(s0, s1),
                    len: wide(l0, l1),
                    pid: pid as i32,
                }
            }
        })
    }

    fn write(self, at: u64, lock: &Flock) -> Result<(), Errno> {
        let head = lock.kind & 0xffff | lock.whence << 16;
        let pid = lock.pid as u32;
        let (start, len) = (lock.start as u64, lock.len as u64);
        match self {
            Self::Wide => UserPtr::new(at).write([head.into(), start, len, u64::from(pid)]),
            Self::Narrow => {
                let start = i32::try_from(lock.start).map_err(|_| Errno::EOVERFLOW)?;
                // A length that does not fit becomes 0: to the end of the file.
                let len = i32::try_from(lock.len).unwrap_or(0);
                UserPtr::new(at).write([head, start as u32, len as u32, pid])
            }
            Self::Packed => {
                let halves = |word: u64| [word as u32, (word >> 32) as u32];
                let ([s0, s1], [l0, l1]) = (halves(start), halves(len));
                UserPtr::new(at).write([head, s0, s1, l0, l1, pid])
            }
        }
    }
}

/// Byte range of a `struct flock` (flock64_to_posix_lock in fs/locks.c).
fn range(file: &File, lock: &Flock) -> Result<Range, Errno> {
    let base = match lock.whence {
        linux::SEEK_SET => 0,
        linux::SEEK_CUR => file.offset() as i64,
        linux::SEEK_END => file.inode().metadata().size as i64,
        _ => return Err(Errno::EINVAL),
    };
    let start = base.checked_add(lock.start).ok_or(Errno::EOVERFLOW)?;
    if start < 0 {
        return Err(Errno::EINVAL);
    }
    let (start, end) = match lock.len {
        0 => (start, LAST as i64),
        // A negative length: the bytes before the start.
        len @ ..0 => (start.checked_add(len).ok_or(Errno::EINVAL)?, start - 1),
        len => (start, start.checked_add(len - 1).ok_or(Errno::EOVERFLOW)?),
    };
    if start < 0 {
        return Err(Errno::EINVAL);
    }
    let (start, end) = (start as u64, end as u64);
    Ok(Range { start, end })
}

/// fcntl(2)'s F_GETLK, F_SETLK and F_SETLKW, with their variants for open file descriptions
/// (F_OFD_*) and i386's 64-bit offsets.
pub fn fcntl(file: &File, fd: i32, command: u32, address: u64) -> SysResult {
    let layout = Layout::of(command)?;
    let lock = layout.read(address)?;
    let of_file = matches!(
        command,
        linux::F_OFD_GETLK | linux::F_OFD_SETLK | linux::F_OFD_SETLKW
    );
    let asks = matches!(command, linux::F_GETLK | F_GETLK64 | linux::F_OFD_GETLK);
    if !matches!(lock.kind, linux::F_RDLCK | linux::F_WRLCK)
        && (asks || lock.kind != linux::F_UNLCK)
    {
        return Err(Errno::EINVAL);
    }
    let range = range(file, &lock)?;
    if of_file && lock.pid != 0 {
        return Err(Errno::EINVAL);
    }
    let owner = if of_file {
        Owner::File(file.lock_owner())
    } else {
        caller::with_files(|files| files.lock_owner())
    };
    let wanted = Wanted {
        range,
        exclusive: lock.kind == linux::F_WRLCK,
        owner,
        pid: current().process.pid,
    };
    if asks {
        return write_conflict(
            layout,
            address,
            &lock,
            posix::conflict(file.inode(), &wanted),
        );
    }
    let result = set(file, fd, &lock, &wanted, command);
    if of_file {
        let bytes = table::record_bytes(file.inode(), owner);
        file.record_lock_bytes.store(bytes, Ordering::Relaxed);
    }
    result.map(|()| 0)
}

/// Sets or releases a lock.
fn set(file: &File, fd: i32, lock: &Flock, wanted: &Wanted, command: u32) -> Result<(), Errno> {
    let (range, owner) = (wanted.range, wanted.owner);
    match lock.kind {
        linux::F_UNLCK => posix::unlock(file.inode(), range, owner)?,
        linux::F_RDLCK if !file.is_readable() => return Err(Errno::EBADF),
        linux::F_WRLCK if !file.is_writable() => return Err(Errno::EBADF),
        _ => {
            let wait = matches!(command, linux::F_SETLKW | F_SETLKW64 | linux::F_OFD_SETLKW);
            posix::lock(file.inode(), wanted, wait)?;
            // Another thread may have closed the descriptor meanwhile: no later close would release
            // the lock.
            let closed = || caller::with_files(|files| files.get(fd).is_err());
            if matches!(owner, Owner::Table(_)) && closed() {
                table::release(file.inode(), owner);
                return Err(Errno::EBADF);
            }
        }
    }
    Ok(())
}

/// Writes F_GETLK's result: the conflicting lock, or F_UNLCK for none.
fn write_conflict(layout: Layout, address: u64, asked: &Flock, held: Option<Held>) -> SysResult {
    let answer = match held {
        None => Flock {
            kind: linux::F_UNLCK,
            ..*asked
        },
        Some(held) => Flock {
            kind: if held.exclusive {
                linux::F_WRLCK
            } else {
                linux::F_RDLCK
            },
            whence: linux::SEEK_SET,
            start: held.range.start as i64,
            len: match held.range.end {
                LAST => 0,
                end => (end - held.range.start + 1) as i64,
            },
            pid: held.pid.map_or(-1, |pid| pid as i32),
        },
    };
    layout.write(address, &answer).map(|()| 0)
}

/// flock(2).
pub fn flock(fd: i32, operation: u32) -> SysResult {
    let file = caller::file(fd)?;
    let wait = operation & linux::LOCK_NB == 0;
    let exclusive = match operation & !linux::LOCK_NB {
        linux::LOCK_UN => {
            table::flock::unlock(file.inode(), file.lock_owner());
            return Ok(0);
        }
        linux::LOCK_SH => false,
        linux::LOCK_EX => true,
        _ => return Err(Errno::EINVAL),
    };
    if !file.is_readable() && !file.is_writable() {
        return Err(Errno::EBADF);
    }
    let pid = current().process.pid;
    table::flock::lock(file.inode(), file.lock_owner(), exclusive, pid, wait).map(|()| 0)
}
