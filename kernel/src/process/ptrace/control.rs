//! The tracer's side: attaching to a thread, resuming it and detaching (kernel/ptrace.c).

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::{Ids, Mode, Options, Reason, Tracing, debug, may_access, registers, stop};
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;
use crate::abi::frame::TF;
use crate::abi::signal::{SIGKILL, SIGSTOP, SigInfo, check_number};
use crate::arch::percpu::work;
use crate::mm::fallible::Grow as _;
use crate::process::capability::capable;
use crate::process::signal;
use crate::process::{Process, Task, current, current_task, table};
use crate::sched::run_queue;
use crate::sched::thread::ThreadState;

/// Makes `tracer` the tracer of `task` (ptrace_link).
fn link(tracer: &Arc<Process>, task: &Arc<Task>, options: Options, seized: bool, may_watch: bool) {
    let tracing = Tracing {
        may_watch,
        tracer: Arc::downgrade(tracer),
        options,
        seized,
        mode: Mode::Run,
        stop: None,
        message: 0,
        stop_wanted: false,
        listening: false,
        forced_tf: false,
        exit_due: false,
        ended: None,
    };
    task.tracing.set(Some(Box::new(tracing)));
    tracer.tracees.lock().push(task.clone());
}

/// Allocates memory for the running thread's tracer to trace a child too ([`inherit`]).
///
/// # Errors
/// `ENOMEM`.
pub fn make_room() -> Result<(), Errno> {
    let task = current_task();
    let tracer = {
        let tracing = task.tracing.lock();
        let tracing = tracing.as_ref();
        tracing.and_then(|tracing| tracing.tracer.upgrade())
    };
    tracer.map_or(Ok(()), |tracer| tracer.tracees.lock().room_for(1))
}

/// PTRACE_TRACEME: the running thread's parent becomes its tracer.
///
/// # Errors
/// `EPERM` if the thread is already traced.
pub fn trace_me() -> Result<(), Errno> {
    let task = current_task();
    let parent = task.process.parent.lock().upgrade();
    let parent = parent.filter(|_| !task.is_traced()).ok_or(Errno::EPERM)?;
    let may_watch = capable(Caps::SYS_PTRACE);
    parent.tracees.lock().room_for(1)?;
    link(&parent, &task, Options::empty(), false, may_watch);
    Ok(())
}

/// PTRACE_ATTACH (with `seize: None`) and PTRACE_SEIZE (with its options).
///
/// # Errors
/// `ESRCH` if there is no such thread; `EPERM` if the thread may not be traced, is already traced,
/// or has ended.
pub fn attach(tid: u32, seize: Option<Options>) -> Result<(), Errno> {
    let tracer = current().process.clone();
    let task = table::find(tid).ok_or_else(|| match table::find_process(tid) {
        Some(_) => Errno::EPERM,
        None => Errno::ESRCH,
    })?;
    let refused = Arc::ptr_eq(&task.process, &tracer)
        || !may_access(&task, Ids::Real)
        || task.is_traced()
        || task.state() == ThreadState::Dead;
    if refused {
        return Err(Errno::EPERM);
    }
    let (options, may_watch) = (seize.unwrap_or_default(), capable(Caps::SYS_PTRACE));
    tracer.tracees.lock().room_for(1)?;
    link(&tracer, &task, options, seize.is_some(), may_watch);
    if task.state() == ThreadState::Stopped {
        // The thread goes from the group stop to a tracer's stop, and reports it.
        request_stop(&task);
        run_queue::wake_continued(&task);
        // The next request finds the thread stopped (JOBCTL_TRAPPING in kernel/ptrace.c).
        while stop::is_wanted(&task) && task.state() == ThreadState::Runnable && !signal::is_dying()
        {
            run_queue::yield_now();
        }
    } else if seize.is_none() {
        let _ = signal::send_task(&task, &SigInfo::kernel(SIGSTOP));
    }
    Ok(())
}

fn request_stop(task: &Arc<Task>) {
    if let Some(tracing) = task.tracing.lock().as_mut() {
        tracing.stop_wanted = true;
    }
    signal::interrupt(task);
}

/// Traces the new thread or process `child` of the running thread, if the tracer requested it by an
/// option (`followed`) or the call did by CLONE_PTRACE (`by_flag`). The child stops before its
/// first instruction.
pub fn inherit(child: &Arc<Task>, followed: Options, by_flag: bool) {
    let task = current_task();
    let parent = {
        let tracing = task.tracing.lock();
        tracing.as_ref().and_then(|parent| {
            let tracer = parent.tracer.upgrade()?;
            Some((tracer, parent.options, parent.seized, parent.may_watch))
        })
    };
    let Some((tracer, options, seized, may_watch)) = parent else {
        return;
    };
    if !by_flag && !options.intersects(followed) {
        return;
    }
    link(&tracer, child, options, seized, may_watch);
    if seized {
        if let Some(tracing) = child.tracing.lock().as_mut() {
            tracing.stop_wanted = true;
        }
    } else {
        let mut signals = child.signals.lock();
        let _ = signals.pending.push(&SigInfo::kernel(SIGSTOP), false);
    }
    child.set_work(work::SIGNAL);
}

/// The tracee `tid` of the running process, which must be stopped.
///
/// # Errors
/// `ESRCH` if there is no such tracee, or it is not stopped.
pub fn held(tid: u32) -> Result<Arc<Task>, Errno> {
    let task = tracee(tid)?;
    let is_listening = task
        .tracing
        .lock()
        .as_ref()
        .is_some_and(|tracing| tracing.listening);
    if task.state() == ThreadState::Traced && !is_listening {
        Ok(task)
    } else {
        Err(Errno::ESRCH)
    }
}

/// The tracee `tid` of the running process.
///
/// # Errors
/// `ESRCH` if there is none.
pub fn tracee(tid: u32) -> Result<Arc<Task>, Errno> {
    let me = current().process.clone();
    let tracees = me.tracees.lock();
    let found = tracees.iter().find(|task| task.tid() == tid);
    found.cloned().ok_or(Errno::ESRCH)
}

/// Checks the signal argument of a request; 0 means none.
///
/// # Errors
/// `EIO` for an invalid signal number.
pub fn signal_argument(data: u64) -> Result<u8, Errno> {
    i32::try_from(data)
        .ok()
        .and_then(|number| check_number(number).ok())
        .ok_or(Errno::EIO)
}

/// Resumes a stopped thread with the signal `signo` (0: none), up to the stop that `mode` requests.
pub fn resume(task: &Arc<Task>, mode: Mode, signo: u8) {
    set_mode(task, mode);
    if let Some(stop) = task.tracing.lock().as_mut().and_then(|t| t.stop.as_mut()) {
        stop.signal = signo;
    }
    run_queue::wake_stopped(task);
}

/// Sets the mode of a stopped thread, with TF in its flags and its work bit.
pub(super) fn set_mode(task: &Task, mode: Mode) {
    registers::settle_segments(task);
    let sets_flags = mode.is_step() && registers::is_at_flags_instruction(task);
    let mut tracing = task.tracing.lock();
    let Some(tracing) = tracing.as_mut() else {
        return;
    };
    tracing.mode = mode;
    task.edit_held_frame(|frame| {
        if mode.is_step() {
            // A TF that the instruction itself loads is the program's own.
            tracing.forced_tf = !sets_flags && (tracing.forced_tf || frame.rflags.get() & TF == 0);
            frame.rflags.update(|flags| flags | TF);
        } else if core::mem::take(&mut tracing.forced_tf) {
            frame.rflags.update(|flags| flags & !TF);
        }
    });
    if mode == Mode::Run {
        task.clear_work::<{ work::PTRACE }>();
    } else {
        task.set_work(work::PTRACE);
    }
    debug::set_stepping(task, task.frame().rflags & TF != 0);
}

/// PTRACE_INTERRUPT: makes the thread stop.
///
/// # Errors
/// `EIO` if the tracer did not attach by PTRACE_SEIZE.
pub fn interrupt(task: &Arc<Task>) -> Result<(), Errno> {
    let tracing = |task: &Task| {
        let tracing = task.tracing.lock();
        tracing.as_ref().map(|t| (t.seized, t.listening))
    };
    let Some((true, is_listening)) = tracing(task) else {
        return Err(Errno::EIO);
    };
    request_stop(task);
    if is_listening {
        run_queue::wake_stopped(task);
    }
    Ok(())
}

/// PTRACE_LISTEN: the thread stays in its group stop until job control ends that.
///
/// # Errors
/// `EIO` if the thread isn't in a group stop or wasn't seized.
pub fn listen(task: &Arc<Task>) -> Result<(), Errno> {
    let mut slot = task.tracing.lock();
    let tracing = slot.as_mut().ok_or(Errno::ESRCH)?;
    let in_group_stop = tracing
        .stop
        .is_some_and(|stop| stop.reason == Reason::Group);
    if !tracing.seized || !in_group_stop {
        return Err(Errno::EIO);
    }
    tracing.listening = true;
    let again = tracing.stop_wanted;
    drop(slot);
    if again {
        run_queue::wake_stopped(task);
    }
    Ok(())
}

/// PTRACE_KILL.
pub fn kill(task: &Arc<Task>) {
    if task.state() == ThreadState::Traced {
        resume(task, Mode::Run, SIGKILL);
    }
}
