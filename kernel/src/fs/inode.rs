//! What a file is, whichever file system it is in.
//!
//! An [`Inode`] is the file itself: its attributes and, for a directory, its names. [`FileOps`] is
//! what an open file can do; a regular file's inode is its own `FileOps`, a device node's opens the
//! device. Operations that a kind of file lacks keep their default, which is Linux's error for it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicI32, AtomicU32};

use crate::sync::{Mutex, SleepLock, rank};

use super::dentry::{Dentry, Location};
use super::io::{In, Out};
use super::xattr::Xattrs;
use crate::mm::fallible::Text;
use crate::mm::vma::PageSource;
use crate::process::wait::WaitQueue;
use crate::syscall::errno::{Errno, SysResult};

pub use super::metadata::{Change, Device, Metadata, NewFile, Time, mode};

/// One name that a directory lists.
#[derive(Clone, Copy, Debug)]
pub struct ListEntry<'a> {
    /// The name.
    pub name: &'a [u8],
    /// Inode number.
    pub ino: u64,
    /// Type bits of the mode.
    pub kind: u32,
    /// Where a listing that stops behind this name goes on.
    pub next: u64,
}

/// A file.
pub trait Inode: Any + Send + Sync {
    /// Its attributes.
    fn metadata(&self) -> Metadata;

    /// The type bits of its mode.
    fn kind(&self) -> u32 {
        self.metadata().kind()
    }

    /// Changes attributes.
    ///
    /// # Errors
    /// `EPERM` where the file system has them fixed.
    fn change(&self, _change: &Change) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    /// Notes that the content was read: moves the access time, with `relative` as
    /// relatime_need_update in fs/inode.c has it. File systems without such a time do nothing.
    fn accessed(&self, _relative: bool) {}

    /// Cuts or extends a regular file.
    ///
    /// # Errors
    /// `EINVAL` for what has no length, `EFBIG`.
    fn truncate(&self, _size: u64) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Makes room in a regular file for the bytes from `start` to `end`, or a hole of them; it grows to
    /// `end` unless `keep_size`.
    ///
    /// # Errors
    /// `EOPNOTSUPP` where the file system can't, `ENOSPC`.
    fn allocate(
        &self,
        _start: u64,
        _end: u64,
        _keep_size: bool,
        _punch: bool,
    ) -> Result<(), Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Whether the caller has this access, where something else than permissions decides.
    fn permits(&self, _wanted: u32) -> Option<bool> {
        None
    }

    /// Opens it: gives what reads and writes go to.
    ///
    /// # Errors
    /// `ENXIO` where nothing is behind it.
    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno>;

    /// Where a symbolic link points.
    ///
    /// # Errors
    /// `EINVAL` for what is no symbolic link.
    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        Err(Errno::EINVAL)
    }

    /// The file itself that a link of /proc leads to, whatever names it has.
    fn jump(&self) -> Option<Result<Location, Errno>> {
        None
    }

    /// The name `name` in this directory; `this` is the directory's own.
    ///
    /// # Errors
    /// `ENOENT`; `ENOTDIR` for what is no directory.
    fn lookup(&self, _this: &Arc<Dentry>, _name: &[u8]) -> Result<Arc<Dentry>, Errno> {
        Err(Errno::ENOTDIR)
    }

    /// Whether names can be added to this directory at all. Where not, one that isn't there is
    /// `ENOENT` even for who would make it, as in Linux's /proc.
    fn takes_names(&self) -> bool {
        false
    }

    /// Makes a file under a name that isn't there.
    ///
    /// # Errors
    /// `EPERM` where the file system makes none, `ENOSPC`.
    fn create(
        &self,
        _this: &Arc<Dentry>,
        _name: &[u8],
        _new: &NewFile,
    ) -> Result<Arc<Dentry>, Errno> {
        Err(Errno::EPERM)
    }

    /// Makes a file in this directory's file system that has no name; with `linkable`, one may be
    /// given it later (O_TMPFILE).
    ///
    /// # Errors
    /// `EOPNOTSUPP` where the file system can't, `ENOSPC`.
    fn create_unnamed(&self, _new: &NewFile, _linkable: bool) -> Result<Arc<dyn Inode>, Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Whether it may be given a name though it has none.
    fn is_linkable(&self) -> bool {
        false
    }

    /// Its extended attributes, where the file system has such.
    fn xattrs(&self) -> Option<&Mutex<Xattrs, rank::Xattrs>> {
        None
    }

    /// What its changes take turns by, if they may wait for others midway: each write, cut and hole, and what is
    /// decided before it (where the end is, which seals there are), is one (i_rwsem).
    fn turn(&self) -> Option<&SleepLock<()>> {
        None
    }

    /// What may no longer be done to it (`F_SEAL_*`), where the file system knows seals.
    fn seals(&self) -> Option<&AtomicU32> {
        None
    }

    /// How often it is open for writing, or, below 0, run as a program.
    fn writers(&self) -> Option<&AtomicI32> {
        None
    }

    /// The first byte from `offset` on that is data, or that is in a hole; both inside `size`, the
    /// file's length. A file may say it is all data.
    fn seek(&self, offset: u64, hole: bool, size: u64) -> Option<u64> {
        Some(if hole { size } else { offset })
    }

    /// Gives `target`, a file of the same file system, another name.
    ///
    /// # Errors
    /// `EPERM` where the file system has no hard links.
    fn link(
        &self,
        _this: &Arc<Dentry>,
        _name: &[u8],
        _target: &Arc<dyn Inode>,
    ) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    /// Takes the name of a file or an empty directory away.
    ///
    /// # Errors
    /// `ENOTEMPTY`; `EPERM` where the file system's names are fixed.
    fn remove(&self, _child: &Arc<Dentry>) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    /// Moves `child` from this directory to `to`, another of the same file system, under `name`;
    /// what had that name is replaced, or takes the other's place if `exchange`.
    ///
    /// # Errors
    /// `EPERM` where the file system's names are fixed.
    fn rename(
        &self,
        _child: &Arc<Dentry>,
        _to: &Arc<Dentry>,
        _name: &[u8],
        _exchange: bool,
    ) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    /// Lists names from position `from` on (0 at first) until `emit` returns false. `.` and `..`
    /// are the caller's: they are positions 0 and 1.
    /// `emit` is called with the directory locked: it must neither come back to it nor touch user
    /// memory.
    ///
    /// # Errors
    /// `ENOTDIR`.
    fn list(&self, _from: u64, _emit: &mut dyn FnMut(ListEntry<'_>) -> bool) -> Result<(), Errno> {
        Err(Errno::ENOTDIR)
    }

    /// Its pages, if it can be mapped.
    fn pages(self: Arc<Self>) -> Option<Arc<dyn PageSource>> {
        None
    }
}

bitflags::bitflags! {
    /// What an open file is ready for, with the values of poll(2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Ready: u16 {
        /// There is something to read (POLLIN | POLLRDNORM).
        const READ = 0x41;
        /// There is room to write (POLLOUT | POLLWRNORM).
        const WRITE = 0x104;
        /// An error (POLLERR).
        const ERROR = 0x08;
        /// The other end is gone (POLLHUP).
        const HANGUP = 0x10;
        /// Something out of band: urgent data, a terminal's status (POLLPRI).
        const PRIORITY = 0x02;
        /// The other end will write no more (POLLRDHUP).
        const READ_HANGUP = 0x2000;
    }
}

/// What an open file can do.
pub trait FileOps: Any + Send + Sync {
    /// Whether it has no positions: a terminal, a pipe. lseek(2) and pread(2) give `ESPIPE`.
    fn is_stream(&self) -> bool {
        false
    }

    /// Whether lseek(2) answers where it has nothing to move (noop_llseek): 0.
    fn ignores_seeks(&self) -> bool {
        false
    }

    /// Whether a vector of buffers is written, or read into, as one. Where not, each of them is a call of its
    /// own (do_loop_readv_writev in fs/read_write.c).
    fn takes_vectors(&self, _writing: bool) -> bool {
        true
    }

    /// Reads at `offset` as much as there is or `out` takes; nothing at the end. `nonblocking`: fail
    /// instead of waiting.
    ///
    /// # Errors
    /// `EAGAIN` instead of waiting, `EFAULT`, `EISDIR`; `EINVAL` where it can't be read.
    fn read(&self, _offset: u64, _out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Writes at `offset`.
    ///
    /// # Errors
    /// `ENOSPC`, `EFAULT`; `EINVAL` where it can't be written.
    fn write(&self, _offset: u64, _from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// What it is ready for.
    fn ready(&self) -> Ready {
        Ready::READ | Ready::WRITE
    }

    /// Calls `each` with every queue that is woken when the answer of [`ready`](Self::ready) may
    /// become another. Returns whether there can be any: where there can't, as with regular files,
    /// epoll_ctl(2) refuses the file.
    fn wait_queues(&self, _each: &mut dyn FnMut(&WaitQueue)) -> bool {
        false
    }

    /// Called once open(2) with `flags` has made the file: a terminal may become the caller's own.
    ///
    /// # Errors
    /// What open(2) then fails with.
    fn opened(&self, _flags: u32) -> Result<(), Errno> {
        Ok(())
    }

    /// Bytes of the kernel's that are there for this open file, and go when it is closed: counted when
    /// memory is out and a process has to go. Those of file systems are not among them.
    fn kept_bytes(&self) -> usize {
        0
    }

    /// Adds to the text of /proc/PID/fdinfo/FD what this kind of file has to say.
    fn describe(&self, _text: &mut Text) {}

    /// Device control; `argument` is a number or an address.
    ///
    /// # Errors
    /// `ENOTTY` for a request it doesn't know.
    fn ioctl(&self, _request: u32, _argument: u64) -> SysResult {
        Err(Errno::ENOTTY)
    }
}
