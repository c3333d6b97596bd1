//! execve(2), execveat(2), exit(2), exit_group(2). fork(2) is in `clone.rs`, wait4(2) in `wait.rs`.

use linux_raw_sys::general::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW};

use super::argument::Word;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::mode;
use crate::mm::fallible::{self, TryPush, try_format};
use crate::process::arguments::Arguments;
use crate::process::caller;
use crate::process::elf::Executable;
use crate::process::exec;
use crate::process::exit;
use crate::process::status::ExitStatus;
use crate::syscall::user_path;
use crate::syscall::user_path::UserPath;
use crate::usercopy::UserPtr;

/// execveat(2): only check whether the file may be executed (since Linux 6.14).
const AT_EXECVE_CHECK: u32 = 0x10000;

/// exit(2): ends the calling thread only.
pub fn exit(code: i32) -> SysResult {
    exit::exit_thread(ExitStatus::Exited(code as u8))
}

/// exit_group(2).
pub fn exit_group(code: i32) -> SysResult {
    exit::exit_group(ExitStatus::Exited(code as u8))
}

/// execve(2).
pub fn execve<W: Word>(path: UserPath, argv: UserPtr<W>, envp: UserPtr<W>) -> SysResult {
    let path = user_path::read(path)?;
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    exec::execve(&path, Arguments::from_user(&path, argv, envp)?)?;
    Ok(0)
}

/// execveat(2).
pub fn execveat<W: Word>(
    dirfd: i32,
    user_path: UserPath,
    argv: UserPtr<W>,
    envp: UserPtr<W>,
    flags: u32,
) -> SysResult {
    let path = user_path::read(user_path)?;
    if path.is_empty() && flags & AT_EMPTY_PATH == 0 {
        return Err(Errno::ENOENT);
    }
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_EXECVE_CHECK) != 0 {
        return Err(Errno::EINVAL);
    }
    // The program's name (AT_EXECFN), by which an interpreter opens the file again.
    let by_descriptor = dirfd != AT_FDCWD && path.first() != Some(&b'/');
    let mut shown = fallible::to_vec(&path)?;
    if by_descriptor {
        shown = try_format!("/dev/fd/{dirfd}")?.into_bytes();
        if !path.is_empty() {
            shown.try_push(b'/')?;
            fallible::extend_from_slice(&mut shown, &path)?;
        }
    }
    let arguments = Arguments::from_user(&shown, argv, envp)?;
    let location = user_path::locate_at(dirfd, user_path, flags)?;
    if location.inode().kind() == mode::S_IFLNK {
        return Err(Errno::ELOOP);
    }
    if flags & AT_EXECVE_CHECK != 0 {
        return Executable::at(location).map(|_| 0);
    }
    // An interpreter can't open a script by a descriptor that the call closes.
    let closes = by_descriptor
        && caller::with_files(|files| files.is_close_on_exec(dirfd)).unwrap_or_default();
    exec::execve_file(location, &shown, arguments, !closes)?;
    Ok(0)
}
