//! The tracee's side: the stops of a traced thread, their report to the tracer, and the signal with
//! which the thread continues.

use alloc::sync::Arc;

use linux_raw_sys::general::{CLD_STOPPED, CLD_TRAPPED};
use linux_raw_sys::ptrace as linux;

use super::{Mode, Options, Reason, Stop};
use crate::abi::signal::{Fields, SIGKILL, SIGTRAP, SigInfo, bit};
use crate::arch::percpu::{self, work};
use crate::process::notify;
use crate::process::signal;
use crate::process::status::{ExitStatus, StopState};
use crate::process::{Process, Task, current, current_task};
use crate::sched::run_queue;
use crate::sched::thread::ThreadState;

/// Added to SIGTRAP at system calls with PTRACE_O_TRACESYSGOOD.
const SYSGOOD: u32 = 0x80;

/// Stops the running thread until its tracer resumes it (ptrace_stop). Returns the stop, with the
/// signal to continue with; `None` at once if the thread isn't traced or must exit.
///
/// The tracer may change the thread's frame meanwhile: no caller may keep a copy of it across the
/// stop.
fn hold(reason: Reason, code: u32, info: SigInfo, message: Option<u64>) -> Option<Stop> {
    let task = current_task();
    let tracer = {
        let mut tracing = task.tracing.lock();
        let tracing = tracing.as_mut()?;
        if signal::is_dying() {
            return None;
        }
        tracing.stop = Some(Stop {
            reason,
            code,
            info,
            told: false,
            signal: 0,
        });
        if let Some(message) = message {
            tracing.message = message;
        }
        tracing.tracer.upgrade()
    };
    if let Some(tracer) = tracer {
        task.set_state(ThreadState::Traced);
        let why = if reason == Reason::Group {
            CLD_STOPPED
        } else {
            CLD_TRAPPED
        };
        notify_tracer(&tracer, &task, why as i32, (code & 0x7f) as i32);
        run_queue::schedule();
    }
    let mut tracing = task.tracing.lock();
    let tracing = tracing.as_mut()?;
    tracing.listening = false;
    tracing.stop.take()
}

/// Notifies the tracer of a change of its tracee, with the thread's ID.
pub fn notify_tracer(tracer: &Arc<Process>, task: &Task, code: i32, status: i32) {
    let mut info = SigInfo::child(&task.process, code, status);
    if let Fields::Child { pid, .. } = &mut info.fields {
        *pid = task.tid();
    }
    notify::tell_change(tracer, &info);
}

fn trap(code: i32) -> SigInfo {
    SigInfo {
        code,
        ..SigInfo::user(SIGTRAP)
    }
}

/// The system call entry stop. Returns whether the call is to be executed; if not, rax has the
/// tracer's value.
pub fn syscall_entry() -> bool {
    let mode = mode();
    if matches!(mode, Mode::Syscall | Mode::Sysemu | Mode::SysemuStep) {
        stop_at_call(Reason::Entry);
    }
    let emulated = matches!(mode, Mode::Sysemu | Mode::SysemuStep);
    !emulated && current().frame().orig_rax as i32 != -1 && !signal::is_dying()
}

/// The system call exit stop; the result is in rax.
pub fn syscall_exit() {
    match mode_at_exit() {
        Mode::Syscall => stop_at_call(Reason::Exit),
        // The trap of the instruction that made the call. The CPU would trap one instruction later,
        // as the doors mask TF.
        Mode::Step => {
            let _ = signal::send_self(&SigInfo::fault(SIGTRAP, TRAP_BRKPT, current().frame().rip));
        }
        // A call that isn't executed has no exit stop; TF traps after the next instruction
        // (report_single_step in kernel/entry/common.c).
        Mode::Run | Mode::Sysemu | Mode::SysemuStep => {}
    }
}

/// `si_code` of a single step over a system call (user_single_step_report in
/// include/linux/ptrace.h).
const TRAP_BRKPT: i32 = 1;

fn mode() -> Mode {
    current()
        .tracing
        .lock()
        .as_ref()
        .map_or(Mode::Run, |tracing| tracing.mode)
}

/// The mode at the end of a call, whose exit stop is made now.
fn mode_at_exit() -> Mode {
    let task = current();
    let mut tracing = task.tracing.lock();
    tracing.as_mut().map_or(Mode::Run, |tracing| {
        tracing.exit_due = false;
        tracing.mode
    })
}

fn options() -> Options {
    current()
        .tracing
        .lock()
        .as_ref()
        .map_or(Options::empty(), |tracing| tracing.options)
}

fn stop_at_call(reason: Reason) {
    let good = options().contains(Options::TRACESYSGOOD);
    let code = u32::from(SIGTRAP) | if good { SYSGOOD } else { 0 };
    let message = if reason == Reason::Entry { 1 } else { 2 };
    let stop = hold(reason, code, trap(code as i32), Some(message));
    // The tracer may add a signal.
    if let Some(signo) = stop.map(|stop| stop.signal).filter(|signo| *signo != 0) {
        let _ = signal::send_self(&SigInfo::kernel(signo));
    }
}

/// The signal delivery stop of a traced thread: the tracer may replace or discard (`None`) the
/// signal.
#[cold]
pub fn before_delivery(info: SigInfo) -> Option<SigInfo> {
    if info.signo == SIGKILL {
        return Some(info);
    }
    let task = current_task();
    let stop = hold(Reason::Signal, info.signo.into(), info, Some(0))?;
    if stop.signal == 0 || signal::is_dying() {
        return None;
    }
    let info = if stop.signal == stop.info.signo {
        stop.info
    } else {
        // A replaced signal counts as sent by the tracer.
        let tracer = super::tracer_of(&task);
        SigInfo {
            signo: stop.signal,
            errno: 0,
            code: 0,
            fields: Fields::Kill {
                pid: tracer.as_ref().map_or(0, |tracer| tracer.pid),
                uid: tracer.map_or(0, |tracer| tracer.cred().uid),
            },
        }
    };
    if task.signals.lock().blocked & bit(info.signo) != 0 {
        let _ = signal::send_task(&task, &info);
        return None;
    }
    Some(info)
}

/// The group stop of a traced thread, which stops for its tracer instead of job control. Returns
/// `false` if the running thread isn't traced.
pub fn group_stop(signo: u8) -> bool {
    let task = current_task();
    let Some(seized) = task.tracing.lock().as_ref().map(|tracing| tracing.seized) else {
        return false;
    };
    if seized {
        event_stop(signo);
    } else {
        hold(Reason::Group, signo.into(), trap(signo.into()), Some(0));
    }
    true
}

/// PTRACE_EVENT_STOP of a seized thread, by job control or PTRACE_INTERRUPT (do_jobctl_trap).
fn event_stop(signo: u8) {
    let code = u32::from(signo) | linux::PTRACE_EVENT_STOP << 8;
    let info = SigInfo {
        code: code as i32,
        ..SigInfo::user(signo)
    };
    hold(Reason::Group, code, info, Some(0));
}

/// Whether the thread is traced, and whether a stop of it is requested or due, other than by a
/// signal.
#[inline]
pub fn wanted(task: &Task) -> (bool, bool) {
    match task.tracing.lock().as_ref() {
        Some(tracing) => (true, tracing.stop_wanted || tracing.exit_due),
        None => (false, false),
    }
}

/// Whether a stop of the thread is requested or due, other than by a signal.
pub fn is_wanted(task: &Task) -> bool {
    wanted(task).1
}

/// Makes the stop of the running thread that is due or requested.
pub fn wanted_stop() {
    let task = current_task();
    let (is_exit, seized) = {
        let mut tracing = task.tracing.lock();
        let Some(tracing) = tracing.as_mut() else {
            return;
        };
        if !tracing.exit_due {
            tracing.stop_wanted = false;
        }
        (tracing.exit_due, tracing.seized)
    };
    if is_exit {
        syscall_exit();
        return;
    }
    let stop = task.process.signals.lock().stop;
    let signo = match stop {
        StopState::Running => SIGTRAP,
        StopState::Stopping(signo, _) | StopState::Stopped(signo) => signo,
    };
    if seized {
        event_stop(signo);
    } else {
        // Attached during a group stop, which is reported to the tracer.
        let info = SigInfo::kernel(signo);
        hold(Reason::Group, signo.into(), info, Some(0));
    }
}

/// Stops for a `PTRACE_EVENT_*` that the tracer requested.
fn event(event: u32, message: u64) {
    let code = u32::from(SIGTRAP) | event << 8;
    let info = trap(code as i32);
    hold(Reason::Event, code, info, Some(message));
}

/// [`event`] in a call that returns. If the tracer then asks for the next stop at a call, or for a
/// step, the exit of this one is it; a call that began untraced finds the stop as work before the
/// return to user mode.
fn event_in_call(kind: u32, message: u64) {
    event(kind, message);
    let task = current();
    let mut tracing = task.tracing.lock();
    if let Some(tracing) = tracing.as_mut()
        && matches!(tracing.mode, Mode::Syscall | Mode::Step)
    {
        tracing.exit_due = true;
        percpu::set_work(work::SIGNAL);
    }
}

/// The stop after execve(2), or without PTRACE_O_TRACEEXEC a SIGTRAP; `old_tid` was the thread's ID
/// before.
pub fn exec(old_tid: u32) {
    let task = current();
    let Some((options, seized)) = task
        .tracing
        .lock()
        .as_ref()
        .map(|tracing| (tracing.options, tracing.seized))
    else {
        return;
    };
    if options.contains(Options::TRACEEXEC) {
        event_in_call(linux::PTRACE_EVENT_EXEC, old_tid.into());
    } else if !seized {
        let _ = signal::send_self(&SigInfo::user(SIGTRAP));
    }
}

/// The stop after the creation of `child` (`kind`: `PTRACE_EVENT_FORK`, `_VFORK` or `_CLONE`), or
/// after the release by a vfork child (`_VFORK_DONE`), if the tracer requested it.
pub fn made_child(kind: u32, child: u32) {
    let wanted = match kind {
        linux::PTRACE_EVENT_FORK => Options::TRACEFORK,
        linux::PTRACE_EVENT_VFORK => Options::TRACEVFORK,
        linux::PTRACE_EVENT_CLONE => Options::TRACECLONE,
        _ => Options::TRACEVFORKDONE,
    };
    if options().contains(wanted) {
        event_in_call(kind, child.into());
    }
}

/// The stop before the exit of the running thread, if the tracer requested it.
pub fn before_exit(status: ExitStatus) {
    if options().contains(Options::TRACEEXIT) {
        let message = status.wait_status();
        event(linux::PTRACE_EVENT_EXIT, message.into());
    }
}
