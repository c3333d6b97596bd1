//! Changes of state of children: wait4(2) and waitid(2).

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use bitflags::bitflags;
use linux_raw_sys::general as linux;

use super::pid::Pid;
use super::status::{Event, News};
use super::{Process, Task, current, notify};
use crate::abi::errno::Errno;
use crate::abi::signal::SIGCHLD;
use crate::process::ptrace;
use crate::sched::wait::is_interrupted;

bitflags! {
    /// Options of wait4(2) and waitid(2).
    #[derive(Clone, Copy, Debug)]
    pub struct Options: u32 {
        /// Don't block.
        const NOHANG = linux::WNOHANG;
        /// Children that stopped (also `WSTOPPED`).
        const UNTRACED = linux::WUNTRACED;
        /// Children that ended; implied by wait4(2).
        const EXITED = linux::WEXITED;
        /// Children that were continued.
        const CONTINUED = linux::WCONTINUED;
        /// Leave the change to be reported again.
        const NOWAIT = linux::WNOWAIT;
        /// Only children of the calling thread; without effect, as children belong to the process
        /// here.
        const NOTHREAD = linux::__WNOTHREAD;
        /// Children with any exit signal.
        const ALL = linux::__WALL;
        /// Only children with an exit signal other than SIGCHLD.
        const CLONE = linux::__WCLONE;
    }
}

/// Children to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Any child.
    Any,
    /// The child with this process ID.
    Pid(u32),
    /// This child (P_PIDFD), not a later one with the same ID.
    Process(Pid),
    /// Children in this process group.
    Group(u32),
}

/// Result of [`wait`].
pub struct Report {
    /// The child's process ID, or the ID of a traced thread.
    pub id: u32,
    /// The child, or the traced thread's process.
    pub process: Arc<Process>,
    /// The change of state.
    pub event: Event,
}

/// Waits for a change of state of a child; reaps a child that ended, unless `NOWAIT` is given.
/// `None` with `NOHANG` if there is no change.
///
/// # Errors
/// `ECHILD` if there is no such child, `ERESTARTSYS` if a signal arrives first.
pub fn wait(which: Which, options: Options) -> Result<Option<Report>, Errno> {
    let parent = current().process.clone();
    parent
        .child_changed
        .wait_for(|| match find_change(&parent, which, options) {
            Ok(None) if options.contains(Options::NOHANG) => Some(Ok(None)),
            Ok(None) => is_interrupted().then_some(Err(Errno::ERESTARTSYS)),
            answer => Some(answer),
        })
}

fn find_change(parent: &Process, which: Which, options: Options) -> Result<Option<Report>, Errno> {
    match find_change_of_child(parent, which, options) {
        Ok(Some(report)) => Ok(Some(report)),
        other if parent.tracees.lock().is_empty() => other,
        other => find_change_of_tracee(parent, which, options).or(other),
    }
}

fn find_change_of_child(
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
    let mut check = |child: &Arc<Process>| {
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
            children.get(&pid).map(&mut check);
        }
        // While the child has the ID, no other child does.
        Which::Process(pid) if pid.is_there() => {
            children.get(&pid.number()).map(&mut check);
        }
        Which::Process(_) => {}
        Which::Any => {
            children.values().any(&mut check);
        }
        Which::Group(pgid) => {
            let in_group = |child: &&Arc<Process>| child.group() == pgid;
            children.values().filter(in_group).any(&mut check);
        }
    }
    let Some((process, event)) = found else {
        return if is_any { Ok(None) } else { Err(Errno::ECHILD) };
    };
    if !options.contains(Options::NOWAIT) {
        if let Event::Ended(_) = event {
            children.remove(&process.pid);
            drop(children);
            notify::reap(parent, &process);
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

/// Looks for a change of a traced thread, which counts as a child of its tracer.
fn find_change_of_tracee(
    tracer: &Process,
    which: Which,
    options: Options,
) -> Result<Option<Report>, Errno> {
    let matches = |task: &&Arc<Task>| match which {
        Which::Any => true,
        Which::Pid(pid) => task.tid() == pid,
        Which::Process(pid) => task.tid() == pid.number() && pid.is_there(),
        Which::Group(pgid) => task.process.group() == pgid,
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

/// The unreported change of a child that `options` ask for.
fn event_of(parent: &Process, child: &Process, options: Options) -> Option<Event> {
    if let Some(status) = child.exit.status() {
        // A tracer other than the parent has to wait first.
        let is_held_back = child.exit.is_held_back();
        let asked = options.contains(Options::EXITED) && !is_held_back;
        return asked.then_some(Event::Ended(status));
    }
    let news = child.signals.lock().news?;
    let asked = match news {
        News::Stopped(_) => Options::UNTRACED,
        News::Continued => Options::CONTINUED,
    };
    // A tracer that is the parent gets the stops of its tracee instead.
    let is_tracee = |task: &Arc<Task>| task.tid() == child.pid;
    if matches!(news, News::Stopped(_)) && parent.tracees.lock().iter().any(is_tracee) {
        return None;
    }
    options.contains(asked).then_some(Event::Changed(news))
}
