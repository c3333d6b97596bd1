//! Parents and children: what a parent is told, and how it asks (wait4(2), waitid(2)).

use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering;

use bitflags::bitflags;
use linux_raw_sys::general as linux;

use super::exit::ExitStatus;
use super::pid::Pid;
use super::signal::{self, SIGCHLD, SIGCONT, SigInfo};
use super::stop::News;
use super::{Process, Task, table};
use crate::abi::errno::Errno;
use crate::process::ptrace;
use crate::process::rusage;
use crate::sched::run_queue;
use crate::sched::wait::is_interrupted;

bitflags! {
    /// What a wait asks for, and how (wait4(2), waitid(2)).
    #[derive(Clone, Copy, Debug)]
    pub struct Options: u32 {
        /// Don't wait.
        const NOHANG = linux::WNOHANG;
        /// Children that stopped (`WSTOPPED` is the same).
        const UNTRACED = linux::WUNTRACED;
        /// Children that ended; wait4 always asks for these.
        const EXITED = linux::WEXITED;
        /// Children that went on.
        const CONTINUED = linux::WCONTINUED;
        /// Tell it again next time.
        const NOWAIT = linux::WNOWAIT;
        /// Not the children of other threads: all belong to the process here.
        const NOTHREAD = linux::__WNOTHREAD;
        /// Children of any exit signal.
        const ALL = linux::__WALL;
        /// Only children whose exit signal isn't SIGCHLD.
        const CLONE = linux::__WCLONE;
    }
}

/// Which children are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Any child.
    Any,
    /// The one with this process ID.
    Pid(u32),
    /// This one, and none that gets its ID later.
    Process(Pid),
    /// Those of this process group.
    Group(u32),
}

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It ended.
    Ended(ExitStatus),
    /// It stopped, or went on.
    Changed(News),
    /// A traced thread stopped: signal, and event above it.
    Trapped(u32),
}

impl Event {
    /// The status word of wait4(2).
    pub fn wait_status(self) -> u32 {
        match self {
            Self::Ended(status) => status.wait_status(),
            Self::Changed(News::Stopped(signo)) => u32::from(signo) << 8 | 0x7f,
            Self::Changed(News::Continued) => 0xffff,
            Self::Trapped(code) => code << 8 | 0x7f,
        }
    }

    /// `si_code` and `si_status` of waitid(2) and SIGCHLD.
    pub fn code_and_status(self) -> (i32, i32) {
        match self {
            Self::Ended(ExitStatus::Exited(code)) => (linux::CLD_EXITED as i32, code.into()),
            Self::Ended(ExitStatus::Killed(signo)) => (linux::CLD_KILLED as i32, signo.into()),
            Self::Changed(News::Stopped(signo)) => (linux::CLD_STOPPED as i32, signo.into()),
            Self::Changed(News::Continued) => (linux::CLD_CONTINUED as i32, SIGCONT.into()),
            Self::Trapped(code) => (linux::CLD_TRAPPED as i32, code as i32),
        }
    }
}

/// An answer of [`wait`].
pub struct Report {
    /// The child's process ID, or the ID of a traced thread.
    pub id: u32,
    /// The process.
    pub process: Arc<Process>,
    /// What became of it.
    pub event: Event,
}

/// Waits for a change of a child. `None` if there is none and `NOHANG` is asked for.
///
/// # Errors
/// `ECHILD` if there is no such child, `ERESTARTSYS` if a signal came first.
pub fn wait(which: Which, options: Options) -> Result<Option<Report>, Errno> {
    let parent = run_queue::current_task().process.clone();
    parent
        .child_changed
        .wait_for(|| match look(&parent, which, options) {
            Ok(None) if options.contains(Options::NOHANG) => Some(Ok(None)),
            Ok(None) => is_interrupted().then_some(Err(Errno::ERESTARTSYS)),
            answer => Some(answer),
        })
}

fn look(parent: &Process, which: Which, options: Options) -> Result<Option<Report>, Errno> {
    match look_at_children(parent, which, options) {
        Ok(Some(report)) => Ok(Some(report)),
        other if parent.tracees.lock().is_empty() => other,
        other => look_at_tracees(parent, which, options).or(other),
    }
}

fn look_at_children(
    parent: &Process,
    which: Which,
    options: Options,
) -> Result<Option<Report>, Errno> {
    let mut children = parent.children.lock();
    let mut found = None;
    let mut is_any = false;
    let wanted = |child: &Process| {
        let is_clone = child.exit_signal.load(Ordering::Relaxed) != SIGCHLD;
        options.contains(Options::ALL) || is_clone == options.contains(Options::CLONE)
    };
    let mut ask = |child: &Arc<Process>| {
        if wanted(child) {
            is_any = true;
            if let Some(event) = event_of(parent, child, options) {
                found = Some((child.clone(), event));
            }
        }
        found.is_some()
    };
    match which {
        Which::Pid(pid) => {
            children.get(&pid).map(&mut ask);
        }
        // As long as it has its ID no other child has.
        Which::Process(pid) if pid.is_there() => {
            children.get(&pid.number()).map(&mut ask);
        }
        Which::Process(_) => {}
        Which::Any => {
            children.values().any(&mut ask);
        }
        Which::Group(pgid) => {
            let in_group = |child: &&Arc<Process>| child.pgid.load(Ordering::Relaxed) == pgid;
            children.values().filter(in_group).any(&mut ask);
        }
    }
    let Some((process, event)) = found else {
        return if is_any { Ok(None) } else { Err(Errno::ECHILD) };
    };
    if !options.contains(Options::NOWAIT) {
        if let Event::Ended(_) = event {
            children.remove(&process.pid);
            drop(children);
            reap(parent, &process);
        } else {
            process.signals.lock().news = None;
        }
    }
    Ok(Some(Report {
        id: process.pid,
        process,
        event,
    }))
}

/// Traced threads count as children of the tracer, whichever process is their parent.
fn look_at_tracees(
    tracer: &Process,
    which: Which,
    options: Options,
) -> Result<Option<Report>, Errno> {
    let matches = |task: &&Arc<Task>| match which {
        Which::Any => true,
        Which::Pid(pid) => task.tid() == pid,
        Which::Process(pid) => task.tid() == pid.number() && pid.is_there(),
        Which::Group(pgid) => task.process.pgid.load(Ordering::Relaxed) == pgid,
    };
    let take = !options.contains(Options::NOWAIT);
    let mut is_any = false;
    let mut found = None;
    for task in tracer.tracees.lock().iter().filter(matches) {
        is_any = true;
        let asked =
            |event: &Event| options.contains(Options::EXITED) || !matches!(event, Event::Ended(_));
        if let Some(event) = ptrace::end::news(task, take).filter(asked) {
            found = Some((task.clone(), event));
            break;
        }
    }
    let Some((task, event)) = found else {
        return if is_any { Ok(None) } else { Err(Errno::ECHILD) };
    };
    if take && matches!(event, Event::Ended(_)) {
        ptrace::end::reaped(tracer, &task);
    }
    Ok(Some(Report {
        id: task.tid(),
        process: task.process.clone(),
        event,
    }))
}

/// What there is to tell of a child.
fn event_of(parent: &Process, child: &Process, options: Options) -> Option<Event> {
    if let Some(status) = *child.status.lock() {
        // A tracer that isn't the parent is told first.
        let is_held_back = child.is_held_back.load(Ordering::Relaxed);
        let asked = options.contains(Options::EXITED) && !is_held_back;
        return asked.then_some(Event::Ended(status));
    }
    let news = child.signals.lock().news?;
    let asked = match news {
        News::Stopped(_) => Options::UNTRACED,
        News::Continued => Options::CONTINUED,
    };
    // Of a child that the parent traces it hears by the tracer's stops.
    let is_tracee = |task: &Arc<Task>| task.tid() == child.pid;
    if matches!(news, News::Stopped(_)) && parent.tracees.lock().iter().any(is_tracee) {
        return None;
    }
    options.contains(asked).then_some(Event::Changed(news))
}

/// The last that is heard of a child: its times become its parent's.
fn reap(parent: &Process, child: &Process) {
    let used = rusage::of_process(child).with(*child.children_usage.lock());
    let mut sum = parent.children_usage.lock();
    *sum = sum.with(used);
    drop(sum);
    child.parent.set(Weak::new());
    table::forget(child.pid);
}

/// Tells a parent, or a tracer, that a child stopped or went on: by SIGCHLD, unless it wants none
/// (SA_NOCLDSTOP), and by ending its wait.
pub fn tell_change(parent: &Arc<Process>, info: &SigInfo) {
    const SA_NOCLDSTOP: u64 = 1;
    let action = parent.actions().lock().get(SIGCHLD);
    if action.handler != signal::IGNORE && action.flags & SA_NOCLDSTOP == 0 {
        let _ = signal::send_process(parent, info);
    }
    parent.child_changed.wake_all();
}

/// Tells the parent that `process` has ended.
pub fn tell_parent(process: &Arc<Process>, status: ExitStatus) {
    process.is_held_back.store(false, Ordering::Relaxed);
    let Some(parent) = process.parent.lock().upgrade() else {
        return;
    };
    let signo = process.exit_signal.load(Ordering::Relaxed);
    let (code, status) = Event::Ended(status).code_and_status();
    let is_ignored = signo == SIGCHLD && signal::ignores_children(&parent);
    let handler = parent.actions().lock().get(SIGCHLD).handler;
    if signo != 0 && (signo != SIGCHLD || handler != signal::IGNORE) {
        let info = SigInfo {
            signo,
            ..SigInfo::child(process, code, status)
        };
        // Room is always found for a standard signal.
        let _ = signal::send_process(&parent, &info);
    }
    if is_ignored {
        parent.children.lock().remove(&process.pid);
        reap(&parent, process);
    }
    parent.child_changed.wake_all();
}
