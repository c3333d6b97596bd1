//! fcntl(2) and ioctl(2). Locks are in `lock.rs`.
//!
//! Left out: leases and directory notification (`EINVAL`). O_ASYNC, F_SETOWN and F_SETSIG are
//! stored and returned, but no signal is sent.

use core::sync::atomic::Ordering;

use linux_raw_sys::general as linux;
use linux_raw_sys::ioctl;

use super::{lock, memfd, open};
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::mode;
use crate::abi::signal::NSIG;
use crate::process::caller;
use crate::process::capability::capable;
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::file::flags::{O_NOATIME, O_NONBLOCK};
use crate::vfs::{access, pipe};

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
            open::grow_for(|_| Ok(from))?;
            caller::with_files(|files| files.insert(&file, close_on_exec, from, limit))
                .map(|fd| fd as usize)
        }
        linux::F_GETFD => caller::with_files(|files| files.is_close_on_exec(fd)).map(usize::from),
        linux::F_SETFD => {
            let on = argument & u64::from(linux::FD_CLOEXEC) != 0;
            caller::with_files(|files| files.set_close_on_exec(fd, on)).map(|()| 0)
        }
        linux::F_GETFL => Ok(file.flags() as usize),
        linux::F_SETFL => {
            let gained = argument as u32 & !file.flags();
            let who = caller::credentials();
            if gained & O_NOATIME != 0 && !access::is_owner(&who, &file.inode().metadata()) {
                return Err(Errno::EPERM);
            }
            file.set_flags(argument as u32);
            Ok(0)
        }
        linux::F_GETLK
        | linux::F_SETLK
        | linux::F_SETLKW
        | linux::F_OFD_GETLK
        | linux::F_OFD_SETLK
        | linux::F_OFD_SETLKW
        | lock::F_GETLK64
        | lock::F_SETLK64
        | lock::F_SETLKW64 => lock::fcntl(&file, fd, command, argument),
        // The number of the process group would overflow.
        linux::F_SETOWN if argument as i32 == i32::MIN => Err(Errno::EINVAL),
        linux::F_SETOWN => {
            file.owner.store(argument as i32, Ordering::Relaxed);
            Ok(0)
        }
        linux::F_GET_SEALS => memfd::get_seals(&file),
        linux::F_ADD_SEALS => memfd::add_seals(&file, argument),
        linux::F_GETPIPE_SZ => pipe::size(&file),
        linux::F_SETPIPE_SZ => pipe::set_size(&file, argument, || capable(Caps::SYS_RESOURCE)),
        linux::F_GETOWN => Ok(file.owner.load(Ordering::Relaxed) as isize as usize),
        linux::F_SETOWN_EX => {
            let [kind, id] = UserPtr::<[i32; 2]>::new(argument).read()?;
            let owner = match kind as u32 {
                linux::F_OWNER_TID | linux::F_OWNER_PID => Some(id),
                linux::F_OWNER_PGRP => id.checked_neg(),
                _ => return Err(Errno::EINVAL),
            };
            let owner = owner.filter(|_| id >= 0).ok_or(Errno::ESRCH)?;
            file.owner.store(owner, Ordering::Relaxed);
            Ok(0)
        }
        linux::F_GETOWN_EX => {
            let (kind, id) = match file.owner.load(Ordering::Relaxed) {
                group @ ..0 => (linux::F_OWNER_PGRP, -group),
                pid => (linux::F_OWNER_PID, pid),
            };
            UserPtr::new(argument).write([kind as i32, id]).map(|()| 0)
        }
        linux::F_SETSIG if argument > u64::from(NSIG) => Err(Errno::EINVAL),
        linux::F_SETSIG => {
            file.signal.store(argument as u32, Ordering::Relaxed);
            Ok(0)
        }
        linux::F_GETSIG => Ok(file.signal.load(Ordering::Relaxed) as usize),
        // No file has a lease.
        linux::F_GETLEASE => Ok(linux::F_UNLCK as usize),
        _ => Err(Errno::EINVAL),
    }
}

/// ioctl(2): the requests of all files, then those of the file's type.
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
