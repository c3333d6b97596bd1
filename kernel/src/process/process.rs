//! A process: what its threads share (Linux's thread group, `struct signal_struct` and others).

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use super::mm::SharedMm;
use super::oom_score::Adjustment;
use super::signal::{SharedSignals, SignalActions};
use super::status::ExitState;
use super::task::Task;
use super::terminal::Controlling;
use super::timers::Timers;
use super::usage::ProcessUsage;
use super::vfork::Vfork;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::limits::Limits;
use crate::abi::signal::{SIGCHLD, SigInfo};
use crate::sched::preempt;
use crate::sched::wait::WaitQueue;
use crate::sync::{Mutex, rank};
use crate::time;
use crate::vfs::fdtable::FdTable;
use crate::vfs::path::FsContext;

/// State shared by the threads of a process (Linux's thread group).
pub struct Process {
    /// Process ID (Linux's tgid).
    pub pid: u32,
    /// [`Process::group`].
    pgid: AtomicU32,
    /// [`Process::session`].
    sid: AtomicU32,
    /// Parent, notified on exit; none for init.
    pub parent: Mutex<Weak<Process>, rank::Parent>,
    /// Children by process ID, zombies included.
    pub children: Mutex<BTreeMap<u32, Arc<Process>>, rank::Children>,
    /// Live threads, in order of creation.
    pub(super) threads: Mutex<Vec<Arc<Task>>, rank::Threads>,
    /// Woken when a thread ends, the last one included. Pollers of pidfds wait here too.
    pub thread_ended: WaitQueue,
    /// Address space; `None` once the process ended.
    pub(super) mm: Mutex<Option<SharedMm>, rank::MemoryOf>,
    /// Open files.
    pub(super) files: Mutex<Arc<Mutex<FdTable, rank::Files>>, rank::FilesOf>,
    /// Root, working directory, umask.
    pub fs: Arc<Mutex<FsContext, rank::FsContext>>,
    /// Credentials of the thread group leader: the process's, as other processes see them.
    pub(super) cred: Mutex<Arc<Credentials>, rank::Credentials>,
    /// Resource limits.
    pub(super) limits: Mutex<Limits, rank::Limits>,
    /// Signal actions.
    pub actions: Mutex<Arc<Mutex<SignalActions, rank::SignalActions>>, rank::SignalActionsOf>,
    /// Signals pending for the process, and its job control state.
    pub(super) signals: Mutex<SharedSignals, rank::ProcessSignals>,
    /// Woken when a signal arrives for the process or one of its threads, blocked or not
    /// (signalfd(2), rt_sigtimedwait(2)).
    pub signal_arrived: WaitQueue,
    /// Signal for the parent on exit; 0: none (clone(2)'s low byte).
    pub exit_signal: AtomicU8,
    /// Controlling terminal.
    pub terminal: Mutex<Controlling, rank::ControllingTerminal>,
    /// Whether the process has called execve(2): its parent can't set its group any more.
    pub has_execed: AtomicBool,
    /// Exit: decision, status and report.
    pub exit: ExitState,
    /// The thread group leader, if it ended while traced by a process other than the parent.
    pub traced_leader: Mutex<Option<Arc<Task>>, rank::TracedLeader>,
    /// Threads that this process traces (ptrace(2)).
    pub tracees: Mutex<Vec<Arc<Task>>, rank::Tracees>,
    /// Callers of wait4(2) in this process; woken when a child changes state.
    pub child_changed: WaitQueue,
    /// The parent's wait in vfork(2).
    pub vfork: Vfork,
    /// Time of creation, ns since boot.
    pub started: u64,
    /// Interval timers and POSIX timers.
    pub timers: Timers,
    /// Whether orphaned descendants become children of this process (PR_SET_CHILD_SUBREAPER).
    pub is_subreaper: AtomicBool,
    /// Number of the last exit of a parent that checked this process's group
    /// (`orphans.rs`).
    pub group_check: AtomicU64,
    /// Preference of the out-of-memory killer (oom_score_adj).
    pub oom: Adjustment,
    /// Whether other processes of the same user may access this one (PR_SET_DUMPABLE).
    pub is_dumpable: AtomicBool,
    /// Commands registered by membarrier(2).
    pub membarriers: AtomicU32,
    /// Resource usage of its threads and reaped children.
    pub usage: ProcessUsage,
}

impl Process {
    /// Process ID of init.
    pub const INIT: u32 = 1;

    /// Whether the process is init.
    pub fn is_init(&self) -> bool {
        self.pid == Self::INIT
    }

    /// A process without parent, address space and threads.
    pub fn new(pid: u32, files: FdTable, fs: FsContext) -> Self {
        Self {
            pid,
            pgid: AtomicU32::new(0),
            sid: AtomicU32::new(0),
            parent: Mutex::default(),
            children: Mutex::default(),
            threads: Mutex::default(),
            thread_ended: WaitQueue::new(),
            mm: Mutex::default(),
            files: Mutex::new(Arc::new(Mutex::new(files))),
            fs: Arc::new(Mutex::new(fs)),
            cred: Mutex::default(),
            limits: Mutex::default(),
            actions: Mutex::default(),
            signals: Mutex::default(),
            signal_arrived: WaitQueue::new(),
            exit_signal: AtomicU8::new(SIGCHLD),
            terminal: Mutex::default(),
            has_execed: AtomicBool::new(false),
            exit: ExitState::default(),
            traced_leader: Mutex::default(),
            tracees: Mutex::default(),
            child_changed: WaitQueue::new(),
            vfork: Vfork::new(),
            started: time::uptime_ns(),
            timers: Timers::default(),
            is_subreaper: AtomicBool::new(false),
            group_check: AtomicU64::new(0),
            oom: Adjustment::default(),
            is_dumpable: AtomicBool::new(true),
            membarriers: AtomicU32::new(0),
            usage: ProcessUsage::default(),
        }
    }

    /// Process group.
    pub fn group(&self) -> u32 {
        self.pgid.load(Ordering::Relaxed)
    }

    /// Session.
    pub fn session(&self) -> u32 {
        self.sid.load(Ordering::Relaxed)
    }

    /// Whether the process is a session leader.
    pub fn leads_session(&self) -> bool {
        self.session() == self.pid
    }

    /// Sets process group and session of a process that isn't in the table of IDs; `table::move_to`
    /// does so for one that is.
    pub(super) fn set_group_and_session(&self, group: u32, session: u32) {
        self.pgid.store(group, Ordering::Relaxed);
        self.sid.store(session, Ordering::Relaxed);
    }

    /// A child of `parent` with what fork(2) copies, except for address space and threads. The
    /// child joins the parent's children, group, session and terminal in `fork::publish`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn child_of(parent: &Arc<Self>, pid: u32) -> Result<Self, Errno> {
        let files = parent.files();
        let files = copy_files(&files)?;
        let mut child = Self::new(pid, files, parent.fs.lock().clone());
        let actions = parent.actions().lock().clone();
        *child.parent.get_mut() = Arc::downgrade(parent);
        *child.limits.get_mut() = parent.limits.lock().clone();
        *child.actions.get_mut() = Arc::new(Mutex::new(actions));
        child.oom.inherit(&parent.oom);
        Ok(child)
    }

    /// Credentials of the thread group leader, kept after its exit.
    pub fn cred(&self) -> Arc<Credentials> {
        self.cred.lock().clone()
    }

    /// The address space; `None` once the process has ended.
    #[inline]
    pub fn mm(&self) -> Option<SharedMm> {
        self.mm.lock().clone()
    }

    /// The table of open files, possibly shared with other processes (CLONE_FILES).
    pub fn files(&self) -> Arc<Mutex<FdTable, rank::Files>> {
        self.files.lock().clone()
    }

    /// (soft, hard) limits of `resource`; `None` for an unknown one.
    pub fn limit(&self, resource: u32) -> Option<(u64, u64)> {
        self.limits.lock().get(resource)
    }

    /// The soft limit of `resource`.
    #[inline]
    pub fn soft_limit(&self, resource: u32) -> u64 {
        self.limits.lock().soft(resource)
    }

    /// Sets the (soft, hard) limits of `resource` to what `change` makes of the old ones; returns
    /// the old ones. The address space has a copy of its limits.
    ///
    /// # Errors
    /// `EINVAL` for an unknown resource, and those of `change`.
    pub fn change_limit(
        &self,
        resource: u32,
        change: impl FnOnce((u64, u64)) -> Result<(u64, u64), Errno>,
    ) -> Result<(u64, u64), Errno> {
        let mut limits = self.limits.lock();
        let limit = limits.0.get_mut(resource as usize).ok_or(Errno::EINVAL)?;
        let old = *limit;
        *limit = change(old)?;
        if let Some(mm) = &*self.mm.lock() {
            mm.lock().limits = (&*limits).into();
        }
        Ok(old)
    }

    /// A copy of the limits.
    pub fn limits(&self) -> Limits {
        self.limits.lock().clone()
    }

    /// Number of live threads.
    pub fn thread_count(&self) -> usize {
        self.threads.lock().len()
    }

    /// Whether a thread lives; without, the process ends or has ended (find_alive_thread in
    /// kernel/exit.c).
    pub fn has_threads(&self) -> bool {
        self.thread_count() != 0
    }

    /// The live thread `tid`.
    pub fn thread(&self, tid: u32) -> Option<Arc<Task>> {
        let threads = self.threads.lock();
        threads.iter().find(|task| task.tid() == tid).cloned()
    }

    /// The live thread `tid`; without, the oldest live thread.
    pub fn thread_or_first(&self, tid: u32) -> Option<Arc<Task>> {
        let threads = self.threads.lock();
        let named = threads.iter().find(|task| task.tid() == tid);
        named.or(threads.first()).cloned()
    }

    /// The lowest ID of a live thread that is at least `tid`.
    pub fn next_thread(&self, tid: u32) -> Option<u32> {
        let threads = self.threads.lock();
        let ids = threads.iter().map(|task| task.tid());
        ids.filter(|id| *id >= tid).min()
    }

    /// Signals pending for the process, those pending for one thread left out.
    pub fn pending_signals(&self) -> u64 {
        self.signals.lock().pending.set()
    }

    /// The signal pending for the process at position `number` of its queue.
    pub fn nth_pending_signal(&self, number: usize) -> Option<SigInfo> {
        self.signals.lock().pending.iter().nth(number).copied()
    }

    /// Signal actions, possibly shared with other processes (CLONE_SIGHAND).
    pub fn actions(&self) -> Arc<Mutex<SignalActions, rank::SignalActions>> {
        self.actions.lock().clone()
    }

    /// Calls `f` with the signal actions locked.
    #[inline]
    pub fn with_actions<T>(&self, f: impl FnOnce(&mut SignalActions) -> T) -> T {
        f(&mut self.actions.lock().lock())
    }

    /// Copies the signal actions if they are shared (unshare_sighand in fs/exec.c).
    pub fn unshare_actions(&self) {
        let mut actions = self.actions.lock();
        if Arc::strong_count(&actions) > 1 {
            let copy = actions.lock().clone();
            *actions = Arc::new(Mutex::new(copy));
        }
    }

    /// Removes `task` from the list of tracees.
    pub fn forget_tracee(&self, task: &Arc<Task>) {
        let mut tracees = self.tracees.lock();
        tracees.retain(|other| !Arc::ptr_eq(other, task));
    }

    /// Copies the table of open files if it is shared (unshare_files in kernel/fork.c).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn unshare_files(&self) -> Result<(), Errno> {
        loop {
            let shared = self.files.lock().clone();
            // One reference is the process's, one is `shared`.
            if Arc::strong_count(&shared) <= 2 {
                return Ok(());
            }
            let copy = Arc::new(Mutex::new(copy_files(&shared)?));
            let mut files = self.files.lock();
            // Another thread may have replaced the table meanwhile.
            if Arc::ptr_eq(&files, &shared) {
                *files = copy;
                return Ok(());
            }
        }
    }
}

/// Copies a table of open files, with a preemption point between two parts.
fn copy_files(files: &Mutex<FdTable, rank::Files>) -> Result<FdTable, Errno> {
    let mut copy = FdTable::new();
    while files.lock().copy_part(&mut copy)? {
        preempt::point();
    }
    Ok(copy)
}
