//! Interrupts of the timers and the serial port. At a tick the clocks, the load average,
//! the terminals, the scheduler and the CPU times are updated, in that order; then the timers that
//! are due expire.
//!
//! An interrupt can occur only in user mode, in the idle loop, where a task gives the CPU up
//! (`sched/run_queue.rs`) and at a preemption point of a long call (`sched/preempt.rs`): no lock is
//! held.

use crate::abi::frame::LiveFrame;
use crate::dev::{local_apic, pic};
use crate::process::{fault, rusage, timers};
use crate::sched::{load, run_queue};
use crate::time::{self, idle, timer};
use crate::{sync, tty};

/// Handles an interrupt of the PIC's lines that are unmasked, the timer and the serial port, or of
/// the local APIC. `frame` is the interrupted code's.
pub fn handle(frame: &LiveFrame, vector: u8) {
    sync::assert_none_held("an interrupt is taken");
    let ticks_stopped = idle::catch_up().map(load::pass).is_some();
    // Acknowledged first: the tick's sample reads the program's code, which may fault and sleep for
    // memory while other tasks run.
    match vector {
        local_apic::TIMER_VECTOR => local_apic::acknowledge(),
        local_apic::SPURIOUS_VECTOR => return,
        _ => pic::acknowledge(vector - pic::BASE),
    }
    match vector {
        TIMER | local_apic::TIMER_VECTOR if ticks_stopped => {
            tty::tick();
            run_queue::by_clock(timer::run_due);
            fault::report_nmis();
        }
        TIMER => timer(frame),
        SERIAL => tty::serial::receive(),
        // The local APIC's, from before the ticks went on.
        _ => {}
    }
}

/// Vector of the PIT.
const TIMER: u8 = pic::BASE + pic::TIMER;
/// Vector of the serial port.
const SERIAL: u8 = pic::BASE + pic::COM1;

/// Handles a timer interrupt: a tick, or the expiry of a timer between two ticks.
fn timer(frame: &LiveFrame) {
    if time::is_tick() {
        time::tick();
        load::pass(1);
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
    fault::report_nmis();
}
