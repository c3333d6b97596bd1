//! Work before the return to user mode: single steps, signals, restartable sequences, a switch to
//! another task.
//!
//! The returns in `exit.rs` call [`exit_work`] if a work bit is set.

use crate::abi::frame::{Frame, TF};
use crate::arch::percpu::{self, work};
use crate::process::{rseq, signal};
use crate::sched::{leftovers, run_queue};

/// Does the pending work of a task before it returns to user mode (exit_to_user_mode_loop in
/// kernel/entry/common.c). A ptrace tracer may write to `frame` while the task waits here, so a
/// reference to the frame is live for one step only.
///
/// # Safety
/// `frame` is the running task's, and the caller has no reference to it.
#[cold]
pub unsafe extern "C" fn exit_work(frame: *mut Frame) {
    loop {
        let pending = percpu::pending_work();
        if pending & (work::SINGLE_STEP | work::LEFTOVERS) != 0 {
            percpu::clear_work(work::SINGLE_STEP | work::LEFTOVERS);
            if pending & work::SINGLE_STEP != 0 {
                // The CPU traps after the next instruction of the program.
                // SAFETY: as the caller says.
                unsafe { (*frame).rflags |= TF };
            }
            if pending & work::LEFTOVERS != 0 {
                leftovers::give_back();
            }
        } else if pending & work::SIGNAL != 0 {
            signal::deliver::deliver();
        } else if pending & work::RSEQ != 0 && pending & work::RESCHEDULE == 0 {
            // SAFETY: as the caller says; `resume` doesn't switch tasks.
            rseq::resume(unsafe { &mut *frame });
        } else if pending & work::RESCHEDULE != 0 {
            run_queue::schedule();
        } else {
            // The bit has had its effect: `return_from_syscall32` uses IRET after exit work, and
            // the other returns compare rip themselves.
            percpu::clear_work(work::IRET);
            return;
        }
    }
}
