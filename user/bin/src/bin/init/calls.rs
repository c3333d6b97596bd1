//! System calls that only init uses.

use core::ffi::CStr;
use core::ptr;

use programs::terminal::Settings;
use sys::numbers as nr;
use sys::os::native;
use sys::{Errno, SysResult};

const O_RDWR: usize = 2;
const O_NOCTTY: usize = 0o400;
const O_NONBLOCK: usize = 0o4000;
const O_CLOEXEC: usize = 0o2_000_000;

const SIGCHLD: u64 = 17;
const SIGTTOU: u64 = 22;
/// Size of a signal set in bytes.
const SET_SIZE: usize = 8;

/// Opens the serial line; it closes on execve.
pub fn open_line() -> SysResult {
    sys::os::open(c"/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC)
}

/// setsid(2).
pub fn setsid() -> SysResult {
    // SAFETY: touches no memory.
    unsafe { native(nr::SETSID, [0; 6]) }
}

/// Puts process `pid` (0: the caller) into process group `group`.
pub fn setpgid(pid: usize, group: usize) -> SysResult {
    // SAFETY: touches no memory.
    unsafe { native(nr::SETPGID, [pid, group, 0, 0, 0, 0]) }
}

/// chdir(2).
pub fn chdir(path: &CStr) -> SysResult {
    // SAFETY: the kernel only reads the string.
    unsafe { native(nr::CHDIR, [path.as_ptr() as usize, 0, 0, 0, 0, 0]) }
}

/// Duplicates `old` to `file`, which stays open across execve.
pub fn dup2(old: usize, file: usize) -> SysResult {
    // SAFETY: touches no memory.
    unsafe { native(nr::DUP2, [old, file, 0, 0, 0, 0]) }
}

/// Sends `signal` to process group `group`; signal 0 only tests whether the group exists.
pub fn kill_group(group: usize, signal: usize) -> SysResult {
    // SAFETY: touches no memory of this process, which is not in the group.
    unsafe { native(nr::KILL, [group.wrapping_neg(), signal, 0, 0, 0, 0]) }
}

/// Makes a pipe that closes on execve; returns its read end and its write end.
pub fn pipe() -> Result<[usize; 2], Errno> {
    let mut ends = [0_i32; 2];
    // SAFETY: the kernel writes two ints, to `ends`.
    unsafe {
        native(
            nr::PIPE2,
            [ends.as_mut_ptr() as usize, O_CLOEXEC, 0, 0, 0, 0],
        )
    }?;
    Ok(ends.map(|end| end as usize))
}

/// Sets O_NONBLOCK on `file`.
pub fn set_nonblocking(file: usize) -> SysResult {
    const F_SETFL: usize = 4;
    // SAFETY: touches no memory.
    unsafe { native(nr::FCNTL, [file, F_SETFL, O_NONBLOCK, 0, 0, 0]) }
}

/// Result of wait4.
pub struct Changed {
    /// The child's id.
    pub pid: usize,
    /// The child's wait status.
    pub status: i32,
}

/// Waits for a child that has ended or stopped, without blocking.
pub fn changed_child() -> Option<Changed> {
    const WNOHANG: usize = 1;
    const WUNTRACED: usize = 2;
    let mut status = 0_i32;
    let args = [
        usize::MAX,
        ptr::from_mut(&mut status) as usize,
        WNOHANG | WUNTRACED,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes one int, to `status`.
    let pid = unsafe { native(nr::WAIT4, args) }
        .ok()
        .filter(|pid| *pid != 0)?;
    Some(Changed { pid, status })
}

/// `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Poll {
    file: i32,
    events: i16,
    found: i16,
}

impl Poll {
    const IN: i16 = 1;
    const OUT: i16 = 4;

    /// Waits for input, or for the other end to close.
    pub fn reading(file: Option<usize>) -> Self {
        Self::new(file, Self::IN)
    }

    /// Waits for room, or for the other end to close.
    pub fn writing(file: Option<usize>) -> Self {
        Self::new(file, Self::OUT)
    }

    /// Without a file the entry is ignored: the kernel skips negative numbers.
    fn new(file: Option<usize>, events: i16) -> Self {
        let file = file.map_or(-1, |file| file as i32);
        Self {
            file,
            events,
            found: 0,
        }
    }

    /// Whether poll reported the event, a hangup or an error.
    pub fn is_ready(self) -> bool {
        self.found != 0
    }
}

/// Waits until an entry is ready, or for so many milliseconds (-1: without a limit).
pub fn poll(all: &mut [Poll], milliseconds: i32) -> SysResult {
    let entries = all.as_mut_ptr() as usize;
    let limit = milliseconds as usize;
    // SAFETY: the kernel reads and writes `all.len()` entries.
    unsafe { native(nr::POLL, [entries, all.len(), limit, 0, 0, 0]) }
}

/// A signalfd for SIGCHLD.
pub struct Signals {
    before: u64,
    file: usize,
}

impl Signals {
    /// Blocks SIGCHLD, for the signalfd, and SIGTTOU, so that init may write to the terminal.
    pub fn block() -> Result<Self, Errno> {
        let children: u64 = 1 << (SIGCHLD - 1);
        let before = set_mask(children | 1 << (SIGTTOU - 1))?;
        let args = [
            usize::MAX,
            ptr::from_ref(&children) as usize,
            SET_SIZE,
            O_CLOEXEC | O_NONBLOCK,
            0,
            0,
        ];
        // SAFETY: the kernel reads one set.
        let file = unsafe { native(nr::SIGNALFD4, args) }?;
        Ok(Self { before, file })
    }

    /// The signalfd: readable when a child has changed state.
    pub fn file(&self) -> usize {
        self.file
    }

    /// Restores the program's signal mask.
    pub fn restore(&self) {
        let _ = set_mask(self.before);
    }
}

fn set_mask(mask: u64) -> Result<u64, Errno> {
    const SIG_SETMASK: usize = 2;
    let mut before = 0_u64;
    let args = [
        SIG_SETMASK,
        ptr::from_ref(&mask) as usize,
        ptr::from_mut(&mut before) as usize,
        SET_SIZE,
        0,
        0,
    ];
    // SAFETY: the kernel reads one set and writes one.
    unsafe { native(nr::RT_SIGPROCMASK, args) }?;
    Ok(before)
}

/// # Safety
/// `argument` must be valid for the request.
unsafe fn ioctl(file: usize, request: usize, argument: usize) -> SysResult {
    // SAFETY: the caller's guarantee.
    unsafe { native(nr::IOCTL, [file, request, argument, 0, 0, 0]) }
}

/// Sets raw mode: every byte passes unchanged in both directions, without echo.
pub fn make_raw(terminal: usize) -> SysResult {
    let mut settings = Settings::of(terminal)?.by_byte();
    (settings.input, settings.output, settings.local) = (0, 0, 0);
    settings.set(terminal)
}

/// Makes `terminal` the controlling terminal of the caller's session.
pub fn make_controlling(terminal: usize) -> SysResult {
    const TIOCSCTTY: usize = 0x540e;
    // SAFETY: the argument is a number.
    unsafe { ioctl(terminal, TIOCSCTTY, 0) }
}

/// Makes `group` the terminal's foreground process group, which Ctrl-C interrupts.
pub fn set_foreground(terminal: usize, group: usize) -> SysResult {
    const TIOCSPGRP: usize = 0x5410;
    let group = group as i32;
    // SAFETY: the kernel reads one int.
    unsafe { ioctl(terminal, TIOCSPGRP, ptr::from_ref(&group) as usize) }
}

/// Sets rows and columns.
pub fn set_window(terminal: usize, [rows, columns]: [u16; 2]) -> SysResult {
    const TIOCSWINSZ: usize = 0x5414;
    let window = [rows, columns, 0, 0];
    // SAFETY: the kernel reads four shorts.
    unsafe { ioctl(terminal, TIOCSWINSZ, window.as_ptr() as usize) }
}

/// Makes the kernel log this process's system calls. The file is left to close on execve: a close
/// call would be logged.
pub fn trace_self() {
    let file = sys::os::open(c"/proc/self/trace", sys::os::O_WRONLY | O_CLOEXEC);
    if let Ok(file) = file {
        let _ = sys::os::write(file, b"1");
    }
}
