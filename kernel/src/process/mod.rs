//! Processes and their threads.
//!
//! A [`Process`] is what threads share: address space, files, credentials, children. A
//! [`Task`] (`task.rs`) is one thread of it: a kernel stack, registers, a place in the scheduler.
//!
//! `exec.rs` starts programs, `fork.rs` multiplies them, `exit.rs` ends them, `children.rs` is how
//! their parents hear of it, `sched/run_queue.rs` decides who runs, `fault.rs` says what an exception means,
//! `signal/` and `stop.rs` what interrupts them. `sched/wait.rs` is how a thread sleeps until something
//! happens, `futex/` how threads wait for each other, `timers/` what wakes them by the clock.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::sync::{Mutex, rank};

use crate::abi::errno::Errno;
use crate::abi::frame::{Frame, TF};
use crate::arch::percpu;
use crate::tty::session::Controlling;
use crate::vfs::fdtable::FdTable;
use crate::vfs::path::FsContext;
use crate::vm::address_space::AddressSpace;

pub mod accounting;
pub mod arguments;
pub mod attributes;
pub mod capability;
pub mod children;
pub mod clone;
mod cred;
pub mod elf;
pub mod exec;
pub mod exec_threads;
pub mod exit;
mod far;
pub mod fault;
pub mod fork;
pub mod futex;
pub mod init;
#[cfg(debug_assertions)]
pub mod injection;
pub mod instruction;
pub mod jobs;
pub mod oom;
mod orphans;
pub mod pid;
pub mod ptrace;
pub mod robust;
pub mod rseq;
pub mod rusage;
mod setid;
pub mod signal;
mod stack;
pub mod stop;
pub mod table;
pub mod task;
pub mod timers;
pub mod uts;

use crate::abi::cred::Credentials;
use crate::abi::limits::Limits;
use crate::process::rusage::{Totals, Usage};
use crate::sched::preempt;
use crate::sched::wait::WaitQueue;
use exit::{Ending, ExitStatus};
use oom::Adjustment;
use signal::{SharedSignals, SignalActions};
pub use task::{Current, Task, TaskState, current, try_current};
use timers::Timers;

/// A shared address space.
pub type SharedMm = Arc<Mutex<AddressSpace, rank::Memory>>;

/// What the threads of a program share (Linux's thread group).
pub struct Process {
    /// Process ID (Linux's tgid).
    pub pid: u32,
    /// Process group.
    pub pgid: AtomicU32,
    /// Session.
    pub sid: AtomicU32,
    /// Parent, notified on exit; none for init.
    pub parent: Mutex<Weak<Process>, rank::Parent>,
    /// Children by process ID, ended ones included until they are waited for.
    pub children: Mutex<BTreeMap<u32, Arc<Process>>, rank::Children>,
    /// Threads that haven't ended, in the order of their making.
    pub threads: Mutex<Vec<Arc<Task>>, rank::Threads>,
    /// Woken when one of them ends, the last one too: pollers of pidfds stand here as well.
    pub thread_ended: WaitQueue,
    /// Address space; `None` once the process ended.
    pub mm: Mutex<Option<SharedMm>, rank::MemoryOf>,
    /// Open files.
    pub files: Mutex<Arc<Mutex<FdTable, rank::Files>>, rank::FilesOf>,
    /// Root, working directory, umask.
    pub fs: Arc<Mutex<FsContext, rank::FsContext>>,
    /// As whom its first thread acts; other processes go by that.
    cred: Mutex<Arc<Credentials>, rank::Credentials>,
    /// Resource limits.
    pub limits: Mutex<Limits, rank::Limits>,
    /// What each signal does.
    pub actions: Mutex<Arc<Mutex<SignalActions, rank::SignalActions>>, rank::SignalActionsOf>,
    /// Pending signals of the whole process, and job control.
    pub signals: Mutex<SharedSignals, rank::ProcessSignals>,
    /// Woken when a signal arrives for it or one thread, whether or not it is taken (signalfd(2),
    /// rt_sigtimedwait(2)).
    pub signal_arrived: WaitQueue,
    /// Signal for the parent on exit; 0: none (clone(2)'s low byte).
    pub exit_signal: AtomicU8,
    /// Its controlling terminal.
    pub terminal: Mutex<Controlling, rank::ControllingTerminal>,
    /// Whether it has called execve(2): its parent can't set its group any more.
    pub has_execed: AtomicBool,
    /// How it is to end, once that is decided.
    pub ending: Mutex<Ending, rank::Ending>,
    /// How it ended, once all of its threads did.
    pub status: Mutex<Option<ExitStatus>, rank::ExitStatus>,
    /// The process has ended, but its parent isn't notified before its tracer has waited for it.
    pub is_held_back: AtomicBool,
    /// The thread group leader, if it ended while traced by a process other than the parent.
    pub traced_leader: Mutex<Option<Arc<Task>>, rank::TracedLeader>,
    /// Threads that this process traces (ptrace(2)).
    pub tracees: Mutex<Vec<Arc<Task>>, rank::Tracees>,
    /// Waited on by wait4(2) of this process.
    pub child_changed: WaitQueue,
    /// Waited on by the parent in vfork(2): woken when the child execs or ends.
    pub mm_released: WaitQueue,
    /// Whether the parent is held back until then.
    pub is_vfork: AtomicBool,
    /// The name of its last thread, once that ended.
    pub last_comm: Mutex<[u8; 16], rank::LastName>,
    /// When it was made: nanoseconds since boot.
    pub started: u64,
    /// Timers that send it signals.
    pub timers: Timers,
    /// Orphans among its descendants become its children (PR_SET_CHILD_SUBREAPER).
    pub is_subreaper: AtomicBool,
    /// As its parent ends: whether its group was looked at already ([`jobs::orphaned_by`]).
    pub group_was_asked: AtomicBool,
    /// Whether it is killed when memory is out.
    pub oom: Adjustment,
    /// Whether it may dump core, and be looked at (PR_SET_DUMPABLE).
    pub is_dumpable: AtomicBool,
    /// What it registered with membarrier(2).
    pub membarriers: AtomicU32,
    /// TSC cycles that its tasks have run (`crate::sched::cputime`).
    pub cpu_cycles: AtomicU64,
    /// What the children used that were waited for, and theirs.
    pub children_usage: Mutex<Totals, rank::ChildrenUsage>,
    /// Counts of the threads that ended, and samples of all.
    pub usage: Usage,
    /// Highest resident set sampled so far, in pages.
    pub peak_pages: AtomicU64,
}

impl Process {
    /// A process without parent, memory and threads.
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
            exit_signal: AtomicU8::new(signal::SIGCHLD),
            terminal: Mutex::default(),
            has_execed: AtomicBool::new(false),
            ending: Mutex::default(),
            status: Mutex::new(None),
            is_held_back: AtomicBool::new(false),
            traced_leader: Mutex::default(),
            tracees: Mutex::default(),
            child_changed: WaitQueue::new(),
            mm_released: WaitQueue::new(),
            is_vfork: AtomicBool::new(false),
            last_comm: Mutex::default(),
            started: crate::time::uptime_ns(),
            timers: Timers::default(),
            is_subreaper: AtomicBool::new(false),
            group_was_asked: AtomicBool::new(false),
            oom: Adjustment::default(),
            is_dumpable: AtomicBool::new(true),
            membarriers: AtomicU32::new(0),
            cpu_cycles: AtomicU64::new(0),
            children_usage: Mutex::default(),
            usage: Usage::default(),
            peak_pages: AtomicU64::new(0),
        }
    }

    /// A child of `parent` with what fork(2) copies, but for memory and threads. The parent
    /// doesn't know of it yet.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn child_of(parent: &Arc<Self>, pid: u32) -> Result<Self, Errno> {
        let files = parent.files.lock().clone();
        let files = copy_files(&files)?;
        let mut child = Self::new(pid, files, parent.fs.lock().clone());
        let (pgid, sid) = (&parent.pgid, &parent.sid);
        child
            .pgid
            .store(pgid.load(Ordering::Relaxed), Ordering::Relaxed);
        child
            .sid
            .store(sid.load(Ordering::Relaxed), Ordering::Relaxed);
        let actions = parent.actions().lock().clone();
        *child.parent.get_mut() = Arc::downgrade(parent);
        *child.limits.get_mut() = parent.limits.lock().clone();
        *child.actions.get_mut() = Arc::new(Mutex::new(actions));
        *child.terminal.get_mut() = parent.terminal.lock().inherited();
        child.oom.inherit(&parent.oom);
        Ok(child)
    }

    /// As whom its first thread acts, or acted when it ended.
    pub fn cred(&self) -> Arc<Credentials> {
        self.cred.lock().clone()
    }

    /// What its signals do; other processes may share it (CLONE_SIGHAND).
    pub fn actions(&self) -> Arc<Mutex<SignalActions, rank::SignalActions>> {
        self.actions.lock().clone()
    }

    /// Gives it actions of its own, if it shares them (unshare_sighand in fs/exec.c).
    pub fn unshare_actions(&self) {
        let mut actions = self.actions.lock();
        if Arc::strong_count(&actions) > 1 {
            let copy = actions.lock().clone();
            *actions = Arc::new(Mutex::new(copy));
        }
    }

    /// `task` is not among those that it traces any more.
    pub fn forget_tracee(&self, task: &Arc<Task>) {
        let mut tracees = self.tracees.lock();
        tracees.retain(|other| !Arc::ptr_eq(other, task));
    }

    /// Gives it a table of open files of its own, if it shares one (unshare_files in fs/file.c).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn unshare_files(&self) -> Result<(), Errno> {
        loop {
            let shared = self.files.lock().clone();
            // One reference is the process's, one is held here.
            if Arc::strong_count(&shared) <= 2 {
                return Ok(());
            }
            let copy = Arc::new(Mutex::new(copy_files(&shared)?));
            let mut files = self.files.lock();
            // Another thread may have done so meanwhile.
            if Arc::ptr_eq(&files, &shared) {
                *files = copy;
                return Ok(());
            }
        }
    }
}

/// A copy of a table of open files, made in parts.
fn copy_files(files: &Mutex<FdTable, rank::Files>) -> Result<FdTable, Errno> {
    let mut copy = FdTable::new();
    while files.lock().copy_part(&mut copy)? {
        preempt::point();
    }
    Ok(copy)
}

/// Takes over an address space: the CPU's tables, the program's segments, and where SYSENTER
/// returns to.
pub fn activate(mm: &AddressSpace) {
    mm.activate();
    mm.ldt.activate();
    percpu::set_landing_pad(crate::vm::vdso::landing_pad(mm.landmarks.vdso));
}

/// What waits before a task may go back to its program. `frame` is its own; others write to it
/// while the task waits here, so that a reference to it only lives as long as a step.
///
/// # Safety
/// `frame` is the running task's, and the caller has no reference to it.
#[cold]
pub unsafe extern "C" fn exit_work(frame: *mut Frame) {
    use percpu::work;
    loop {
        let pending = percpu::pending_work();
        if pending & (work::SINGLE_STEP | work::LEFTOVERS) != 0 {
            percpu::clear_work(work::SINGLE_STEP | work::LEFTOVERS);
            if pending & work::SINGLE_STEP != 0 {
                // The CPU traps by itself, after the first instruction there.
                // SAFETY: as the caller says.
                unsafe { (*frame).rflags |= TF };
            }
            if pending & work::LEFTOVERS != 0 {
                crate::sched::leftovers::give_back();
            }
        } else if pending & work::SIGNAL != 0 {
            signal::deliver::deliver();
        } else if pending & work::RSEQ != 0 && pending & work::RESCHEDULE == 0 {
            // SAFETY: as the caller says; nothing in there waits for others.
            rseq::resume(unsafe { &mut *frame });
        } else if pending & work::RESCHEDULE != 0 {
            crate::sched::run_queue::schedule();
        } else {
            // A frame that needs IRET is left by IRET already; other frames don't need the bit.
            percpu::clear_work(work::IRET);
            return;
        }
    }
}
