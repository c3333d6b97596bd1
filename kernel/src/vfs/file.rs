//! An open file description: what a descriptor refers to (Linux's struct file).
//!
//! dup(2) and fork(2) share it, and with it the position and the flags. [`FileOps`] are the
//! operations of its type: a regular file, a pipe, a socket, a device.
//!
//! The next file on a call's path: `tty/file.rs`, the operations of a terminal. The descriptors 0,
//! 1 and 2 of init are /dev/console, a terminal (`process/init.rs`, `console_files`); its children
//! inherit them.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::dentry::Location;
use super::epoll::Watchers;
use super::inode::{FileOps, Inode};
use super::io::{In, MAX_RW_COUNT, Out, UserBuffer, finish};
use super::lock::{self, Owner};
use super::notify;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::mode;
use crate::sched::preempt::STRIDE;
use crate::sched::sleep_lock::{SleepGuard, SleepLock};
use crate::sync::assert_none_held;
use crate::usercopy::{UserPtr, UserRange};
use crate::vfs::writer::{self, Writer};
use crate::vfs::{change, pipe, write_exec};

#[allow(missing_docs)] // Linux's names.
pub mod flags;

use flags::*;
use notify::events;

/// An open file description.
pub struct File {
    location: Location,
    ops: Arc<dyn FileOps>,
    flags: AtomicU32,
    offset: AtomicU64,
    /// Epoll items that watch the file.
    pub watchers: Watchers,
    /// Whether the file ever held locks as an open file description (flock(2), F_OFD_SETLK).
    has_locks: AtomicBool,
    /// Kernel memory of the record locks that it holds as an open file description.
    pub record_lock_bytes: AtomicUsize,
    /// Whether it counts as a writer (ETXTBSY).
    is_writer: bool,
    /// Whether it is a regular file, with a size and RLIMIT_FSIZE.
    is_regular: bool,
    /// [`FileOps::has_position`].
    has_position: bool,
    /// [`File::is_readable`].
    is_readable: bool,
    /// [`File::is_writable`].
    is_writable: bool,
    /// Whether it is readable, without a position or an access time.
    reads_anywhere: bool,
    /// Whether it is writable, without a position.
    writes_anywhere: bool,
    /// O_NONBLOCK in `flags`.
    is_nonblocking: AtomicBool,
    /// Recipient of SIGIO (F_SETOWN): a process ID, or a process group's, negated.
    pub owner: AtomicI32,
    /// Signal instead of SIGIO (F_SETSIG); 0 for SIGIO.
    pub signal: AtomicU32,
}

/// Number of open files (fs.file-nr).
static OPEN: AtomicU64 = AtomicU64::new(0);

/// Number of open files in the system.
pub fn open_files() -> u64 {
    OPEN.load(Ordering::Relaxed)
}

impl Drop for File {
    fn drop(&mut self) {
        assert_none_held("a file is closed");
        OPEN.fetch_sub(1, Ordering::Relaxed);
        if notify::is_on() {
            let written = self.is_writable();
            notify::file(
                self,
                if written {
                    events::CLOSE_WRITE
                } else {
                    events::CLOSE_NOWRITE
                },
            );
        }
        if self.is_writer {
            write_exec::end_write(&self.location);
        }
        if self.may_have_locks() {
            lock::release(self.inode(), Owner::File(self.lock_id()));
        }
        self.watchers.file_closed(&*self.ops);
    }
}

impl File {
    /// Kernel memory in bytes held by a descriptor of any kind: the file, its dentry, its slot.
    pub const KEPT: usize = 512;

    /// Kernel memory in bytes held by the file, besides what its operations hold
    /// ([`FileOps::kept_bytes`]).
    pub fn kept_bytes(&self) -> usize {
        let records = self.record_lock_bytes.load(Ordering::Relaxed);
        Self::KEPT + lock::kept_by_file(self.may_have_locks()) + records
    }

    /// Whether the file ever held locks as an open file description.
    pub fn may_have_locks(&self) -> bool {
        self.has_locks.load(Ordering::Relaxed)
    }

    /// Opens a file at `location` for open(2): counts a writer of a regular file, and queues
    /// IN_OPEN.
    ///
    /// # Errors
    /// `ETXTBSY` for writing to a running program.
    pub fn open(location: Location, ops: Arc<dyn FileOps>, flags: u32) -> Result<Arc<Self>, Errno> {
        let is_writer = matches!(flags & O_ACCMODE, O_WRONLY | O_RDWR)
            && location.inode().kind() == mode::S_IFREG;
        if is_writer {
            write_exec::begin_write(&location)?;
        }
        let file = Self::create(location, ops, flags, is_writer);
        if notify::is_on() {
            notify::file(&file, events::OPEN);
        }
        Ok(file)
    }

    /// Creates an open file at `location` with `flags` of open(2), without those for creation.
    pub fn new(location: Location, ops: Arc<dyn FileOps>, flags: u32) -> Arc<Self> {
        Self::create(location, ops, flags, false)
    }

    fn create(location: Location, ops: Arc<dyn FileOps>, flags: u32, is_writer: bool) -> Arc<Self> {
        let kept = flags & !(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
        OPEN.fetch_add(1, Ordering::Relaxed);
        let is_regular = location.inode().kind() == mode::S_IFREG;
        // F_SETFL changes none of the flags that these depend on.
        let is_open_for = |one: u32| [one, O_RDWR].contains(&(flags & O_ACCMODE));
        let is_path = flags & O_PATH != 0;
        let is_readable = is_open_for(O_RDONLY) && !is_path;
        let is_writable = is_open_for(O_WRONLY) && !is_path;
        let has_position = ops.has_position();
        Arc::new(Self {
            has_position,
            is_readable,
            is_writable,
            reads_anywhere: is_readable && !has_position,
            writes_anywhere: is_writable && !has_position,
            is_nonblocking: AtomicBool::new(kept & O_NONBLOCK != 0),
            location,
            ops,
            flags: AtomicU32::new(kept),
            offset: AtomicU64::new(0),
            watchers: Watchers::default(),
            has_locks: AtomicBool::new(false),
            record_lock_bytes: AtomicUsize::new(0),
            is_writer,
            is_regular,
            owner: AtomicI32::new(0),
            signal: AtomicU32::new(0),
        })
    }

    fn lock_id(&self) -> usize {
        core::ptr::from_ref(self) as usize
    }

    /// ID under which the open file holds locks, released when it is dropped.
    pub fn lock_owner(&self) -> usize {
        self.has_locks.store(true, Ordering::Relaxed);
        self.lock_id()
    }

    /// The location it was opened at.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The inode.
    pub fn inode(&self) -> &Arc<dyn Inode> {
        self.location.inode()
    }

    /// The file operations.
    pub fn ops(&self) -> &Arc<dyn FileOps> {
        &self.ops
    }

    /// The flags, as F_GETFL returns them.
    pub fn flags(&self) -> u32 {
        self.flags.load(Ordering::Relaxed)
    }

    /// Changes the flags that F_SETFL can change.
    pub fn set_flags(&self, flags: u32) {
        let fixed = self.flags() & !SETTABLE;
        self.flags
            .store(fixed | flags & SETTABLE, Ordering::Relaxed);
        self.is_nonblocking
            .store(flags & O_NONBLOCK != 0, Ordering::Relaxed);
    }

    /// Whether it was opened with O_PATH: a location alone, without reads or writes.
    pub fn is_path(&self) -> bool {
        self.flags() & O_PATH != 0
    }

    /// Whether the file is open for reading.
    pub fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Whether the file is open for writing.
    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Updates the access time after a read (file_accessed), unless O_NOATIME is set.
    pub fn accessed(&self) {
        if self.flags() & O_NOATIME == 0 {
            self.location.accessed();
        }
    }

    fn nonblocking(&self) -> bool {
        self.is_nonblocking.load(Ordering::Relaxed)
    }

    /// The position.
    pub fn offset(&self) -> u64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// Sets the position.
    pub fn set_offset(&self, offset: u64) {
        self.offset.store(offset, Ordering::Relaxed);
    }

    /// read(2) of up to `len` bytes to `at`; returns the number of bytes.
    ///
    /// # Errors
    /// `EBADF` if not open for reading; `EFAULT`; those of the file operations.
    #[inline(always)]
    pub fn read_user(&self, at: UserPtr<u8>, len: usize) -> SysResult {
        // Terminals, pipes, sockets, devices: without a position or an access time.
        if self.reads_anywhere && !notify::is_on() {
            let to = UserRange::new(at, len)?;
            self.ops.read_user(to, self.nonblocking())
        } else {
            self.read_user_at_position(at, len)
        }
    }

    #[inline(never)]
    fn read_user_at_position(&self, at: UserPtr<u8>, len: usize) -> SysResult {
        if !self.is_readable() {
            return Err(Errno::EBADF);
        }
        let to = UserRange::new(at, len)?;
        self.read(None, &mut UserBuffer::new(to))
    }

    /// Reads from `at`, or from the position, which advances; returns the number of bytes.
    ///
    /// # Errors
    /// `EBADF` if not open for reading; those of the file operations.
    pub fn read(&self, at: Option<u64>, out: &mut dyn Out) -> SysResult {
        self.read_with(at, out, false)
    }

    /// Reads as [`File::read`]; `nowait` forbids waiting, whatever the flags.
    ///
    /// # Errors
    /// As [`File::read`].
    pub fn read_with(&self, at: Option<u64>, out: &mut dyn Out, nowait: bool) -> SysResult {
        if notify::is_on() {
            self.read_noticed(at, out, nowait)
        } else {
            self.read_unnoticed(at, out, nowait)
        }
    }

    /// A read with an IN_ACCESS event.
    #[cold]
    fn read_noticed(&self, at: Option<u64>, out: &mut dyn Out, nowait: bool) -> SysResult {
        let done = self.read_unnoticed(at, out, nowait)?;
        if done > 0 {
            notify::file(self, events::ACCESS);
        }
        Ok(done)
    }

    /// A read without an event.
    ///
    /// # Errors
    /// As [`File::read`].
    #[inline]
    pub fn read_unnoticed(&self, at: Option<u64>, out: &mut dyn Out, nowait: bool) -> SysResult {
        if !self.is_readable() {
            Err(Errno::EBADF)
        } else if self.is_regular {
            self.read_regular(at, out, nowait)
        } else {
            self.read_from(at, out, nowait, || ())
        }
    }

    /// Reads a regular file and updates its access time.
    #[inline(never)]
    fn read_regular(&self, at: Option<u64>, out: &mut dyn Out, nowait: bool) -> SysResult {
        // A long read is preemptible: others must not read at the same position meanwhile.
        let is_long = at.is_none() && out.left() > STRIDE;
        let _turn = is_long.then(|| self.turn()).flatten();
        self.read_from(at, out, nowait, || self.accessed())
    }

    /// Reads; calls `was_read` before the position advances.
    #[inline(always)]
    fn read_from(
        &self,
        at: Option<u64>,
        out: &mut dyn Out,
        nowait: bool,
        was_read: impl FnOnce(),
    ) -> SysResult {
        let offset = at.unwrap_or_else(|| self.offset());
        check_range(offset, out.left())?;
        let result = self.ops.read(offset, out, nowait || self.nonblocking());
        was_read();
        self.moved(at, offset, out.done(), result)
    }

    /// write(2) of `len` bytes from `at`, on behalf of `who`; returns the number of bytes.
    ///
    /// # Errors
    /// `EBADF` if not open for writing; `EFAULT`; those of the file operations; `EFBIG`.
    #[inline(always)]
    pub fn write_user(&self, at: UserPtr<u8>, len: usize, who: &impl Writer) -> SysResult {
        if self.writes_anywhere && !notify::is_on() {
            let from = UserRange::new(at, len)?;
            let (done, result) = self.ops.write_user(from, self.nonblocking());
            self.look_for_reader(result, who);
            finish((done, result))
        } else {
            self.write_user_at_position(at, len, who)
        }
    }

    #[inline(never)]
    fn write_user_at_position(&self, at: UserPtr<u8>, len: usize, who: &impl Writer) -> SysResult {
        if !self.is_writable() {
            return Err(Errno::EBADF);
        }
        let from = UserRange::new(at, len)?;
        self.write(None, &mut UserBuffer::new(from), who)
    }

    /// Raises SIGPIPE if `result` says that a pipe has no reader. Other files than pipes raise it
    /// themselves, as a flag of sendmsg(2) prevents it.
    #[inline(always)]
    fn look_for_reader(&self, result: Result<(), Errno>, who: &impl Writer) {
        if result == Err(Errno::EPIPE) && pipe::End::of(self).is_some() {
            who.no_reader();
        }
    }

    /// Writes at `at`, or at the position, which advances, on behalf of `who`; returns the number
    /// of bytes. The file is open for writing.
    ///
    /// # Errors
    /// Those of the file operations; `EFBIG`.
    pub fn write(&self, at: Option<u64>, from: &mut dyn In, who: &impl Writer) -> SysResult {
        self.write_with(at, from, false, None, who)
    }

    /// Writes as [`File::write`]; `nowait` forbids waiting, and `append` overrides O_APPEND,
    /// whatever the flags.
    ///
    /// # Errors
    /// As [`File::write`].
    #[inline]
    pub fn write_with(
        &self,
        at: Option<u64>,
        from: &mut dyn In,
        nowait: bool,
        append: Option<bool>,
        who: &impl Writer,
    ) -> SysResult {
        if notify::is_on() {
            self.write_noticed(at, from, nowait, append, who)
        } else {
            self.write_unnoticed(at, from, nowait, append, who)
        }
    }

    /// A write with IN_MODIFY and IN_ATTRIB events.
    #[cold]
    fn write_noticed(
        &self,
        at: Option<u64>,
        from: &mut dyn In,
        nowait: bool,
        append: Option<bool>,
        who: &impl Writer,
    ) -> SysResult {
        let before = self.location.set_ids_if_watched();
        let done = self.write_unnoticed(at, from, nowait, append, who)?;
        notify::name(&self.location.dentry, self.location.lost_set_ids(before));
        if done > 0 {
            notify::file(self, events::MODIFY);
        }
        Ok(done)
    }

    fn write_unnoticed(
        &self,
        at: Option<u64>,
        from: &mut dyn In,
        nowait: bool,
        append: Option<bool>,
        who: &impl Writer,
    ) -> SysResult {
        debug_assert!(self.is_writable());
        let nonblocking = nowait || self.nonblocking();
        if self.is_regular {
            return self.write_regular(at, from, nonblocking, append, who);
        }
        let offset = at.unwrap_or_else(|| self.offset());
        check_range(offset, from.left())?;
        let result = self.ops.write(offset, from, nonblocking);
        self.look_for_reader(result, who);
        self.moved(at, offset, from.done(), result)
    }

    /// Writes to a regular file, up to the limit of the writer.
    fn write_regular(
        &self,
        at: Option<u64>,
        from: &mut dyn In,
        nonblocking: bool,
        append: Option<bool>,
        who: &impl Writer,
    ) -> SysResult {
        let _turn = self.turn();
        let mut offset = at.unwrap_or_else(|| self.offset());
        check_range(offset, from.left())?;
        // Linux appends in pwrite(2) as well.
        if append.unwrap_or(self.flags() & O_APPEND != 0) {
            offset = self.inode().metadata().size;
        }
        let limit = who.size_limit();
        let result = if offset.saturating_add(from.left() as u64) > limit {
            let mut part = writer::part(from, offset, limit, who)?;
            self.ops.write(offset, &mut part, nonblocking)
        } else {
            self.ops.write(offset, from, nonblocking)
        };
        if from.done() > 0 && self.inode().has_set_ids() {
            change::drop_set_ids(&**self.inode(), &who.credentials());
        }
        self.moved(at, offset, from.done(), result)
    }

    /// Locks out other writes and changes of size, on file systems with such a lock (i_rwsem).
    fn turn(&self) -> Option<SleepGuard<'_, ()>> {
        self.inode().turn().map(SleepLock::lock)
    }

    /// Advances the position by `done`; an error after the first byte is dropped.
    fn moved(
        &self,
        at: Option<u64>,
        offset: u64,
        done: usize,
        result: Result<(), Errno>,
    ) -> SysResult {
        if done > 0 && at.is_none() && self.has_position {
            self.set_offset(offset + done as u64);
        }
        finish((done, result))
    }
}

/// Checks that a transfer ends within the range of loff_t (rw_verify_area).
fn check_range(offset: u64, len: usize) -> Result<(), Errno> {
    let end = offset.checked_add(len.min(MAX_RW_COUNT) as u64);
    if end.is_some_and(|end| end <= i64::MAX as u64) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}
