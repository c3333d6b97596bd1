//! Inodes and file operations, the interface of all file systems.
//!
//! An [`Inode`] is a file: its attributes and, for a directory, its names. [`FileOps`] are the
//! operations of an open file; a regular file's inode is its own `FileOps`, a device node's opens
//! the device. The default of each operation is Linux's error for a file without it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicI32, AtomicU32};

use crate::sched::sleep_lock::SleepLock;
use crate::sync::{Mutex, rank};

use super::dentry::{Dentry, Location};
use super::endpoint::Endpoint;
use super::io::{In, Moved, Out, UserBuffer, finish};
use super::xattr::Xattrs;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::mm::fallible::Text;
use crate::sched::wait::WaitQueue;
use crate::usercopy::UserRange;
use crate::vm::vma::PageSource;

use crate::abi::metadata::{Change, Metadata, NewFile};

/// A directory entry, as listed.
#[derive(Clone, Copy, Debug)]
pub struct ListEntry<'a> {
    /// The name.
    pub name: &'a [u8],
    /// Inode number.
    pub ino: u64,
    /// Type bits of the mode.
    pub kind: u32,
    /// Position of the next entry, where a stopped listing resumes.
    pub next: u64,
}

/// A file of any type.
pub trait Inode: Any + Send + Sync {
    /// The file's attributes.
    fn metadata(&self) -> Metadata;

    /// The type bits of the mode (S_IFMT).
    fn kind(&self) -> u32 {
        self.metadata().kind()
    }

    /// Changes attributes.
    ///
    /// # Errors
    /// `EPERM` where attributes are fixed.
    fn change(&self, _change: &Change) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    /// Updates the access time after a read; with `relative`, under the conditions of
    /// relatime_need_update in fs/inode.c. Does nothing without an access time.
    fn accessed(&self, _relative: bool) {}

    /// Sets the size of a regular file in bytes.
    ///
    /// # Errors
    /// `EINVAL` for a file without a size, `EFBIG`.
    fn truncate(&self, _size: u64) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Allocates the bytes from `start` to `end` of a regular file, or punches a hole there; the
    /// file grows to `end` unless `keep_size`.
    ///
    /// # Errors
    /// `EOPNOTSUPP` where unsupported, `ENOSPC`.
    fn allocate(
        &self,
        _start: u64,
        _end: u64,
        _keep_size: bool,
        _punch: bool,
    ) -> Result<(), Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Whether a regular file has a set-user-ID or set-group-ID bit, which a change of the content
    /// clears.
    fn has_set_ids(&self) -> bool {
        false
    }

    /// Whether the caller has access `wanted`, where a rule other than the permission bits decides;
    /// else `None`.
    fn permits(&self, _wanted: u32) -> Option<bool> {
        None
    }

    /// Opens the file and returns its operations.
    ///
    /// # Errors
    /// `ENXIO` for a file without any, such as a socket.
    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno>;

    /// Target of a symbolic link.
    ///
    /// # Errors
    /// `EINVAL` for any other type.
    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        Err(Errno::EINVAL)
    }

    /// Location that a magic link of /proc leads to, independent of its path.
    fn jump(&self) -> Option<Result<Location, Errno>> {
        None
    }

    /// Looks up `name` in this directory; `this` is the directory's dentry.
    ///
    /// # Errors
    /// `ENOENT`; `ENOTDIR` for a file that is no directory.
    fn lookup(&self, _this: &Arc<Dentry>, _name: &[u8]) -> Result<Arc<Dentry>, Errno> {
        Err(Errno::ENOTDIR)
    }

    /// Whether files can be created in this directory at all. If not, open(2) with O_CREAT of a
    /// missing name fails with `ENOENT`, as in Linux's /proc.
    fn takes_names(&self) -> bool {
        false
    }

    /// Creates a file under an unused name.
    ///
    /// # Errors
    /// `EPERM` where unsupported, `ENOSPC`.
    fn create(
        &self,
        _this: &Arc<Dentry>,
        _name: &[u8],
        _new: &NewFile,
    ) -> Result<Arc<Dentry>, Errno> {
        Err(Errno::EPERM)
    }

    /// Creates an unnamed file in this directory's file system (O_TMPFILE); with `linkable`, it can
    /// be linked later.
    ///
    /// # Errors
    /// `EOPNOTSUPP` where unsupported, `ENOSPC`.
    fn create_unnamed(&self, _new: &NewFile, _linkable: bool) -> Result<Arc<dyn Inode>, Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Whether the file can be linked although it has no name.
    fn is_linkable(&self) -> bool {
        false
    }

    /// Extended attributes, where supported.
    fn xattrs(&self) -> Option<&Mutex<Xattrs, rank::Xattrs>> {
        None
    }

    /// Lock that serialises changes of the file where they may sleep midway: each write, truncation
    /// and hole, with the checks before it (size, seals), holds it (i_rwsem).
    fn turn(&self) -> Option<&SleepLock<()>> {
        None
    }

    /// Seals (`F_SEAL_*`), where supported.
    fn seals(&self) -> Option<&AtomicU32> {
        None
    }

    /// What a FIFO or socket file leads to; `None` for any other file.
    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    /// Number of open files that write, or, below 0, of programs running the file (i_writecount).
    fn writers(&self) -> Option<&AtomicI32> {
        None
    }

    /// The first data byte from `offset` on, or the first byte in a hole; both within `size`, the
    /// file's length. The default has no holes.
    fn seek(&self, offset: u64, hole: bool, size: u64) -> Option<u64> {
        Some(if hole { size } else { offset })
    }

    /// Links `target`, a file of the same file system, under `name`.
    ///
    /// # Errors
    /// `EPERM` without hard links.
    fn link(
        &self,
        _this: &Arc<Dentry>,
        _name: &[u8],
        _target: &Arc<dyn Inode>,
    ) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    /// Removes the name of a file or of an empty directory.
    ///
    /// # Errors
    /// `ENOTEMPTY`; `EPERM` where names are fixed.
    fn remove(&self, _child: &Arc<Dentry>) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    /// Moves `child` from this directory to `to`, in the same file system, under `name`. A file of
    /// that name is replaced, or with `exchange` takes the place of `child`.
    ///
    /// # Errors
    /// `EPERM` where names are fixed.
    fn rename(
        &self,
        _child: &Arc<Dentry>,
        _to: &Arc<Dentry>,
        _name: &[u8],
        _exchange: bool,
    ) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    /// Lists names from position `from` on (0 at first) until `emit` returns false. Positions 0 and
    /// 1 are `.` and `..`, which the caller adds. `emit` runs with the directory locked: it must
    /// neither enter the directory again nor touch user memory.
    ///
    /// # Errors
    /// `ENOTDIR`.
    fn list(&self, _from: u64, _emit: &mut dyn FnMut(ListEntry<'_>) -> bool) -> Result<(), Errno> {
        Err(Errno::ENOTDIR)
    }

    /// Source of pages for a mapping, if the file can be mapped.
    fn pages(self: Arc<Self>) -> Option<Arc<dyn PageSource>> {
        None
    }
}

/// Operations of an open file (struct file_operations).
pub trait FileOps: Any + Send + Sync {
    /// Whether the file has no position: terminals, pipes, sockets. lseek(2) and pread(2) fail with
    /// `ESPIPE`.
    fn is_stream(&self) -> bool {
        false
    }

    /// Whether transfers start at a position and advance it. Devices without content have none,
    /// though pread(2) works.
    fn has_position(&self) -> bool {
        !self.is_stream()
    }

    /// Whether lseek(2) returns 0 instead of `ESPIPE` (noop_llseek).
    fn ignores_seeks(&self) -> bool {
        false
    }

    /// Whether a vector of buffers is transferred by one call. If not, each buffer is a call
    /// (do_loop_readv_writev in fs/read_write.c).
    fn takes_vectors(&self, _writing: bool) -> bool {
        true
    }

    /// Reads at `offset` up to the room in `out`; nothing at the end of file. With `nonblocking`,
    /// fails instead of waiting.
    ///
    /// # Errors
    /// `EAGAIN` instead of waiting, `EFAULT`, `EISDIR`; `EINVAL` without reads.
    fn read(&self, _offset: u64, _out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Writes at `offset`; with `nonblocking`, fails instead of waiting.
    ///
    /// # Errors
    /// `ENOSPC`, `EFAULT`; `EINVAL` without writes.
    fn write(&self, _offset: u64, _from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// read(2) into one range of user memory, of a file without a position: [`read`](Self::read)
    /// without a buffer in between, for the files that need none. A file that
    /// has this has [`read`](Self::read) too, for the other calls. Returns the number of bytes.
    ///
    /// # Errors
    /// As [`read`](Self::read), before the first byte.
    fn read_user(&self, to: UserRange, nonblocking: bool) -> SysResult {
        let mut out = UserBuffer::new(to);
        let result = self.read(0, &mut out, nonblocking);
        finish((Out::done(&out), result))
    }

    /// write(2) from one range of user memory, of a file without a position, as
    /// [`read_user`](Self::read_user).
    fn write_user(&self, from: UserRange, nonblocking: bool) -> Moved {
        let mut from = UserBuffer::new(from);
        let result = self.write(0, &mut from, nonblocking);
        (In::done(&from), result)
    }

    /// The current readiness.
    fn ready(&self) -> Ready {
        Ready::READ | Ready::WRITE
    }

    /// Calls `each` with every wait queue woken at a change of [`ready`](Self::ready). Returns
    /// whether the file supports polling: epoll_ctl(2) refuses a file without it, such as a regular
    /// one.
    fn wait_queues(&self, _each: &mut dyn FnMut(&WaitQueue)) -> bool {
        false
    }

    /// Called after open(2) with `flags` created the open file: a terminal may become the
    /// controlling one.
    ///
    /// # Errors
    /// The error of open(2).
    fn opened(&self, _flags: u32) -> Result<(), Errno> {
        Ok(())
    }

    /// Kernel memory in bytes held by this open file and freed at its close, for the choice of the
    /// OOM killer. Memory of file systems is not included.
    fn kept_bytes(&self) -> usize {
        0
    }

    /// Adds the lines of this kind of file to /proc/PID/fdinfo/FD.
    fn describe(&self, _text: &mut Text) {}

    /// Device control; `argument` is a number or an address.
    ///
    /// # Errors
    /// `ENOTTY` for an unknown request.
    fn ioctl(&self, _request: u32, _argument: u64) -> SysResult {
        Err(Errno::ENOTTY)
    }
}
