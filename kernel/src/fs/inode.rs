//! What a file is, whichever file system it is in.
//!
//! An [`Inode`] is the file itself: its attributes and, for a directory, its names. [`FileOps`] is
//! what an open file can do; a regular file's inode is its own `FileOps`, a device node's opens the
//! device. Operations that a kind of file lacks keep their default, which is Linux's error for it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;

use super::dentry::{Dentry, Location};
use super::io::{In, Out};
use crate::mm::vma::PageSource;
use crate::syscall::errno::{Errno, SysResult};

/// Type bits of a mode (`S_IFMT`) and their values.
#[allow(missing_docs)] // Linux's names (include/uapi/linux/stat.h).
pub mod mode {
    pub const S_IFMT: u32 = 0o170_000;
    pub const S_IFSOCK: u32 = 0o140_000;
    pub const S_IFLNK: u32 = 0o120_000;
    pub const S_IFREG: u32 = 0o100_000;
    pub const S_IFBLK: u32 = 0o060_000;
    pub const S_IFDIR: u32 = 0o040_000;
    pub const S_IFCHR: u32 = 0o020_000;
    pub const S_IFIFO: u32 = 0o010_000;
    pub const S_ISUID: u32 = 0o4000;
    pub const S_ISGID: u32 = 0o2000;
    pub const S_ISVTX: u32 = 0o1000;
    /// The bits that chmod(2) changes.
    pub const PERMISSIONS: u32 = 0o7777;
}

/// Seconds and nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds, below a thousand million.
    pub nsec: u32,
}

/// A device number: major and minor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

impl Device {
    /// The device with these numbers.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// The number as stat(2) and mknod(2) pass it (`new_encode_dev`).
    pub const fn encode(self) -> u32 {
        self.minor & 0xff | self.major << 8 | (self.minor & !0xff) << 12
    }

    /// The device behind such a number.
    pub const fn decode(number: u32) -> Self {
        Self { major: number >> 8 & 0xfff, minor: number & 0xff | number >> 12 & 0xfff00 }
    }
}

/// What stat(2) tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metadata {
    /// The file system's device number.
    pub dev: Device,
    /// Inode number.
    pub ino: u64,
    /// Type and permissions.
    pub mode: u32,
    /// Number of names.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The device that a device node stands for.
    pub rdev: Device,
    /// Length in bytes.
    pub size: u64,
    /// Space taken, in units of 512 bytes.
    pub blocks: u64,
    /// Last read.
    pub atime: Time,
    /// Last change of the content.
    pub mtime: Time,
    /// Last change of anything.
    pub ctime: Time,
    /// Birth.
    pub btime: Time,
}

impl Metadata {
    /// The type bits of the mode.
    pub const fn kind(&self) -> u32 {
        self.mode & mode::S_IFMT
    }
}

/// Attributes to change; what is `None` stays. Whether the caller may is checked before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// Permission bits.
    pub permissions: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Last read.
    pub atime: Option<Time>,
    /// Last change of the content.
    pub mtime: Option<Time>,
}

/// A file to make.
#[derive(Clone, Debug, Default)]
pub struct NewFile {
    /// Type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The device that a device node stands for.
    pub rdev: Device,
    /// Where a symbolic link points.
    pub target: Vec<u8>,
}

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
    fn allocate(&self, _start: u64, _end: u64, _keep_size: bool, _punch: bool) -> Result<(), Errno> {
        Err(Errno::EOPNOTSUPP)
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
    fn create(&self, _this: &Arc<Dentry>, _name: &[u8], _new: &NewFile) -> Result<Arc<Dentry>, Errno> {
        Err(Errno::EPERM)
    }

    /// Gives `target`, a file of the same file system, another name.
    ///
    /// # Errors
    /// `EPERM` where the file system has no hard links.
    fn link(&self, _this: &Arc<Dentry>, _name: &[u8], _target: &Arc<dyn Inode>) -> Result<(), Errno> {
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
    fn rename(&self, _child: &Arc<Dentry>, _to: &Arc<Dentry>, _name: &[u8], _exchange: bool) -> Result<(), Errno> {
        Err(Errno::EPERM)
    }

    /// Lists names from position `from` on (0 at first) until `emit` returns false. `.` and `..`
    /// are the caller's: they are positions 0 and 1.
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
    }
}

/// What an open file can do.
pub trait FileOps: Send + Sync {
    /// Whether it has no positions: a terminal, a pipe. lseek(2) and pread(2) give `ESPIPE`.
    fn is_stream(&self) -> bool {
        false
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

    /// Device control; `argument` is a number or an address.
    ///
    /// # Errors
    /// `ENOTTY` for a request it doesn't know.
    fn ioctl(&self, _request: u32, _argument: u64) -> SysResult {
        Err(Errno::ENOTTY)
    }
}
