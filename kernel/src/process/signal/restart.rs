//! Restart of a call that a signal interrupted (arch/x86/kernel/signal.c: handle_signal,
//! arch_do_signal_or_restart).
//!
//! | the call returned | no handler ran | handler | handler with SA_RESTART |
//! |---|---|---|---|
//! | `ERESTARTNOINTR` | restart | restart | restart |
//! | `ERESTARTSYS` | restart | `EINTR` | restart |
//! | `ERESTARTNOHAND` | restart | `EINTR` | `EINTR` |
//! | `ERESTART_RESTARTBLOCK` | restart_syscall(2) | `EINTR` | `EINTR` |
//!
//! A restart executes the program's instruction again, two bytes back, with the call's number in
//! rax. SYSENTER's landing pad has an INT 0x80 there for that. A call that must not start from the
//! beginning, because part of its time has passed, stores a [`Restart`] for restart_syscall(2).

use super::state::Restart;
use crate::abi::door::Table;
use crate::abi::errno::{Errno, SysResult, to_rax};
use crate::abi::frame::LiveFrame;
use crate::process::current;

/// Bytes of SYSCALL and of INT 0x80.
const INSTRUCTION: u64 = 2;

const NO_INTR: u64 = to_rax(Err(Errno::ERESTARTNOINTR));
const SYS: u64 = to_rax(Err(Errno::ERESTARTSYS));
const NO_HAND: u64 = to_rax(Err(Errno::ERESTARTNOHAND));
const BLOCK: u64 = to_rax(Err(Errno::ERESTART_RESTARTBLOCK));

/// Stores `go_on(with)` as the continuation of the present call, and returns the error that the
/// call must return.
pub fn later(go_on: fn([u64; 4]) -> SysResult, with: [u64; 4]) -> Errno {
    current().signals.lock().restart = Some(Restart { go_on, with });
    Errno::ERESTART_RESTARTBLOCK
}

/// restart_syscall(2): runs the stored continuation; `EINTR` if there is none.
pub fn restart_syscall() -> SysResult {
    let restart = current().signals.lock().restart.take();
    match restart {
        Some(Restart { go_on, with }) => go_on(with),
        None => Err(Errno::EINTR),
    }
}

/// Whether a frame with this orig_rax is a system call's, not an exception's or one after
/// sigreturn(2).
fn is_call(orig_rax: u64) -> bool {
    orig_rax as i32 != -1
}

/// restart_syscall(2)'s number.
const fn restart_number(table: Table) -> u64 {
    match table {
        Table::X86_64 => 219,
        Table::I386 => 0,
    }
}

// ANCHOR: restart-call
fn restart_call(frame: &LiveFrame, number: u64) {
    frame.rax.set(number);
    frame.rip.update(|rip| rip.wrapping_sub(INSTRUCTION));
}
// ANCHOR_END: restart-call

/// Prepares a call's frame before a handler: restarts the call, or makes it return `EINTR`.
/// `restarts`: the handler has SA_RESTART.
pub fn before_handler(frame: &LiveFrame, restarts: bool) {
    let number = frame.orig_rax.get();
    if !is_call(number) {
        return;
    }
    // ANCHOR: before-handler
    match frame.rax.get() {
        NO_INTR => restart_call(frame, number),
        SYS if restarts => restart_call(frame, number),
        SYS | NO_HAND | BLOCK => frame.rax.set(to_rax(Err(Errno::EINTR))),
        _ => {}
    }
    // ANCHOR_END: before-handler
}

/// Restarts the running task's call if it was interrupted and no handler runs.
pub fn without_handler() {
    let task = current();
    let frame = task.frame();
    if !is_call(frame.orig_rax) {
        return;
    }
    let number = match frame.rax {
        NO_INTR | SYS | NO_HAND => Some(frame.orig_rax),
        BLOCK => frame.table().map(restart_number),
        _ => None,
    };
    if let Some(number) = number {
        task.edit_frame(|frame| restart_call(frame, number));
    }
}
