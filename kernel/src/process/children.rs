//! Parents and children: what a parent is told, and how it asks (wait4(2), waitid(2)).

use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering;

use bitflags::bitflags;
use linux_raw_sys::general as linux;

use super::exit::ExitStatus;
use super::signal::{self, SIGCHLD, SIGCONT, SigInfo};
use super::stop::News;
use super::wait::is_interrupted;
use super::{Process, init, sched, table};
use crate::syscall::errno::Errno;

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
}

impl Event {
    /// The status word of wait4(2).
    pub fn wait_status(self) -> u32 {
        match self {
            Self::Ended(status) => status.wait_status(),
            Self::Changed(News::Stopped(signo)) => u32::from(signo) << 8 | 0x7f,
            Self::Changed(News::Continued) => 0xffff,
        }
    }

    /// `si_code` and `si_status` of waitid(2) and SIGCHLD.
    pub fn code_and_status(self) -> (i32, i32) {
        match self {
            Self::Ended(ExitStatus::Exited(code)) => (linux::CLD_EXITED as i32, code.into()),
            Self::Ended(ExitStatus::Killed(signo)) => (linux::CLD_KILLED as i32, signo.into()),
            Self::Changed(News::Stopped(signo)) => (linux::CLD_STOPPED as i32, signo.into()),
            Self::Changed(News::Continued) => (linux::CLD_CONTINUED as i32, SIGCONT.into()),
        }
    }
}

/// An answer of [`wait`].
pub struct Report {
    /// The child.
    pub process: Arc<Process>,
    /// What became of it.
    pub event: Event,
}

impl Report {
    /// The child's ID.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }
}

/// Waits for a change of a child. `None` if there is none and `NOHANG` is asked for.
///
/// # Errors
/// `ECHILD` if there is no such child, `ERESTARTSYS` if a signal came first.
pub fn wait(which: Which, options: Options) -> Result<Option<Report>, Errno> {
    let parent = sched::current_task().process.clone();
    parent
        .child_changed
        .wait_for(|| match look(&parent, which, options) {
            Ok(None) if options.contains(Options::NOHANG) => Some(Ok(None)),
            Ok(None) => is_interrupted().then_some(Err(Errno::ERESTARTSYS)),
            answer => Some(answer),
        })
}

fn look(parent: &Process, which: Which, options: Options) -> Result<Option<Report>, Errno> {
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
            if let Some(event) = event_of(child, options) {
                found = Some((child.clone(), event));
            }
        }
        found.is_some()
    };
    match which {
        Which::Pid(pid) => {
            children.get(&pid).map(&mut ask);
        }
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
        match event {
            Event::Changed(_) => process.signals.lock().news = None,
            Event::Ended(_) => {
                children.remove(&process.pid);
                drop(children);
                reap(parent, &process);
            }
        }
    }
    Ok(Some(Report { process, event }))
}

/// What there is to tell of a child.
fn event_of(child: &Process, options: Options) -> Option<Event> {
    if let Some(status) = *child.status.lock() {
        return options
            .contains(Options::EXITED)
            .then_some(Event::Ended(status));
    }
    let news = child.signals.lock().news?;
    let asked = match news {
        News::Stopped(_) => Options::UNTRACED,
        News::Continued => Options::CONTINUED,
    };
    options.contains(asked).then_some(Event::Changed(news))
}

/// The last that is heard of a child: its times become its parent's.
fn reap(parent: &Process, child: &Process) {
    let cycles = child.cpu_cycles.load(Ordering::Relaxed)
        + child.children_cpu_cycles.load(Ordering::Relaxed);
    parent
        .children_cpu_cycles
        .fetch_add(cycles, Ordering::Relaxed);
    *child.parent.lock() = Weak::new();
    table::forget(child.pid);
}

/// Tells the parent that `process` has ended.
pub fn tell_parent(process: &Arc<Process>, status: ExitStatus) {
    let Some(parent) = process.parent.lock().upgrade() else {
        return;
    };
    let signo = process.exit_signal.load(Ordering::Relaxed);
    let (code, status) = Event::Ended(status).code_and_status();
    let is_ignored = signo == SIGCHLD && signal::ignores_children(&parent);
    let handler = parent.actions.lock().get(SIGCHLD).handler;
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

/// Children that outlive `process` become init's, which may already have an ended one to collect.
pub fn give_to_init(process: &Process) {
    let orphans = core::mem::take(&mut *process.children.lock());
    if orphans.is_empty() {
        return;
    }
    let Some(init) = table::find_process(init::PID) else {
        return;
    };
    for (pid, orphan) in orphans {
        *orphan.parent.lock() = Arc::downgrade(&init);
        orphan.exit_signal.store(SIGCHLD, Ordering::Relaxed);
        let status = *orphan.status.lock();
        init.children.lock().insert(pid, orphan.clone());
        if let Some(status) = status {
            tell_parent(&orphan, status);
        }
    }
    init.child_changed.wake_all();
}
