//! Dispatch: from the saved frame to the handler of the call's table.
//!
//! Each stub calls one `enter_*` function with the frame's address. The function reads the number
//! and the arguments where that door has them, and calls the table's handler with them. It returns
//! the value for rax, which `entry/exit.rs` stores in the frame. If a work bit of
//! [`work::BEFORE_CALL`] is pending (call log, ptrace tracer, low memory), `call_with_work` makes
//! the call.
//!
//! The next file on a call's path: `syscall/table.rs`, which has the handlers by number.

use crate::abi::door::Door;
use crate::abi::errno::to_rax;
use crate::abi::frame::LiveFrame;
use crate::arch::percpu::{self, work};
use crate::process::ptrace::stop as ptrace_stop;
use crate::syscall::{low_memory, table};
use crate::{trace, usercopy};

/// Dispatches a call made by SYSCALL from 64-bit code.
///
/// For all four doors: `frame` is the running task's.
pub extern "C" fn enter_x86_64(frame: &LiveFrame) -> u64 {
    #[cfg(debug_assertions)]
    low_memory::begin_call();
    if percpu::is_pending::<{ work::BEFORE_CALL }>() {
        return call_with_work(frame, call_x86_64);
    }
    call_x86_64(frame)
}

#[inline(always)]
fn call_x86_64(frame: &LiveFrame) -> u64 {
    // The number is the low half of rax: Linux ignores the upper half. A negative one, taken as
    // unsigned, is past the table's end.
    let frame = frame.copy();
    let handler = table::x86_64(frame.orig_rax as u32 as usize, Door::Syscall);
    let (a, b, c) = (frame.rdi, frame.rsi, frame.rdx);
    let (d, e, f) = (frame.r10, frame.r8, frame.r9);
    handler(a, b, c, d, e, f)
}

/// Dispatches a call made by INT 0x80, from code of either width.
pub extern "C" fn enter_int80(frame: &LiveFrame) -> u64 {
    enter_i386(frame, |frame| call_i386(frame, Door::Int80))
}

/// Dispatches a call made by SYSENTER.
pub extern "C" fn enter_sysenter(frame: &LiveFrame) -> u64 {
    with_stack_argument(frame, |frame| call_i386(frame, Door::Sysenter))
}

/// Dispatches a call made by SYSCALL from 32-bit code.
pub extern "C" fn enter_syscall32(frame: &LiveFrame) -> u64 {
    with_stack_argument(frame, |frame| call_i386(frame, Door::Syscall32))
}

/// Loads the sixth argument, the word at the program's stack pointer, into the frame's rbp, and
/// makes the call. If the word can't be read, returns `-EFAULT` without a call.
#[inline(always)]
fn with_stack_argument(frame: &LiveFrame, call: impl Fn(&LiveFrame) -> u64) -> u64 {
    match usercopy::read_u32(u64::from(frame.rsp.get() as u32)) {
        Ok(sixth) => frame.rbp.set(u64::from(sixth)),
        Err(errno) => return to_rax(Err(errno)),
    }
    enter_i386(frame, call)
}

#[inline(always)]
fn enter_i386(frame: &LiveFrame, call: impl Fn(&LiveFrame) -> u64) -> u64 {
    #[cfg(debug_assertions)]
    low_memory::begin_call();
    if percpu::is_pending::<{ work::BEFORE_CALL }>() {
        return call_with_work(frame, call);
    }
    call(frame)
}

#[inline(always)]
fn call_i386(frame: &LiveFrame, door: Door) -> u64 {
    // The low 32 bits of each argument, from 64-bit code too.
    let low = |register: u64| u64::from(register as u32);
    let frame = frame.copy();
    let handler = table::i386(frame.orig_rax as u32 as usize, door);
    let (a, b, c) = (low(frame.rbx), low(frame.rcx), low(frame.rdx));
    let (d, e, f) = (low(frame.rsi), low(frame.rdi), low(frame.rbp));
    handler(a, b, c, d, e, f)
}

/// Makes a call with a work bit of [`work::BEFORE_CALL`] pending: a ptrace tracer stops the task
/// before and after the call and may change or skip the call, the call log prints it, and with
/// memory low the call first waits for memory.
#[cold]
fn call_with_work(frame: &LiveFrame, call: impl Fn(&LiveFrame) -> u64) -> u64 {
    let stops = percpu::is_pending::<{ work::PTRACE }>();
    // For a skipped call, rax keeps the value that the ptrace tracer set.
    if !stops || ptrace_stop::syscall_entry() {
        let is_printed = percpu::is_pending::<{ work::TRACE }>();
        let before = frame.copy();
        let pending = is_printed
            .then(|| trace::enter(&before, table::traced(&before)))
            .flatten();
        frame.rax.set(match low_memory::admit(&before) {
            Ok(()) => call(frame),
            Err(errno) => to_rax(Err(errno)),
        });
        trace::exit(&frame.copy(), pending);
    }
    if percpu::is_pending::<{ work::PTRACE }>() {
        ptrace_stop::syscall_exit();
    }
    frame.rax.get()
}
