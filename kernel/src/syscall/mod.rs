//! System calls: dispatch from a saved frame to a handler, and the handlers by subject.
//!
//! Each stub of [`crate::entry`] calls one `enter_*` function with the frame's address. The
//! function reads the number and the arguments where that door has them, takes the handler from
//! [`table`] and calls it; the handler's result goes to rax. A row of the table makes a [`Handler`]
//! of six registers from a function with typed arguments: [`FromRegister`] converts each argument,
//! `to_rax` (`abi/errno.rs`) the result. With a work bit pending, for a tracer or for lack of
//! memory, the call goes through `call_with_work`.
//!
//! A handler copies its arguments from user memory, checks them in Linux's order, calls the folder
//! that does the work, and copies the results to user memory. State is kept by those folders.
//!
//! | subject | files | work |
//! |---|---|---|
//! | dispatch | `table`, `counters`, `low_memory` | |
//! | descriptors and I/O | `open`, `io`, `rwf`, `fcntl`, `lock`, `splice`, `sendfile`, `memfd`, `poll`, `select`, `epoll`, `eventfd`, `timerfd`, `inotify` | `vfs/` |
//! | paths and attributes | `user_path`, `dir`, `dirent`, `special`, `getdents`, `stat`, `attr`, `utime`, `xattr`, `truncate`, `mount` | `vfs/` |
//! | memory | `memory`, `advice`, `mlock`, `process_vm` | `vm/` |
//! | processes and threads | `clone`, `proc`, `wait`, `pidfd`, `thread`, `tls`, `ldt`, `ports`, `futex`, `futex2`, `rseq`, `membarrier`, `prctl`, `ptrace`, `kcmp` | `process/` |
//! | signals | `signal` | `process/signal/` |
//! | identity and resources | `ids`, `ids16`, `capability`, `limits`, `usage`, `priority`, `sched`, `sched_policy` | `process/` |
//! | time | `time`, `timex`, `cpu_clock`, `sleep`, `timer`, `itimer` | `time/`, `process/timers/` |
//! | sockets | `socket`, `message`, `mmsg`, `cmsg`, `sockopt`, `socketcall` | `net/` |
//! | system | `system` | `dev/` |
//!
//! Floor 12: it may use every lower floor (tests/floors/floors.txt), and `trace/` beside it.
//! CONTRIBUTING.md has the steps to add a call.
//!
//! Left out of Linux (docs/SYSCALLS.md has each call): System V IPC and POSIX message queues;
//! asynchronous I/O and io_uring; seccomp, BPF, Landlock and other security modules; keys;
//! performance events; kernel modules and kexec; swap, quotas and NUMA policies; fanotify; file
//! handles; mount descriptors; userfaultfd; vm86. These calls return `ENOSYS`, and the log names
//! each at its first use. clone(2), unshare(2) and setns(2) refuse namespaces. Nice values,
//! scheduling policies and I/O priorities are stored without effect.
//!
//! The next file on a call's path: `syscall/io.rs`, where write(2)'s handler is.

use crate::abi::frame::{Door, Frame};
use crate::arch::percpu::{self, work};
use crate::process;
use crate::process::ptrace::stop as ptrace_stop;
use crate::trace;
use crate::usercopy::{self, UserPtr};

mod advice;
mod attr;
mod capability;
mod clone;
mod cmsg;
pub mod counters;
mod cpu_clock;
mod dir;
pub mod dirent;
mod epoll;
mod eventfd;
mod fcntl;
mod futex;
mod futex2;
mod getdents;
mod ids;
mod ids16;
mod inotify;
mod io;
mod itimer;
mod kcmp;
mod ldt;
mod limits;
mod lock;
mod low_memory;
mod membarrier;
mod memfd;
mod memory;
mod message;
mod mlock;
pub mod mmsg;
mod mount;
mod open;
mod pidfd;
mod poll;
mod ports;
mod prctl;
mod priority;
mod proc;
mod process_vm;
mod ptrace;
mod rseq;
mod rwf;
mod sched;
pub mod sched_policy;
mod select;
pub mod sendfile;
mod signal;
mod sleep;
mod socket;
pub mod socketcall;
mod sockopt;
pub mod special;
mod splice;
mod stat;
pub mod system;
pub mod table;
mod thread;
mod time;
mod timer;
mod timerfd;
mod timex;
mod tls;
pub mod truncate;
mod usage;
pub mod user_path;
mod utime;
mod wait;
mod xattr;

use crate::abi::errno::{Errno, to_rax};

/// Handler with the six argument registers; returns rax's value.
pub type Handler = fn(u64, u64, u64, u64, u64, u64) -> u64;

/// Argument type of a handler.
pub trait FromRegister {
    /// Converts the register, truncated to the type as in C.
    fn from_register(value: u64) -> Self;
}

macro_rules! from_register {
    ($($t:ty),*) => { $(
        impl FromRegister for $t {
            fn from_register(value: u64) -> Self {
                value as Self
            }
        }
    )* };
}
from_register!(i32, u32, i64, u64, usize, isize);

impl<T> FromRegister for UserPtr<T> {
    fn from_register(value: u64) -> Self {
        Self::new(value)
    }
}

/// Calls through SYSCALL from 64-bit code.
///
/// # Safety
/// For all four doors: `frame` is the running task's, without other references. Handlers and
/// tracers change it, so no reference to it is kept while they run.
pub unsafe extern "C" fn enter_x86_64(frame: *mut Frame) -> u64 {
    #[cfg(debug_assertions)]
    low_memory::begin_call();
    // SAFETY: as the caller promises.
    unsafe {
        if percpu::is_pending::<{ work::BEFORE_CALL }>() {
            return call_with_work(frame, |frame| call_x86_64(frame));
        }
        call_x86_64(frame)
    }
}

/// # Safety
/// As [`enter_x86_64`].
#[inline(always)]
unsafe fn call_x86_64(frame: *const Frame) -> u64 {
    // The number is the low half of rax: Linux ignores the upper half. A negative one, taken as
    // unsigned, is past the table's end.
    // SAFETY: as the caller promises; not used after the handler is called.
    let frame = unsafe { &*frame };
    let handler = table::x86_64(frame.orig_rax as u32 as usize, Door::Syscall);
    let (a, b, c) = (frame.rdi, frame.rsi, frame.rdx);
    let (d, e, f) = (frame.r10, frame.r8, frame.r9);
    handler(a, b, c, d, e, f)
}

/// Calls through INT 0x80, from code of either width.
///
/// # Safety
/// As [`enter_x86_64`].
pub unsafe extern "C" fn enter_int80(frame: *mut Frame) -> u64 {
    // SAFETY: as the caller promises.
    unsafe { enter_i386(frame, |frame| call_i386(frame, Door::Int80)) }
}

/// Calls through SYSENTER.
///
/// # Safety
/// As [`enter_x86_64`].
pub unsafe extern "C" fn enter_sysenter(frame: *mut Frame) -> u64 {
    // SAFETY: as the caller promises.
    unsafe { with_stack_argument(frame, |frame| call_i386(frame, Door::Sysenter)) }
}

/// Calls through SYSCALL from 32-bit code.
///
/// # Safety
/// As [`enter_x86_64`].
pub unsafe extern "C" fn enter_syscall32(frame: *mut Frame) -> u64 {
    // SAFETY: as the caller promises.
    unsafe { with_stack_argument(frame, |frame| call_i386(frame, Door::Syscall32)) }
}

/// Loads the sixth argument from the top of the program's stack into rbp; `EFAULT` if the stack
/// can't be read.
///
/// # Safety
/// As [`enter_x86_64`].
#[inline(always)]
unsafe fn with_stack_argument(frame: *mut Frame, call: impl Fn(*mut Frame) -> u64) -> u64 {
    // SAFETY: as the caller promises.
    unsafe {
        match usercopy::read_u32(u64::from((*frame).rsp as u32)) {
            Ok(sixth) => (*frame).rbp = u64::from(sixth),
            Err(errno) => return to_rax(Err(errno)),
        }
        enter_i386(frame, call)
    }
}

/// # Safety
/// As [`enter_x86_64`].
#[inline(always)]
unsafe fn enter_i386(frame: *mut Frame, call: impl Fn(*mut Frame) -> u64) -> u64 {
    #[cfg(debug_assertions)]
    low_memory::begin_call();
    if percpu::is_pending::<{ work::BEFORE_CALL }>() {
        // SAFETY: as the caller promises.
        return unsafe { call_with_work(frame, call) };
    }
    call(frame)
}

/// # Safety
/// As [`enter_x86_64`].
#[inline(always)]
unsafe fn call_i386(frame: *const Frame, door: Door) -> u64 {
    // The low 32 bits of each argument, from 64-bit code too.
    let low = |register: u64| u64::from(register as u32);
    // SAFETY: as the caller promises; not used after the handler is called.
    let frame = unsafe { &*frame };
    let handler = table::i386(frame.orig_rax as u32 as usize, door);
    let (a, b, c) = (low(frame.rbx), low(frame.rcx), low(frame.rdx));
    let (d, e, f) = (low(frame.rsi), low(frame.rdi), low(frame.rbp));
    handler(a, b, c, d, e, f)
}

/// Executes a call with a work bit of [`work::BEFORE_CALL`] pending: a tracing process stops the
/// call and may change or skip it (ptrace(2)), the tracer prints it, or it waits for memory.
///
/// # Safety
/// As [`enter_x86_64`].
#[cold]
unsafe fn call_with_work(frame: *mut Frame, call: impl Fn(*mut Frame) -> u64) -> u64 {
    let stops = percpu::is_pending::<{ work::PTRACE }>();
    // For a skipped call, rax keeps the value that the tracing process set.
    if !stops || ptrace_stop::syscall_entry() {
        let is_printed = percpu::is_pending::<{ work::TRACE }>();
        // SAFETY: as the caller promises; each reference ends with its step.
        unsafe {
            let pending = is_printed
                .then(|| trace::enter(&*frame, table::traced(&*frame)))
                .flatten();
            (*frame).rax = match low_memory::admit(&*frame) {
                Ok(()) => call(frame),
                Err(errno) => to_rax(Err(errno)),
            };
            trace::exit(&*frame, pending);
        }
    }
    if percpu::is_pending::<{ work::PTRACE }>() {
        ptrace_stop::syscall_exit();
    }
    // SAFETY: as the caller promises.
    unsafe { (*frame).rax }
}

/// Handler of the numbers without a call: logs the number and returns `ENOSYS`.
pub fn not_implemented(_: u64, _: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    let task = process::current();
    let frame = task.frame();
    if let Some(door) = Door::of(frame.entry) {
        table::log_unknown(door, frame.orig_rax as u32);
    }
    to_rax(Err(Errno::ENOSYS))
}
