//! Interrupts of the timer and the serial port. At a tick the clocks, the load average,
//! the terminals, the scheduler and the CPU times are updated, in that order; then the timers that
//! are due expire.
//!
//! An interrupt can occur only in user mode, in the idle loop, where a task gives the CPU up
//! (`sched/run_queue.rs`) and at a preemption point of a long call (`sched/preempt.rs`): no lock is
//! held.

use crate::abi::frame::LiveFrame;
use crate::dev::pic;
use crate::process::{fault, rusage, timers};
use crate::sched::{load, run_queue};
use crate::time::{self, timer};
use crate::{sync, tty};

/// Handles an interrupt of the PIC's `line`: the timer or the serial port, the lines that are
/// unmasked. `frame` is the interrupted code's.
pub fn handle(frame: &LiveFrame, line: u8) {
    sync::assert_none_held("an interrupt is taken");
    // Acknowledged first: the tick's sample reads the program's code, which may fault and sleep for
    // memory while other tasks run.
    pic::acknowledge(line);
    if line == pic::TIMER {
        timer(frame);
        fault::report_nmis();
    } else if line == pic::COM1 {
        tty::serial::receive();
    }
}

/// Handles a timer interrupt: a tick, or the expiry of a timer between two ticks.
fn timer(frame: &LiveFrame) {
    if time::is_tick() {
        time::tick();
        load::tick();
        tty::tick();
        run_queue::tick();
        // Not in the idle loop or between two tasks: no task runs.
        if frame.is_user() || run_queue::is_running() {
            rusage::sample(&frame.copy());
            timers::tick();
        }
    }
    run_queue::by_clock(timer::run_due);
    time::plan();
}
