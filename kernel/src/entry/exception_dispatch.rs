//! Dispatch of exceptions and NMIs by vector and by the interrupted code, and the exceptions of the
//! kernel's own code.
//!
//! A program's exceptions and all page faults go to `process/fault.rs`. The rest, handled here,
//! interrupted the kernel: #DB (a program's TF at SYSENTER, its breakpoint that `mov ss` delayed,
//! its watchpoint hit by a copy), the double fault of an IRET on the espfix stack, and faults of
//! instructions that have a continuation for that case (`arch/extable.rs`), such as those of a copy
//! from or to user memory. Any other exception of the kernel is a bug, and a panic.

use x86_64::registers::control::Cr2;

use super::exceptions::STUBS;
use super::exit;
use crate::abi::frame::{LiveFrame, TF};
use crate::arch::idt::Stub;
use crate::arch::percpu::{self, work};
use crate::arch::{debug, extable};
use crate::mm::espfix;
use crate::process::fault::{self, DEBUG, PAGE_FAULT};
use crate::process::{current, signal, try_current};

const NMI: u8 = 2;
const DOUBLE_FAULT: u8 = 8;

/// Handles an exception. Returns if the interrupted code can continue, possibly at another address
/// set in `frame`.
pub fn handle(frame: &LiveFrame, vector: u8, error_code: u64) {
    match vector {
        NMI => fault::count_nmi(),
        PAGE_FAULT => fault::page_fault(frame, error_code),
        _ if frame.is_user() => fault::user_exception(frame, vector, error_code),
        DEBUG if kernel_debug(frame) => {}
        DOUBLE_FAULT if espfix::is_espfix(frame.rsp.get()) => leave_espfix(frame),
        _ => match extable::fixup(frame.rip.get()) {
            Some(landing) => frame.rip.set(landing),
            // The usual cause of a double fault is a stack overflow into the guard page: CR2 has
            // the address.
            None if vector == DOUBLE_FAULT => {
                fault::kernel_bug(frame, vector, error_code, Cr2::read_raw())
            }
            None => fault::kernel_bug(frame, vector, error_code, 0),
        },
    }
}

/// Handles the double fault of an IRET to a 16-bit stack segment: IRET faulted, and the fault could
/// not be pushed to the read-only espfix stack. Continues at a stub that makes it the program's
/// fault.
fn leave_espfix(frame: &LiveFrame) {
    continue_at(frame, exit::espfix_failed);
}

/// Makes the exception return to a stub of `exit.rs`, with the task's frame as its stack.
fn continue_at(frame: &LiveFrame, stub: Stub) {
    let registers = current().frame_pointer();
    frame.rip.set(stub as *const () as u64);
    frame.rsp.set(registers as u64);
    frame.rflags.set(KERNEL_FLAGS);
}

/// RFLAGS with interrupts disabled; bit 1 always reads as 1.
const KERNEL_FLAGS: u64 = 1 << 1;

/// Handles #DB in ring 0: a program's TF, which SYSENTER doesn't clear, or a program's breakpoint
/// that `mov ss` delayed into the entry code. A single-stepped program gets its trap before the
/// return to user mode. As on Linux, a kernel copy that hits a watchpoint is not reported.
fn kernel_debug(frame: &LiveFrame) -> bool {
    // Conditions left in DR6 would be reported with the program's next #DB.
    debug::take_status();
    if frame.rip.get() == STUBS[usize::from(DEBUG)] as *const () as u64 {
        kill_by_lost_frame(frame);
        return true;
    }
    // ANCHOR: kernel-tf
    if frame.rflags.get() & TF == 0 {
        return try_current().is_some();
    }
    frame.rflags.update(|flags| flags & !TF);
    percpu::set_work(work::SINGLE_STEP);
    true
    // ANCHOR_END: kernel-tf
}

/// Handles a second #DB at the first instruction of the first one's stub, which QEMU raises but no
/// CPU does (`process/ptrace/debug.rs`). This frame has overwritten the program's rip, flags and
/// stack pointer: the process is killed.
fn kill_by_lost_frame(frame: &LiveFrame) {
    fault::report(&current().frame(), "a trap within a trap", 0, 0);
    signal::kill(&current().process);
    continue_at(frame, exit::frame_lost);
}
