//! From a frame to a handler and back: the middle of every way in.
//!
//! Each `enter_*` function is called by one stub of [`crate::entry`] with the saved registers.
//! It finds the number and the arguments where that door has them, takes the handler from
//! [`table`] and calls it; what it returns is rax's value. That is all: what a call does is in
//! the other files here, by subject.
//!
//! The next file on a call's way: `syscall/io.rs`, where write(2)'s handler is.

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

/// A handler behind its register arguments; returns rax's value.
pub type Handler = fn(u64, u64, u64, u64, u64, u64) -> u64;

/// Types that an argument register turns into.
pub trait FromRegister {
    /// The argument, as C would cut it to the type.
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
/// For all four doors: `frame` is the running task's, and nothing refers to it. Handlers and tracers
/// change it, so that no reference to it lives while they may.
pub unsafe extern "C" fn enter_x86_64(frame: *mut Frame) -> u64 {
    #[cfg(debug_assertions)]
    low_memory::begin_call();
    // SAFETY: as the caller says.
    unsafe {
        if percpu::is_pending::<{ work::BEFORE_CALL }>() {
            return watched(frame, |frame| call_x86_64(frame));
        }
        call_x86_64(frame)
    }
}

/// # Safety
/// As [`enter_x86_64`].
#[inline(always)]
unsafe fn call_x86_64(frame: *const Frame) -> u64 {
    // The number is the low half of rax (the ABI ignores the other); negative ones are past
    // the table's end, as unsigned numbers.
    // SAFETY: as the caller says; not used any more once the handler runs.
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
    // SAFETY: as the caller says.
    unsafe { enter_i386(frame, |frame| call_i386(frame, Door::Int80)) }
}

/// Calls through SYSENTER.
///
/// # Safety
/// As [`enter_x86_64`].
pub unsafe extern "C" fn enter_sysenter(frame: *mut Frame) -> u64 {
    // SAFETY: as the caller says.
    unsafe { with_stack_argument(frame, |frame| call_i386(frame, Door::Sysenter)) }
}

/// Calls through SYSCALL from 32-bit code.
///
/// # Safety
/// As [`enter_x86_64`].
pub unsafe extern "C" fn enter_syscall32(frame: *mut Frame) -> u64 {
    // SAFETY: as the caller says.
    unsafe { with_stack_argument(frame, |frame| call_i386(frame, Door::Syscall32)) }
}

/// Loads the sixth argument from the top of the program's stack into rbp; `EFAULT` if the stack
/// can't be read.
///
/// # Safety
/// As [`enter_x86_64`].
#[inline(always)]
unsafe fn with_stack_argument(frame: *mut Frame, call: impl Fn(*mut Frame) -> u64) -> u64 {
    // SAFETY: as the caller says.
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
        // SAFETY: as the caller says.
        return unsafe { watched(frame, call) };
    }
    call(frame)
}

/// # Safety
/// As [`enter_x86_64`].
#[inline(always)]
unsafe fn call_i386(frame: *const Frame, door: Door) -> u64 {
    // 32 bits of each argument, also from 64-bit code.
    let low = |register: u64| u64::from(register as u32);
    // SAFETY: as the caller says; not used any more once the handler runs.
    let frame = unsafe { &*frame };
    let handler = table::i386(frame.orig_rax as u32 as usize, door);
    let (a, b, c) = (low(frame.rbx), low(frame.rcx), low(frame.rdx));
    let (d, e, f) = (low(frame.rsi), low(frame.rdi), low(frame.rbp));
    handler(a, b, c, d, e, f)
}

/// A call that is watched: by a process (ptrace(2)), which may change it or take it away, and by
/// the tracer that prints it; or that must wait for memory.
///
/// # Safety
/// As [`enter_x86_64`].
#[cold]
unsafe fn watched(frame: *mut Frame, call: impl Fn(*mut Frame) -> u64) -> u64 {
    let is_held = percpu::is_pending::<{ work::PTRACE }>();
    // A call that isn't made leaves in rax what the one who took it away put there.
    if !is_held || ptrace_stop::syscall_entry() {
        let is_printed = percpu::is_pending::<{ work::TRACE }>();
        // SAFETY: as the caller says; each reference lives as long as the step.
        unsafe {
            let pending = is_printed.then(|| trace::enter(&*frame)).flatten();
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
    // SAFETY: as the caller says.
    unsafe { (*frame).rax }
}

/// The handler of every number without one.
pub fn not_implemented(_: u64, _: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
    let task = process::current();
    let frame = task.frame();
    if let Some(door) = Door::of(frame.entry) {
        table::log_unknown(door, frame.orig_rax as u32);
    }
    to_rax(Err(Errno::ENOSYS))
}
