//! Making, replacing and ending processes. Waiting for them is in `wait.rs`.

use alloc::format;
use alloc::vec::Vec;

use linux_raw_sys::general::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW};

use super::errno::{Errno, SysResult};
use super::paths;
use crate::fs::{self, inode::mode};
use crate::mm::frame;
use crate::mm::layout::STACK_LIMIT;
use crate::process::exec;
use crate::process::exit::{self, ExitStatus};
use crate::usercopy::{Pod, UserPtr};

/// Longest path (PATH_MAX, with its NUL).
const PATH_MAX: usize = 4096;
/// Most bytes of one argument string (MAX_ARG_STRLEN).
const STRING_MAX: usize = 32 * 4096;
/// Most argument strings; a stack full of empty ones.
const STRINGS_MAX: usize = 1 << 18;

/// Only say whether it could be started (since Linux 6.14).
const AT_EXECVE_CHECK: u32 = 0x10000;

/// exit(2): this thread alone.
pub fn exit(code: i32) -> SysResult {
    exit::exit_thread(ExitStatus::Exited(code as u8))
}

/// exit_group(2).
pub fn exit_group(code: i32) -> SysResult {
    exit::exit_group(ExitStatus::Exited(code as u8))
}

/// execve(2).
pub fn execve(path: UserPtr<u8>, argv: UserPtr<u64>, envp: UserPtr<u64>) -> SysResult {
    start(path, strings(argv)?, &strings(envp)?)
}

/// execve(2) with 32-bit pointers.
pub fn execve32(path: UserPtr<u8>, argv: UserPtr<u32>, envp: UserPtr<u32>) -> SysResult {
    start(path, strings(argv)?, &strings(envp)?)
}

fn start(path: UserPtr<u8>, args: Vec<Vec<u8>>, env: &[Vec<u8>]) -> SysResult {
    let path = path.read_cstr(PATH_MAX)?;
    exec::execve(&path, at_least_one(args), env)?;
    Ok(0)
}

/// A program always has an `argv[0]` (since Linux 5.18).
fn at_least_one(mut args: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if args.is_empty() {
        args.push(Vec::new());
    }
    args
}

/// execveat(2).
pub fn execveat(
    dirfd: i32,
    path: UserPtr<u8>,
    argv: UserPtr<u64>,
    envp: UserPtr<u64>,
    flags: u32,
) -> SysResult {
    start_at(dirfd, path, flags, strings(argv)?, &strings(envp)?)
}

/// execveat(2) with 32-bit pointers.
pub fn execveat32(
    dirfd: i32,
    path: UserPtr<u8>,
    argv: UserPtr<u32>,
    envp: UserPtr<u32>,
    flags: u32,
) -> SysResult {
    start_at(dirfd, path, flags, strings(argv)?, &strings(envp)?)
}

fn start_at(
    dirfd: i32,
    user_path: UserPtr<u8>,
    flags: u32,
    args: Vec<Vec<u8>>,
    env: &[Vec<u8>],
) -> SysResult {
    let path = paths::read(user_path)?;
    if path.is_empty() && flags & AT_EMPTY_PATH == 0 {
        return Err(Errno::ENOENT);
    }
    if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_EXECVE_CHECK) != 0 {
        return Err(Errno::EINVAL);
    }
    let location = paths::locate_at(dirfd, user_path, flags)?;
    if location.inode().kind() == mode::S_IFLNK {
        return Err(Errno::ELOOP);
    }
    if flags & AT_EXECVE_CHECK != 0 {
        return fs::open::executable(location).map(|_| 0);
    }
    // What the program is told to be: a name by which it can be opened again.
    let mut shown = path.to_vec();
    if dirfd != AT_FDCWD && path.first() != Some(&b'/') {
        shown = format!("/dev/fd/{dirfd}").into_bytes();
        if !path.is_empty() {
            shown.push(b'/');
            shown.extend_from_slice(&path);
        }
    }
    exec::execve_file(location, &shown, at_least_one(args), env)?;
    Ok(0)
}

/// The strings of a NULL-terminated array of pointers; a NULL array is an empty one.
fn strings<T: Pod + Into<u64>>(array: UserPtr<T>) -> Result<Vec<Vec<u8>>, Errno> {
    let mut strings = Vec::new();
    if array.is_null() {
        return Ok(strings);
    }
    let mut total = 0;
    for i in 0..STRINGS_MAX {
        let pointer: u64 = array.add(i).read()?.into();
        if pointer == 0 {
            return Ok(strings);
        }
        let text = UserPtr::<u8>::new(pointer)
            .read_cstr(STRING_MAX)
            .map_err(|errno| {
                if errno == Errno::ENAMETOOLONG {
                    Errno::E2BIG
                } else {
                    errno
                }
            })?;
        // The string, its NUL, and the pointer to it.
        total += text.len() + 1 + 8;
        if total > STACK_LIMIT as usize / 4 {
            return Err(Errno::E2BIG);
        }
        // A program decides how much the kernel holds here.
        if frame::is_low() || strings.try_reserve(1).is_err() {
            return Err(Errno::ENOMEM);
        }
        strings.push(text);
    }
    Err(Errno::E2BIG)
}
