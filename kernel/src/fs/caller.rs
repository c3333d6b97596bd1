//! The running process as its file system calls see it: its descriptors, where it looks from, who it
//! is. While the kernel boots there is none; then the root directory and the root user count.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use linux_raw_sys::general::{AT_FDCWD, F_SEAL_FUTURE_WRITE, F_SEAL_WRITE, RLIMIT_NOFILE};

use super::chrdev;
use super::dentry::Location;
use super::fdtable::FdTable;
use super::file::File;
use super::inode::mode;
use super::mount::{self, MountFlags};
use super::path::{FsContext, Resolve, Walk};
use crate::mm::fallible;
use crate::mm::layout::TASK_SIZE;
use crate::mm::mapped::Mapped;
use crate::mm::shared::SharedMemory;
use crate::mm::vma::PageSource;
use crate::mm::{PAGE_SIZE, page_up};
use crate::process::cred::Credentials;
use crate::process::{current, try_current};
use crate::syscall::errno::Errno;
use alloc::string::String;

impl FsContext {
    /// Everything at the top of the tree: what init starts with.
    pub fn root() -> Self {
        Self {
            root: mount::root(),
            cwd: mount::root(),
            umask: 0o022,
        }
    }
}

/// Where the caller looks from.
pub fn context() -> FsContext {
    match try_current() {
        Some(task) => task.process.fs.lock().clone(),
        None => FsContext::root(),
    }
}

/// Who the caller is.
pub fn credentials() -> Arc<Credentials> {
    try_current().map_or_else(Arc::default, |task| task.cred())
}

/// The caller's open file `fd`.
///
/// # Errors
/// `EBADF`.
pub fn file(fd: i32) -> Result<Arc<File>, Errno> {
    current().process.files.lock().lock().get(fd)
}

/// Does something with the caller's descriptors. Files that it takes out must outlive the call of
/// `f`: closing one may do anything.
pub fn with_files<T>(f: impl FnOnce(&mut FdTable) -> T) -> T {
    let files = current().process.files.lock().clone();
    let mut table = files.lock();
    f(&mut table)
}

/// Gives the caller a table of descriptors of its own, if it shares one.
///
/// # Errors
/// `ENOMEM`.
pub fn unshare_files() -> Result<(), Errno> {
    current().process.unshare_files()
}

/// Most descriptors the caller may have (RLIMIT_NOFILE).
pub fn descriptor_limit() -> usize {
    let soft = current().process.limits.lock().soft(RLIMIT_NOFILE);
    usize::try_from(soft).unwrap_or(usize::MAX)
}

/// Gives `file` the lowest free descriptor.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
pub fn install(file: Arc<File>, close_on_exec: bool) -> Result<i32, Errno> {
    let limit = descriptor_limit();
    with_files(|files| files.insert(&file, close_on_exec, 0, limit))
}

/// The directory that relative paths of an `*at` call begin at.
///
/// # Errors
/// `EBADF`; what it is is seen when a path is looked up from it.
fn start_of(dirfd: i32, context: &FsContext) -> Result<Location, Errno> {
    if dirfd == AT_FDCWD {
        return Ok(context.cwd.clone());
    }
    with_files(|files| files.get_any(dirfd)).map(|file| file.location().clone())
}

/// Calls `f` with a walk for the caller that begins at `dirfd`; an absolute `path` needs none.
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

/// The same with the rights of `who`.
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

/// What mmap(2) needs of a descriptor.
pub struct Mappable {
    /// Its pages.
    pub source: Arc<dyn PageSource>,
    /// The open file, and its path.
    pub mapped: Arc<Mapped>,
    /// The error that forbids writing to it through a shared mapping.
    pub write_error: Option<Errno>,
    /// Whether its mount lets programs execute it.
    pub executable: bool,
}

/// What mmap(2) needs of `fd` for `len` bytes at `offset`.
///
/// # Errors
/// `EBADF`; `EOVERFLOW` for pages that have no numbers; `EACCES` if it isn't open for reading; `ENODEV`
/// if it can't be mapped.
pub fn mappable(fd: i32, offset: u64, len: u64) -> Result<Mappable, Errno> {
    let file = file(fd)?;
    check_offsets(file.inode().kind(), offset, len)?;
    if !file.is_readable() {
        return Err(Errno::EACCES);
    }
    let flags = file.location().mount.flags();
    let metadata = file.inode().metadata();
    let source = if metadata.kind() == mode::S_IFCHR && metadata.rdev == chrdev::ZERO {
        // What is written to it through a mapping stays in that mapping.
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
        mapped: Mapped::file(display_path(file.location())?, file),
    })
}

/// Whether pages of a file of this kind have such numbers (file_mmap_ok in mm/mmap.c): a loff_t holds
/// those of regular files.
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

/// A file's path as /proc shows it.
///
/// # Errors
/// `ENOMEM`.
pub fn display_path(location: &Location) -> Result<String, Errno> {
    let path = location.display_path(&mount::root())?;
    fallible::lossy(&path)
}
