//! eventfd(2) and signalfd(2). The files are `vfs/eventfd.rs` and `fs/signalfd.rs`.

use core::any::Any;

use linux_raw_sys::general::{EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE};

use crate::abi::errno::{Errno, SysResult};
use crate::fs::signalfd;
use crate::fs::signalfd::SignalFd;
use crate::process::caller;
use crate::usercopy::UserPtr;
use crate::vfs::eventfd;
use crate::vfs::file::flags::{O_CLOEXEC, O_NONBLOCK};

/// eventfd(2) without flags, the older call.
pub fn eventfd(count: u32) -> SysResult {
    eventfd2(count, 0)
}

/// eventfd(2).
pub fn eventfd2(count: u32, flags: u32) -> SysResult {
    if flags & !(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE) != 0 {
        return Err(Errno::EINVAL);
    }
    let file = eventfd::new(count, flags)?;
    caller::install(file, flags & EFD_CLOEXEC != 0).map(|fd| fd as usize)
}

/// signalfd(2) without flags, the older call.
pub fn signalfd(fd: i32, mask: UserPtr<u64>, size: usize) -> SysResult {
    signalfd4(fd, mask, size, 0)
}

/// signalfd(2): a new descriptor, or a new mask for `fd`. The flags have the values of open(2)'s.
pub fn signalfd4(fd: i32, mask: UserPtr<u64>, size: usize, flags: u32) -> SysResult {
    if size != size_of::<u64>() {
        return Err(Errno::EINVAL);
    }
    let mask = mask.read()?;
    if flags & !(O_CLOEXEC | O_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    if fd == -1 {
        let file = signalfd::new(mask, flags)?;
        return caller::install(file, flags & O_CLOEXEC != 0).map(|fd| fd as usize);
    }
    let file = caller::file(fd)?;
    let ops: &dyn Any = &**file.ops();
    let signals: &SignalFd = ops.downcast_ref().ok_or(Errno::EINVAL)?;
    signals.set_mask(mask);
    Ok(fd as usize)
}
