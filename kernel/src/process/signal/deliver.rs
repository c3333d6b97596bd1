//! Taking signals on the way back to the program: default actions, stops, handlers.

use super::{DEFAULT, IGNORE, IGNORED_BY_DEFAULT, STOPPING, SigInfo, bit};
use crate::arch::percpu::{self, work};
use crate::entry::frame::Frame;
use crate::process::exit::{self, ExitStatus};
use crate::process::{Task, init, sched, stop};
use crate::syscall::errno::{Errno, to_rax};

/// Takes the running task's signals, one after the other, until none is left or a handler is to
/// run.
pub fn deliver(frame: &mut Frame) {
    let task = sched::current_task();
    loop {
        let must_exit = task.signals.lock().must_exit;
        if let Some(status) = must_exit {
            drop(task);
            exit::exit_thread(status);
        }
        if task.signals.lock().stop_pending {
            stop::join(&task);
            continue;
        }
        let Some(info) = next(&task) else {
            restart(frame);
            return;
        };
        let action = task.process.actions.lock().get(info.signo);
        let forced = {
            let mut signals = task.signals.lock();
            let forced = signals.forced & bit(info.signo) != 0;
            signals.forced &= !bit(info.signo);
            forced
        };
        match action.handler {
            IGNORE => {}
            // Handlers are not called yet.
            _ if IGNORED_BY_DEFAULT & bit(info.signo) != 0 => {}
            DEFAULT if task.process.pid == init::PID && !forced => {}
            DEFAULT if STOPPING & bit(info.signo) != 0 => {
                if stop::may_stop(&task.process, info.signo) {
                    stop::start(&task.process, info.signo);
                }
            }
            _ => {
                drop(task);
                exit::exit_group(ExitStatus::Killed(info.signo));
            }
        }
    }
}

/// RF: has even the fast doors return by IRET, which can go anywhere (`entry/exit.rs`).
const RF: u64 = 1 << 16;

/// A call that a signal interrupted is made again, if no handler ran: the instruction that made
/// it is two bytes long at every door.
fn restart(frame: &mut Frame) {
    if frame.orig_rax as i64 == -1 {
        return;
    }
    let is = |errno: Errno| frame.rax == to_rax(Err(errno));
    if is(Errno::ERESTARTSYS) || is(Errno::ERESTARTNOINTR) || is(Errno::ERESTARTNOHAND) {
        frame.rax = frame.orig_rax;
        frame.rip -= 2;
        frame.rflags |= RF;
    } else if is(Errno::ERESTART_RESTARTBLOCK) {
        frame.rax = to_rax(Err(Errno::EINTR));
    }
}

/// The next signal to take; with none left, there is no more work.
fn next(task: &Task) -> Option<SigInfo> {
    let mut own = task.signals.lock();
    let mask = !own.blocked;
    let next = own
        .pending
        .pop(mask)
        .or_else(|| task.process.signals.lock().pending.pop(mask));
    if next.is_none() {
        percpu::clear_work(work::SIGNAL);
    }
    next
}
