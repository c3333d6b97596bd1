//! Work before the return to user mode: single steps, signals, restartable sequences, a switch to
//! another task.
//!
//! The returns in `exit.rs` call [`exit_work`] if a work bit is set.

use crate::abi::frame::TF;
use crate::arch::percpu::{self, work};
use crate::process::{current, rseq, signal};
use crate::sched::{leftovers, run_queue};

/// Does the pending work of a task before it returns to user mode (exit_to_user_mode_loop in
/// kernel/entry/common.c). Returns whether the task's frame was edited since its entry: SYSRET may
/// not restore such a frame.
#[cold]
pub extern "C" fn exit_work() -> bool {
    loop {
        let pending = percpu::pending_work();
        if pending & (work::SINGLE_STEP | work::LEFTOVERS) != 0 {
            percpu::clear_work::<{ work::SINGLE_STEP | work::LEFTOVERS }>();
            rare_work(pending);
        } else if pending & work::SIGNAL != 0 {
            signal::deliver::deliver();
        } else if pending & work::RSEQ != 0 && pending & work::RESCHEDULE == 0 {
            rseq::resume();
        // ANCHOR: edited
        } else if pending & work::RESCHEDULE != 0 {
            run_queue::schedule();
        } else {
            percpu::clear_work::<{ work::FRAME_EDITED }>();
            return pending & work::FRAME_EDITED != 0;
        }
        // ANCHOR_END: edited
    }
}

/// The work that is seldom left: the single step of a debugger, what a long call left to do. Apart
/// from [`exit_work`], which so saves no registers for it.
#[cold]
#[inline(never)]
fn rare_work(pending: u32) {
    if pending & work::SINGLE_STEP != 0 {
        // The CPU traps after the next instruction of the program.
        current().edit_frame(|frame| frame.rflags.update(|flags| flags | TF));
    }
    if pending & work::LEFTOVERS != 0 {
        leftovers::give_back();
    }
}
