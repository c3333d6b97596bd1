//! What a descriptor is asked besides bytes: fcntl, ioctl, flock.
//!
//! Left out: locks of any kind are granted and never conflict; leases, notification, O_ASYNC's
//! signals.

use linux_raw_sys::general as linux;
use linux_raw_sys::ioctl;

use super::errno::{Errno, SysResult};
use crate::fs::file::File;
use crate::fs::file::flags::O_NONBLOCK;
use crate::fs::inode::mode;
use crate::fs::{caller, pipe};
use crate::usercopy::UserPtr;

/// F_GETLK64, F_SETLK64 and F_SETLKW64 of i386.
const F_GETLK64: u32 = 12;
const F_SETLK64: u32 = 13;
const F_SETLKW64: u32 = 14;

/// fcntl(2); fcntl64(2) of i386 too. `argument` is a number or an address.
pub fn fcntl(fd: i32, command: u32, argument: u64) -> SysResult {
    let file = caller::with_files(|files| files.get_any(fd))?;
    let on_descriptor = matches!(
        command,
        linux::F_DUPFD | linux::F_DUPFD_CLOEXEC | linux::F_GETFD | linux::F_SETFD | linux::F_GETFL
    );
    if file.is_path() && !on_descriptor {
        return Err(Errno::EBADF);
    }
    match command {
        linux::F_DUPFD | linux::F_DUPFD_CLOEXEC => {
            let limit = caller::descriptor_limit();
            let from = usize::try_from(argument as u32)
                .ok()
                .filter(|from| *from < limit);
            let from = from.ok_or(Errno::EINVAL)?;
            let close_on_exec = command == linux::F_DUPFD_CLOEXEC;
            caller::with_files(|files| files.insert(file, close_on_exec, from, limit))
                .map(|fd| fd as usize)
        }
        linux::F_GETFD => caller::with_files(|files| files.is_close_on_exec(fd)).map(usize::from),
        linux::F_SETFD => {
            let on = argument & u64::from(linux::FD_CLOEXEC) != 0;
            caller::with_files(|files| files.set_close_on_exec(fd, on)).map(|()| 0)
        }
        linux::F_GETFL => Ok(file.flags() as usize),
        linux::F_SETFL => {
            file.set_flags(argument as u32);
            Ok(0)
        }
        linux::F_GETLK | F_GETLK64 | linux::F_OFD_GETLK => {
            lock_kind(argument)?;
            // Nobody holds a lock that would stand in the way.
            UserPtr::<u16>::new(argument)
                .write(linux::F_UNLCK as u16)
                .map(|()| 0)
        }
        linux::F_SETLK
        | linux::F_SETLKW
        | F_SETLK64
        | F_SETLKW64
        | linux::F_OFD_SETLK
        | linux::F_OFD_SETLKW => {
            let kind = lock_kind(argument)?;
            let allowed = match kind {
                linux::F_RDLCK => file.is_readable(),
                linux::F_WRLCK => file.is_writable(),
                _ => true,
            };
            if allowed { Ok(0) } else { Err(Errno::EBADF) }
        }
        linux::F_GETPIPE_SZ => pipe::size(&file),
        linux::F_SETPIPE_SZ => pipe::set_size(&file, argument),
        linux::F_SETOWN | linux::F_SETSIG => Ok(0),
        linux::F_GETOWN | linux::F_GETSIG => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

/// The kind of a `struct flock`: its first field in every layout.
fn lock_kind(address: u64) -> Result<u32, Errno> {
    let kind = u32::from(UserPtr::<u16>::new(address).read()?);
    match kind {
        linux::F_RDLCK | linux::F_WRLCK | linux::F_UNLCK => Ok(kind),
        _ => Err(Errno::EINVAL),
    }
}

/// flock(2).
pub fn flock(fd: i32, operation: u32) -> SysResult {
    caller::file(fd)?;
    match operation & !linux::LOCK_NB {
        linux::LOCK_SH | linux::LOCK_EX | linux::LOCK_UN => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

/// ioctl(2): what any file knows, then the file's own.
pub fn ioctl(fd: i32, request: u32, argument: u64) -> SysResult {
    let file = caller::file(fd)?;
    match request {
        ioctl::FIOCLEX | ioctl::FIONCLEX => {
            let on = request == ioctl::FIOCLEX;
            caller::with_files(|files| files.set_close_on_exec(fd, on)).map(|()| 0)
        }
        ioctl::FIONBIO => {
            let on = UserPtr::<i32>::new(argument).read()? != 0;
            let flags = file.flags() & !O_NONBLOCK;
            file.set_flags(if on { flags | O_NONBLOCK } else { flags });
            Ok(0)
        }
        ioctl::FIONREAD if file.inode().kind() == mode::S_IFREG => {
            let left = file.inode().metadata().size.saturating_sub(file.offset());
            let left = i32::try_from(left).unwrap_or(i32::MAX);
            UserPtr::<i32>::new(argument).write(left).map(|()| 0)
        }
        _ => device(&file, request, argument),
    }
}

fn device(file: &File, request: u32, argument: u64) -> SysResult {
    file.ops().ioctl(request, argument)
}
