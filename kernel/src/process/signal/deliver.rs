//! Delivery of signals before the return to user mode: default actions, stops and handlers, and the
//! restart of an interrupted call (arch_do_signal_or_restart, get_signal).

use super::Trap;
use super::alternate::AlternateStack;
use super::frame::Delivery;
use super::{Action, SA_IA32_ABI, force, frame32, frame64, mask, restart};
use crate::abi::frame::LiveFrame;
use crate::abi::signal::{DEFAULT, IGNORE, IGNORED_BY_DEFAULT, SIGSEGV, STOPPING, SigInfo, bit};
use crate::arch::percpu::work;
use crate::arch::{fpu, percpu};
use crate::process::exit;
use crate::process::ptrace;
use crate::process::status::ExitStatus;
use crate::process::{Task, call_log, current, current_task, rseq, stop};
use linux_raw_sys::general::{SA_NODEFER, SA_RESETHAND, SA_RESTART, SS_AUTODISARM};

/// Dequeues and delivers signals of the running task until none is left or a handler's frame has
/// been pushed. After that the caller calls it again for signals that are left: the handler of the
/// signal delivered last runs first.
// Apart from `exit_work`: the other work needs none of the registers that this saves.
#[inline(never)]
pub fn deliver() {
    let task = current();
    loop {
        let (is_traced, stop_wanted) = ptrace::stop::wanted(&task);
        let mut own = task.signals.lock();
        if let Some(status) = own.must_exit {
            drop(own);
            exit::exit_thread(status);
        }
        if own.stop_pending {
            drop(own);
            stop::join(&current_task());
            continue;
        }
        if stop_wanted {
            drop(own);
            ptrace::stop::wanted_stop();
            continue;
        }
        let mut shared = task.process.signals.lock();
        let mut info = if let Some(signo) = own.pending.next(!own.blocked) {
            own.pending.take(signo)
        } else if let Some(signo) = shared.pending.next(!own.blocked) {
            shared.pending.take(signo)
        } else {
            percpu::clear_work::<{ work::SIGNAL }>();
            drop((shared, own));
            restart::without_handler();
            mask::restore();
            return;
        };
        if (own.pending.set() | shared.pending.set()) & !own.blocked == 0 {
            percpu::clear_work::<{ work::SIGNAL }>();
        }
        // Whether an exception of the thread forced the signal.
        let mut forced = own.forced & bit(info.signo) != 0;
        own.forced &= !bit(info.signo);
        drop((shared, own));
        task.process.timers.signal_taken(&mut info);
        if is_traced {
            let Some(chosen) = ptrace::stop::before_delivery(info) else {
                continue;
            };
            forced &= chosen.signo == info.signo;
            info = chosen;
        }
        if let Some(log) = call_log::active() {
            (log.arrived)(&info);
        }
        let action = take_action(&task, info.signo);
        match action.handler {
            IGNORE => {}
            DEFAULT if IGNORED_BY_DEFAULT & bit(info.signo) != 0 => {}
            DEFAULT if task.process.is_init() && !forced => {}
            DEFAULT if STOPPING & bit(info.signo) != 0 => {
                if stop::may_stop(&task.process, info.signo) {
                    stop::start(&task.process, info.signo);
                }
            }
            DEFAULT => exit::exit_group(ExitStatus::Killed(info.signo)),
            _ => {
                // The signal frame saves the address at which the thread continues after the
                // handler.
                rseq::resume();
                // ANCHOR: call-handler
                task.edit_frame(|frame| {
                    restart::before_handler(frame, action.flags & u64::from(SA_RESTART) != 0);
                    call_handler(&task, frame, &info, &action);
                });
                // ANCHOR_END: call-handler
                return;
            }
        }
    }
}

/// The action of a signal. Resets the action of a one-shot handler (SA_RESETHAND).
#[inline(always)]
fn take_action(task: &Task, signo: u8) -> Action {
    task.process.with_actions(|actions| {
        let action = actions.get(signo);
        if action.flags & u64::from(SA_RESETHAND) != 0 && action.handler > IGNORE {
            let handler = DEFAULT;
            actions.set(signo, Action { handler, ..action });
        }
        action
    })
}

/// Pushes the signal frame, and sets the mask and the registers that the handler runs with. If the
/// frame can't be written the program gets SIGSEGV, which kills it if SIGSEGV is the signal
/// delivered.
#[inline(always)]
fn call_handler(task: &Task, frame: &LiveFrame, info: &SigInfo, action: &Action) {
    let delivery = {
        let signals = task.signals.lock();
        Delivery {
            info,
            action,
            mask: signals.saved.unwrap_or(signals.blocked),
            alternate: signals.alternate,
            trap: signals.trap,
        }
    };
    // The kind of frame depends on the call that set the handler, not on the interrupted code.
    let pushed = if action.flags & SA_IA32_ABI != 0 {
        frame32::push(frame, &delivery)
    } else {
        frame64::push(frame, &delivery)
    };
    if pushed.is_err() {
        if info.signo == SIGSEGV {
            let handler = DEFAULT;
            let action = Action { handler, ..*action };
            task.process
                .with_actions(|actions| actions.set(SIGSEGV, action));
        }
        force(&SigInfo::kernel(SIGSEGV));
        return;
    }
    fpu::load_initial(u64::MAX);
    let own = if action.flags & u64::from(SA_NODEFER) == 0 {
        bit(info.signo)
    } else {
        0
    };
    let mut signals = task.signals.lock();
    // The frame has the saved mask now.
    signals.saved = None;
    if signals.alternate.flags & SS_AUTODISARM != 0 {
        signals.alternate = AlternateStack::DISABLED;
    }
    let blocked = signals.blocked | action.mask | own;
    mask::set_in(task, signals, blocked);
}

/// Records an exception for the signal frames (thread.trap_nr, error_code, cr2). `address`: the
/// faulting address of a page fault.
pub fn note_trap(task: &Task, number: u8, error: u64, address: Option<u64>) {
    let mut signals = task.signals.lock();
    signals.trap = Trap {
        number: number.into(),
        error,
        cr2: address.unwrap_or(signals.trap.cr2),
    };
}
