//! From a frame to a handler and back: the middle of every way in.
//!
//! Each `enter_*` function is called by one stub of [`crate::entry`] with the saved registers.
//! It finds the number and the arguments where that door has them, looks the handler up in
//! [`table`], and puts the result, or the negated error, into rax's slot. That is all; what a
//! call does is in the other files here, by subject.

use crate::arch::percpu::{self, work};
use crate::entry::frame::{Door, Frame};
use crate::process;
use crate::trace;
use crate::usercopy::UserPtr;

pub mod counters;
pub mod errno;
pub mod table;

mod ids;
mod limits;
mod memory;
pub mod misc;
mod proc;
mod signal;
mod thread;

use errno::{Errno, SysResult};

/// A handler behind its register arguments.
pub type Handler = fn(u64, u64, u64, u64, u64, u64) -> SysResult;

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
pub extern "C" fn enter_x86_64(frame: &mut Frame) {
    // The number is the low half of rax (ABI: the upper half is ignored); negative ones are
    // past the table's end as unsigned ones are.
    let number = frame.orig_rax as u32 as usize;
    if percpu::pending_work() != 0 {
        return with_work(frame, |frame| dispatch_x86_64(frame, number));
    }
    dispatch_x86_64(frame, number);
    if percpu::pending_work() != 0 {
        process::exit_work(frame);
    }
}

#[inline(always)]
fn dispatch_x86_64(frame: &mut Frame, number: usize) {
    let handler = table::x86_64(number, Door::Syscall);
    let result = handler(frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9);
    set_result(frame, result);
}

/// Calls through INT 0x80, from code of either width.
pub extern "C" fn enter_i386(frame: &mut Frame) {
    dispatch_i386(frame, Door::Int80);
}

/// Calls through SYSENTER.
pub extern "C" fn enter_sysenter(frame: &mut Frame) {
    // The way back is the landing pad in this program's vDSO, wherever it was called from;
    // interrupts were on, or user code could not have run.
    frame.rip = process::landing_pad();
    frame.rflags |= 1 << 9;
    with_sixth_argument(frame, Door::Sysenter);
}

/// Calls through SYSCALL from 32-bit code.
pub extern "C" fn enter_syscall32(frame: &mut Frame) {
    // ecx held the return address, so ebp carried the second argument. Back by the landing
    // pad, as if INT 0x80 had been used.
    frame.rip = process::landing_pad();
    frame.rcx = u64::from(frame.rbp as u32);
    with_sixth_argument(frame, Door::Syscall32);
}

/// The sixth argument lies where the program's stack pointer points, if it points anywhere.
fn with_sixth_argument(frame: &mut Frame, door: Door) {
    match UserPtr::<u32>::new(u64::from(frame.rsp as u32)).read() {
        Ok(sixth) => {
            frame.rbp = u64::from(sixth);
            dispatch_i386(frame, door);
        }
        Err(errno) => frame.rax = errno.to_rax(),
    }
}

#[inline(always)]
fn dispatch_i386(frame: &mut Frame, door: Door) {
    if percpu::pending_work() != 0 {
        return with_work(frame, |frame| call_i386(frame, door));
    }
    call_i386(frame, door);
    if percpu::pending_work() != 0 {
        process::exit_work(frame);
    }
}

#[inline(always)]
fn call_i386(frame: &mut Frame, door: Door) {
    let handler = table::i386(frame.orig_rax as u32 as usize, door);
    // 32 bits of each argument, also from 64-bit code.
    let low = |register: u64| u64::from(register as u32);
    let result = handler(
        low(frame.rbx),
        low(frame.rcx),
        low(frame.rdx),
        low(frame.rsi),
        low(frame.rdi),
        low(frame.rbp),
    );
    set_result(frame, result);
}

#[inline(always)]
fn set_result(frame: &mut Frame, result: SysResult) {
    frame.rax = match result {
        Ok(value) => value as u64,
        Err(errno) => errno.to_rax(),
    };
}

/// The slow way round a call: the tracer prints it, and afterwards what else waits is done.
#[cold]
fn with_work(frame: &mut Frame, call: impl FnOnce(&mut Frame)) {
    if percpu::pending_work() & work::TRACE != 0 {
        let pending = trace::enter(frame);
        call(frame);
        trace::exit(frame, pending);
    } else {
        call(frame);
    }
    process::exit_work(frame);
}

/// The handler of every number without one.
pub fn not_implemented(_: u64, _: u64, _: u64, _: u64, _: u64, _: u64) -> SysResult {
    let task = process::current();
    let frame = task.frame();
    if let Some(door) = Door::of(frame.entry) {
        table::log_unknown(door, frame.orig_rax as u32);
    }
    Err(Errno::ENOSYS)
}
