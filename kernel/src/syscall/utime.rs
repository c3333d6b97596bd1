//! File times: utimensat(2), futimesat(2), utimes(2), utime(2), in every layout of a time.

use linux_raw_sys::general::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, UTIME_NOW, UTIME_OMIT};

use super::argument::Word;
use super::attr::of_fd;
use super::time::Pair;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::{Change, Time};
use crate::process::caller;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::usercopy::UserPtr;
use crate::vfs::access::{self, WRITE};
use crate::vfs::dentry::Location;

/// Access and modification time to set; `None` leaves a time unchanged.
type Times = [Option<Time>; 2];

/// Times from two `struct timespec`, seconds and nanoseconds each. `None` sets both to now, for
/// which write permission suffices.
///
/// # Errors
/// `EINVAL`.
fn from_timespecs(times: [(i64, i64); 2]) -> Result<Option<Times>, Errno> {
    if times.map(|(_, nsec)| nsec) == [i64::from(UTIME_NOW); 2] {
        return Ok(None);
    }
    let mut result = [None; 2];
    for (slot, (sec, nsec)) in result.iter_mut().zip(times) {
        *slot = match u32::try_from(nsec) {
            Ok(UTIME_NOW) => Some(crate::time::wall_clock()),
            Ok(UTIME_OMIT) => None,
            Ok(nsec @ 0..1_000_000_000) => Some(Time { sec, nsec }),
            _ => return Err(Errno::EINVAL),
        };
    }
    Ok(Some(result))
}

/// Times from two `struct timeval`, seconds and microseconds each, as [`from_timespecs`].
fn from_timevals(times: [(i64, i64); 2]) -> Result<Option<Times>, Errno> {
    if times.iter().any(|(_, usec)| !(0..1_000_000).contains(usec)) {
        return Err(Errno::EINVAL);
    }
    from_timespecs(times.map(|(sec, usec)| (sec, usec * 1000)))
}

/// Sets the times of a file; `None` sets both to now.
fn set_times(location: &Location, times: Option<Times>) -> SysResult {
    location.mount.check_writable()?;
    let who = caller::credentials();
    let metadata = location.inode().metadata();
    let now = crate::time::wall_clock();
    match times {
        Some(_) if !access::is_owner(&who, &metadata) => return Err(Errno::EPERM),
        None if !access::is_owner(&who, &metadata) => access::check(&who, &metadata, WRITE)?,
        _ => {}
    }
    let [atime, mtime] = times.unwrap_or([Some(now); 2]);
    location
        .change(&Change {
            atime,
            mtime,
            ..Change::default()
        })
        .map(|()| 0)
}

fn set_times_at(dirfd: i32, path: UserPath, times: Option<Times>, flags: u32) -> SysResult {
    // As on Linux, two UTIME_OMIT succeed without any check.
    if times == Some([None, None]) {
        return Ok(0);
    }
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    // Linux's extension for futimens(3): a NULL path is the file that `dirfd` is open on.
    let location = if path.is_null() && dirfd != AT_FDCWD {
        of_fd(dirfd)?
    } else {
        user_path::locate_at(dirfd, path, flags)?
    };
    set_times(&location, times)
}

/// utimensat(2).
pub fn utimensat<P: Pair>(
    dirfd: i32,
    path: UserPath,
    times: UserPtr<[P; 2]>,
    flags: u32,
) -> SysResult {
    let times = match times.read_opt()? {
        Some(times) => from_timespecs(times.map(P::both))?,
        None => None,
    };
    set_times_at(dirfd, path, times, flags)
}

/// futimesat(2).
pub fn futimesat<P: Pair>(dirfd: i32, path: UserPath, times: UserPtr<[P; 2]>) -> SysResult {
    let times = match times.read_opt()? {
        Some(times) => from_timevals(times.map(P::both))?,
        None => None,
    };
    set_times_at(dirfd, path, times, 0)
}

/// utimes(2).
pub fn utimes<P: Pair>(path: UserPath, times: UserPtr<[P; 2]>) -> SysResult {
    futimesat(AT_FDCWD, path, times)
}

/// utime(2): a struct utimbuf, two times in seconds.
pub fn utime<W: Word>(path: UserPath, times: UserPtr<[W; 2]>) -> SysResult {
    let times = match times.read_opt()? {
        Some(times) => from_timespecs(times.map(|sec| (sec.signed(), 0)))?,
        None => None,
    };
    set_times_at(AT_FDCWD, path, times, 0)
}
