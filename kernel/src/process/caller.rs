//! The calling process's file-system context: descriptors, root and working directory, credentials.
//!
//! While the kernel boots there is no caller; the root directory and root's credentials are used
//! then.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use linux_raw_sys::general::{
    AT_FDCWD, F_SEAL_FUTURE_WRITE, F_SEAL_WRITE, RLIMIT_FSIZE, RLIMIT_NOFILE,
};

use super::signal;
use super::{current, try_current};
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;
use crate::abi::resolve::Resolve;
use crate::abi::signal::{SIGPIPE, SIGXFSZ, SigInfo};
use crate::mm::fallible;
use crate::mm::layout::TASK_SIZE;
use crate::mm::{PAGE_SIZE, page_up};
use crate::vfs::chrdev;
use crate::vfs::dentry::Location;
use crate::vfs::fdtable::FdTable;
use crate::vfs::file::File;
use crate::vfs::mount::{self, MountFlags};
use crate::vfs::path::{FsContext, Walk};
use crate::vfs::writer::Writer;
use crate::vm::shared::SharedMemory;
use crate::vm::vma::PageSource;
use alloc::string::String;

/// The caller's root and working directory and umask.
pub fn context() -> FsContext {
    match try_current() {
        Some(task) => task.process.fs.lock().clone(),
        None => FsContext::root(),
    }
}

/// The caller's credentials.
pub fn credentials() -> Arc<Credentials> {
    try_current().map_or_else(Arc::default, |task| task.cred())
}

/// The caller as the writer of files.
pub struct Caller;

impl Writer for Caller {
    fn size_limit(&self) -> u64 {
        current().process.soft_limit(RLIMIT_FSIZE)
    }

    fn credentials(&self) -> Arc<Credentials> {
        current().cred()
    }

    fn too_large(&self) {
        raise(SIGXFSZ);
    }

    fn no_reader(&self) {
        raise(SIGPIPE);
    }
}

/// Sends the caller a signal. A standard one needs no memory to be queued.
fn raise(signo: u8) {
    let _ = signal::send_self(&SigInfo::user(signo));
}

/// Checks a new size of a file that the caller sets without a write.
///
/// # Errors
/// `EFBIG`, with SIGXFSZ.
pub fn check_size(size: u64) -> Result<(), Errno> {
    if size > Caller.size_limit() {
        Caller.too_large();
        return Err(Errno::EFBIG);
    }
    Ok(())
}

/// The caller's open file `fd`.
///
/// # Errors
/// `EBADF`.
pub fn file(fd: i32) -> Result<Arc<File>, Errno> {
    current().process.files.lock().lock().get(fd)
}

/// The caller's open file `fd`, including O_PATH files.
///
/// # Errors
/// `EBADF`.
#[inline(always)]
pub fn any_file(fd: i32) -> Result<Arc<File>, Errno> {
    current().process.files.lock().lock().get_any(fd)
}

/// Calls `f` with the caller's table of descriptors locked. Files that `f` removes must be dropped
/// after it returns: closing a file may do anything.
pub fn with_files<T>(f: impl FnOnce(&mut FdTable) -> T) -> T {
    let files = current().process.files();
    let mut table = files.lock();
    f(&mut table)
}

/// Unshares the caller's table of descriptors, if it is shared (CLONE_FILES).
///
/// # Errors
/// `ENOMEM`.
pub fn unshare_files() -> Result<(), Errno> {
    current().process.unshare_files()
}

/// Most descriptors the caller may have (RLIMIT_NOFILE).
pub fn descriptor_limit() -> usize {
    let soft = current().process.soft_limit(RLIMIT_NOFILE);
    usize::try_from(soft).unwrap_or(usize::MAX)
}

/// Installs `file` at the lowest free descriptor.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
pub fn install(file: Arc<File>, close_on_exec: bool) -> Result<i32, Errno> {
    let limit = descriptor_limit();
    with_files(|files| files.insert(&file, close_on_exec, 0, limit))
}

/// The directory at which relative paths of an `*at` call begin.
///
/// # Errors
/// `EBADF`. A descriptor of no directory is found by the lookup (`ENOTDIR`).
fn start_of(dirfd: i32, context: &FsContext) -> Result<Location, Errno> {
    if dirfd == AT_FDCWD {
        return Ok(context.cwd.clone());
    }
    with_files(|files| files.get_any(dirfd)).map(|file| file.location().clone())
}

/// Calls `f` with a path walk of the caller that starts at `dirfd`; an absolute `path` ignores it.
///
/// # Errors
/// `EBADF`, and those of `f`.
pub fn walk_at<T>(
    dirfd: i32,
    path: &[u8],
    f: impl FnOnce(&Walk<'_>, &FsContext) -> Result<T, Errno>,
) -> Result<T, Errno> {
    walk_as(&credentials(), dirfd, path, f)
}

/// Calls `f` as [`walk_at`] does, with the credentials `who`.
///
/// # Errors
/// `EBADF`, and those of `f`.
pub fn walk_as<T>(
    who: &Credentials,
    dirfd: i32,
    path: &[u8],
    f: impl FnOnce(&Walk<'_>, &FsContext) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let context = context();
    let start = if path.first() == Some(&b'/') {
        context.cwd.clone()
    } else {
        start_of(dirfd, &context)?
    };
    f(
        &Walk {
            root: &context.root,
            start: &start,
            who,
            resolve: Resolve::empty(),
        },
        &context,
    )
}

/// A file as mmap(2) maps it.
pub struct Mappable {
    /// Source of the pages.
    pub source: Arc<dyn PageSource>,
    /// The file's path, for /proc/PID/maps.
    pub name: String,
    /// The open file.
    pub file: Arc<File>,
    /// Error for writing through a shared mapping, if that is forbidden.
    pub write_error: Option<Errno>,
    /// Whether the mount allows execution (no MS_NOEXEC).
    pub executable: bool,
}

/// The file `fd`, for a mapping of `len` bytes at `offset`.
///
/// # Errors
/// `EBADF`; `EOVERFLOW` for an offset out of range; `EACCES` if not open for reading; `ENODEV` if
/// the file can't be mapped.
pub fn mappable(fd: i32, offset: u64, len: u64) -> Result<Mappable, Errno> {
    let file = file(fd)?;
    check_offsets(file.inode().kind(), offset, len)?;
    if !file.is_readable() {
        return Err(Errno::EACCES);
    }
    let flags = file.location().mount.flags();
    let metadata = file.inode().metadata();
    let source = if metadata.kind() == mode::S_IFCHR && metadata.rdev == chrdev::ZERO {
        // /dev/zero maps anonymous memory: writes stay in the mapping.
        Arc::new(SharedMemory::new(u64::MAX))
    } else {
        file.inode().clone().pages().ok_or(Errno::ENODEV)?
    };
    file.accessed();
    let seals = file
        .inode()
        .seals()
        .map_or(0, |seals| seals.load(Ordering::Relaxed));
    let forbidden = if !file.is_writable() {
        Some(Errno::EACCES)
    } else {
        (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) != 0).then_some(Errno::EPERM)
    };
    Ok(Mappable {
        source,
        write_error: forbidden,
        executable: !flags.contains(MountFlags::NO_EXEC),
        name: display_path(file.location())?,
        file,
    })
}

/// Checks the range of a mapping (file_mmap_ok in mm/mmap.c): offsets of a regular file end at the
/// largest loff_t.
fn check_offsets(kind: u32, offset: u64, len: u64) -> Result<(), Errno> {
    let most = match kind {
        mode::S_IFREG | mode::S_IFBLK | mode::S_IFSOCK => i64::MAX as u64,
        _ => u64::MAX,
    };
    let len = page_up(len)
        .filter(|len| *len <= TASK_SIZE)
        .ok_or(Errno::ENOMEM)?;
    match most.checked_sub(len) {
        Some(last) if offset / PAGE_SIZE <= last / PAGE_SIZE => Ok(()),
        _ => Err(Errno::EOVERFLOW),
    }
}

/// A file's path as /proc shows it, invalid UTF-8 replaced.
///
/// # Errors
/// `ENOMEM`.
pub fn display_path(location: &Location) -> Result<String, Errno> {
    let path = location.display_path(&mount::root())?;
    fallible::lossy(&path)
}
