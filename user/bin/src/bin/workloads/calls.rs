//! The measured system calls. A call that fails ends the program: its time would be meaningless.

use core::arch::naked_asm;
use core::ffi::CStr;
use core::ptr;

use programs::measure::Cost;
use sys::numbers::{self, Call};
use sys::os::{self, MAP_PRIVATE};
use sys::println;

/// Size of a page in bytes.
pub const PAGE: usize = 4096;

/// Prints a row.
pub fn row(name: &str, cost: Cost) {
    println!("bench: {name} {}.{}", cost.0 / 10, cost.0 % 10);
}

/// Makes a call that must succeed. The call must be sound: it may only access the caller's memory.
#[inline(always)]
pub fn must(which: Call, args: [usize; 6]) -> usize {
    // SAFETY: the callers pass pointers to live memory of the right size, and unmap only what they
    // mapped themselves.
    match unsafe { os::native(which, args) } {
        Ok(result) => result,
        Err(errno) => {
            println!("workloads: call {} failed: {}", which.x86_64, errno.0);
            os::exit(1)
        }
    }
}

/// wait4(2) for one child.
#[inline(always)]
pub fn wait(pid: usize) {
    must(numbers::WAIT4, [pid, 0, 0, 0, 0, 0]);
}

/// fork(2): the child runs `child` and exits.
#[inline(always)]
pub fn fork(child: impl FnOnce()) -> usize {
    let pid = must(numbers::FORK, [0; 6]);
    if pid == 0 {
        child();
        must(numbers::EXIT_GROUP, [0; 6]);
    }
    pid
}

/// pipe(2): returns the read end and the write end.
pub fn pipe() -> (usize, usize) {
    let mut ends = [0_u32; 2];
    must(
        numbers::PIPE,
        [ptr::from_mut(&mut ends) as usize, 0, 0, 0, 0, 0],
    );
    (ends[0] as usize, ends[1] as usize)
}

/// read(2) of one byte; false at the end of the file.
#[inline(always)]
pub fn read_byte(fd: usize) -> bool {
    let mut byte = 0_u8;
    let at = ptr::from_mut(&mut byte) as usize;
    must(numbers::READ, [fd, at, 1, 0, 0, 0]) == 1
}

/// write(2) of one byte.
#[inline(always)]
pub fn write_byte(fd: usize) {
    must(numbers::WRITE, [fd, c"x".as_ptr() as usize, 1, 0, 0, 0]);
}

/// close(2).
pub fn close(fd: usize) {
    must(numbers::CLOSE, [fd, 0, 0, 0, 0, 0]);
}

/// open(2).
#[inline(always)]
pub fn open(path: &CStr, flags: usize) -> usize {
    must(
        numbers::OPEN,
        [path.as_ptr() as usize, flags, 0o600, 0, 0, 0],
    )
}

/// mmap(2): a private mapping, of anonymous memory or of the start of `fd`.
#[inline(always)]
pub fn map(length: usize, protection: usize, flags: usize, fd: usize) -> usize {
    must(
        numbers::MMAP,
        [0, length, protection, MAP_PRIVATE | flags, fd, 0],
    )
}

/// munmap(2).
#[inline(always)]
pub fn unmap(address: usize, length: usize) {
    must(numbers::MUNMAP, [address, length, 0, 0, 0, 0]);
}

/// nanosleep(2).
pub fn sleep(nanos: u64) {
    let time = [0, nanos];
    must(numbers::NANOSLEEP, [time.as_ptr() as usize, 0, 0, 0, 0, 0]);
}

/// The kernel's struct sigaction.
#[repr(C)]
struct Sigaction {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

#[unsafe(naked)]
extern "C" fn restorer() {
    naked_asm!("mov eax, 15", "syscall")
}

/// rt_sigaction(2).
pub fn handle(signal: usize, handler: extern "C" fn()) {
    const SA_RESTORER: usize = 0x0400_0000;
    let action = Sigaction {
        handler: handler as usize,
        flags: SA_RESTORER,
        restorer: restorer as extern "C" fn() as usize,
        mask: 0,
    };
    let at = ptr::from_ref(&action) as usize;
    must(numbers::RT_SIGACTION, [signal, at, 0, 8, 0, 0]);
}
