//! What becomes of a call that a signal interrupted: it goes on, or ends with `EINTR`.
//!
//! | the call returned | no handler ran | handler | handler with SA_RESTART |
//! |---|---|---|---|
//! | `ERESTARTNOINTR` | again | again | again |
//! | `ERESTARTSYS` | again | `EINTR` | again |
//! | `ERESTARTNOHAND` | again | `EINTR` | `EINTR` |
//! | `ERESTART_RESTARTBLOCK` | goes on by restart_syscall(2) | `EINTR` | `EINTR` |
//!
//! "Again" is the program's own instruction once more, two bytes back, with the number in rax.
//! SYSENTER's landing pad has an INT 0x80 there for it. A call that must not start from its
//! beginning, because time has passed, leaves a [`Restart`] (arch/x86/kernel/signal.c:
//! handle_signal, arch_do_signal_or_restart).

use crate::abi::errno::{Errno, SysResult, to_rax};
use crate::abi::frame::{Door, Frame};
use crate::process::current;

/// restart_syscall(2)'s number in the x86_64 table.
const NUMBER_64: u64 = 219;
/// The same in the i386 table.
const NUMBER_32: u64 = 0;
/// Bytes of SYSCALL, and of INT 0x80.
const INSTRUCTION: u64 = 2;

const NO_INTR: u64 = to_rax(Err(Errno::ERESTARTNOINTR));
const SYS: u64 = to_rax(Err(Errno::ERESTARTSYS));
const NO_HAND: u64 = to_rax(Err(Errno::ERESTARTNOHAND));
const BLOCK: u64 = to_rax(Err(Errno::ERESTART_RESTARTBLOCK));

/// How an interrupted call goes on (struct restart_block).
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    /// The rest of the call.
    pub go_on: fn([u64; 4]) -> SysResult,
    /// What it gets: how much time is left, where that is to be told ...
    pub with: [u64; 4],
}

/// Has the running task go on with `go_on(with)` if no handler runs: the interrupted call returns
/// this error.
pub fn later(go_on: fn([u64; 4]) -> SysResult, with: [u64; 4]) -> Errno {
    current().signals.lock().restart = Some(Restart { go_on, with });
    Errno::ERESTART_RESTARTBLOCK
}

/// restart_syscall(2): goes on. A program that calls it on its own gets `EINTR`.
pub fn restart_syscall() -> SysResult {
    let restart = current().signals.lock().restart.take();
    match restart {
        Some(Restart { go_on, with }) => go_on(with),
        None => Err(Errno::EINTR),
    }
}

/// Whether the frame is that of a call; not so for an exception, and after sigreturn(2).
fn is_call(frame: &Frame) -> bool {
    frame.orig_rax as i32 != -1
}

fn again(frame: &mut Frame, number: u64) {
    frame.rax = number;
    frame.rip = frame.rip.wrapping_sub(INSTRUCTION);
}

/// A handler is to run: its frame gets what the call returns after it.
pub fn before_handler(frame: &mut Frame, restarts: bool) {
    if !is_call(frame) {
        return;
    }
    match frame.rax {
        NO_INTR => again(frame, frame.orig_rax),
        SYS if restarts => again(frame, frame.orig_rax),
        SYS | NO_HAND | BLOCK => frame.rax = to_rax(Err(Errno::EINTR)),
        _ => {}
    }
}

/// No handler ran: the call goes on.
pub fn without_handler(frame: &mut Frame) {
    if !is_call(frame) {
        return;
    }
    match frame.rax {
        NO_INTR | SYS | NO_HAND => again(frame, frame.orig_rax),
        BLOCK if frame.entry == Door::Syscall as u64 => again(frame, NUMBER_64),
        BLOCK => again(frame, NUMBER_32),
        _ => {}
    }
}
