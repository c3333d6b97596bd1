//! Typed system calls through [`Door::NATIVE`].

use core::ffi::CStr;
use core::ptr;

use crate::door::{Door, call};
use crate::errno::{Errno, SysResult};
use crate::numbers::{self, Call};

/// A time or a duration, in the program's width (32-bit seconds in 32-bit programs).
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Timespec {
    /// Whole seconds.
    pub sec: isize,
    /// Nanoseconds, 0 to 999,999,999.
    pub nsec: isize,
}

/// `open` flag: read only.
pub const O_RDONLY: usize = 0;
/// `open` flag: write only.
pub const O_WRONLY: usize = 1;
/// `open` flag: read and write.
pub const O_RDWR: usize = 2;
/// `open` flag: create the file.
pub const O_CREAT: usize = 0o100;
/// `open` flag: truncate the file.
pub const O_TRUNC: usize = 0o1000;

/// `mmap` protection: readable.
pub const PROT_READ: usize = 1;
/// `mmap` protection: writable.
pub const PROT_WRITE: usize = 2;
/// `mmap` protection: executable.
pub const PROT_EXEC: usize = 4;
/// `mmap` flag: private, copy-on-write mapping.
pub const MAP_PRIVATE: usize = 2;
/// `mmap` flag: at this address exactly.
pub const MAP_FIXED: usize = 0x10;
/// `mmap` flag: no file.
pub const MAP_ANONYMOUS: usize = 0x20;

/// Makes call `which` through [`Door::NATIVE`].
///
/// # Safety
/// The call must be sound for this program.
pub unsafe fn native(which: Call, args: [usize; 6]) -> SysResult {
    // SAFETY: the native door is always available; the caller vouches for the call.
    Errno::check(unsafe { call(Door::NATIVE, Door::NATIVE.number(which), args) })
}

/// Ends the program with `status` (0 to 255).
pub fn exit(status: i32) -> ! {
    loop {
        // SAFETY: the program ends.
        let _ = unsafe { native(numbers::EXIT_GROUP, [status as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Writes `bytes` to file descriptor `fd`; returns the number of bytes written.
pub fn write(fd: usize, bytes: &[u8]) -> SysResult {
    // SAFETY: the kernel only reads `bytes`.
    unsafe {
        native(
            numbers::WRITE,
            [fd, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0],
        )
    }
}

/// Reads into `bytes` from file descriptor `fd`; returns the number of bytes read, 0 at the end.
pub fn read(fd: usize, bytes: &mut [u8]) -> SysResult {
    // SAFETY: the kernel writes only within `bytes`.
    unsafe {
        native(
            numbers::READ,
            [fd, bytes.as_mut_ptr() as usize, bytes.len(), 0, 0, 0],
        )
    }
}

/// Reads until `bytes` is full or the file ends; returns the bytes read.
pub fn read_all(fd: usize, bytes: &mut [u8]) -> Result<&[u8], Errno> {
    let mut filled = 0;
    while filled < bytes.len() {
        match read(fd, &mut bytes[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(&bytes[..filled])
}

/// Opens `path`; returns the new file descriptor. A created file has mode 0700.
pub fn open(path: &CStr, flags: usize) -> SysResult {
    // SAFETY: the kernel only reads the string.
    unsafe {
        native(
            numbers::OPEN,
            [path.as_ptr() as usize, flags, 0o700, 0, 0, 0],
        )
    }
}

/// Closes file descriptor `fd`.
pub fn close(fd: usize) -> SysResult {
    // SAFETY: touches no memory.
    unsafe { native(numbers::CLOSE, [fd, 0, 0, 0, 0, 0]) }
}

/// Reads the whole of a small file into `buffer`; returns its text, empty if there is no file.
pub fn read_file<'a>(path: &CStr, buffer: &'a mut [u8]) -> &'a [u8] {
    let Ok(fd) = open(path, O_RDONLY) else {
        return &[];
    };
    let text = read_all(fd, buffer);
    let _ = close(fd); // opened for reading: no data to lose
    text.unwrap_or(&[])
}

/// Makes directory `path`.
pub fn mkdir(path: &CStr) -> SysResult {
    // SAFETY: the kernel only reads the string.
    unsafe { native(numbers::MKDIR, [path.as_ptr() as usize, 0o755, 0, 0, 0, 0]) }
}

/// Mounts a file system of devices at `path`.
pub fn mount_devices(path: &CStr) -> SysResult {
    let kind = c"devtmpfs".as_ptr() as usize;
    // SAFETY: the kernel only reads the strings.
    unsafe {
        native(
            numbers::MOUNT,
            [kind, path.as_ptr() as usize, kind, 0, 0, 0],
        )
    }
}

/// Reads the kernel's log (`SYSLOG_ACTION_READ_ALL`) into `buffer`.
pub fn kernel_log(buffer: &mut [u8]) -> &[u8] {
    const READ_ALL: usize = 3;
    let args = [
        READ_ALL,
        buffer.as_mut_ptr() as usize,
        buffer.len(),
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes only within `buffer`.
    let length = unsafe { native(numbers::SYSLOG, args) }.unwrap_or(0);
    buffer.get(..length).unwrap_or(&[])
}

/// The process's id.
pub fn getpid() -> usize {
    // SAFETY: touches no memory.
    unsafe { native(numbers::GETPID, [0; 6]) }.unwrap_or(0)
}

/// Maps `length` bytes of zeroed private memory; returns the address.
pub fn map_anonymous(length: usize, protection: usize) -> SysResult {
    // SAFETY: without MAP_FIXED the kernel picks a free range, so nothing in use is replaced.
    unsafe {
        native(
            numbers::MMAP,
            [
                0,
                length,
                protection,
                MAP_PRIVATE | MAP_ANONYMOUS,
                usize::MAX,
                0,
            ],
        )
    }
}

/// As [`map_anonymous`], at exactly `address`.
///
/// # Safety
/// The program may not use existing mappings in the range any more.
pub unsafe fn map_fixed(address: usize, length: usize, protection: usize) -> SysResult {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    // SAFETY: the caller vouches for the replaced mappings.
    unsafe {
        native(
            numbers::MMAP,
            [address, length, protection, flags, usize::MAX, 0],
        )
    }
}

/// Unmaps a range.
///
/// # Safety
/// The program may not use the range any more.
pub unsafe fn munmap(address: usize, length: usize) -> SysResult {
    // SAFETY: the caller's guarantee.
    unsafe { native(numbers::MUNMAP, [address, length, 0, 0, 0, 0]) }
}

/// Changes a range's protection.
///
/// # Safety
/// The program may not use the range in a way that is no longer allowed.
pub unsafe fn mprotect(address: usize, length: usize, protection: usize) -> SysResult {
    // SAFETY: the caller's guarantee.
    unsafe { native(numbers::MPROTECT, [address, length, protection, 0, 0, 0]) }
}

/// Resizes or moves a mapping; returns its new address.
///
/// # Safety
/// The program may not use the old range if it moved, nor mappings replaced at `target`.
pub unsafe fn mremap(
    address: usize,
    old: usize,
    new: usize,
    flags: usize,
    target: usize,
) -> SysResult {
    // SAFETY: the caller's guarantee.
    unsafe { native(numbers::MREMAP, [address, old, new, flags, target, 0]) }
}

/// Forks the process; returns 0 in the child, the child's id in the parent.
pub fn fork() -> SysResult {
    // SAFETY: the child has its own copy of all memory, and there are no other threads.
    unsafe { native(numbers::FORK, [0; 6]) }
}

/// Replaces the program; returns only if that failed.
///
/// # Safety
/// `argv` and `envp` must be null-terminated arrays of pointers to NUL-terminated strings.
pub unsafe fn execve(path: &CStr, argv: *const usize, envp: *const usize) -> Errno {
    let args = [
        path.as_ptr() as usize,
        argv as usize,
        envp as usize,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel only reads the caller's strings.
    unsafe { native(numbers::EXECVE, args) }
        .err()
        .unwrap_or(Errno(0))
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Exit with this status.
    Exit(i32),
    /// Killed by this signal.
    Signal(i32),
}

impl Ending {
    /// Decodes the wait status of a child that has ended.
    pub fn of(status: i32) -> Self {
        match status & 0x7f {
            0 => Ending::Exit(status >> 8 & 0xff),
            signal => Ending::Signal(signal),
        }
    }
}

/// Waits for child `pid` to end.
pub fn wait(pid: usize) -> Result<Ending, Errno> {
    let mut status = 0_i32;
    // SAFETY: the kernel writes one int, to `status`.
    unsafe {
        native(
            numbers::WAIT4,
            [pid, ptr::from_mut(&mut status) as usize, 0, 0, 0, 0],
        )
    }?;
    Ok(Ending::of(status))
}

/// Reads clock `id` by a system call.
pub fn clock_gettime(id: i32) -> Result<Timespec, Errno> {
    let mut now = Timespec::default();
    let args = [id as usize, ptr::from_mut(&mut now) as usize, 0, 0, 0, 0];
    // SAFETY: the kernel writes one timespec in the program's width, to `now`.
    unsafe { native(numbers::CLOCK_GETTIME, args) }?;
    Ok(now)
}
