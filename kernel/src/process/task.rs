//! Tasks: the threads of processes (Linux's task_struct).
//!
//! A [`Task`] is a [`Thread`] of the scheduler (`sched/thread.rs`: kernel stack, registers, state)
//! that a [`Member`] of a process owns: IDs, signals, tracing, accounting. [`Process`] has the
//! state shared by the threads of a process.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
#[cfg(debug_assertions)]
use core::sync::atomic::AtomicBool;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::sync::{Mutex, rank};

use super::attributes::Attributes;
use super::mm::SharedMm;
use super::signal::alternate::AlternateStack;
use super::signal::{TaskSignals, is_ending};
use super::usage::Usage;
use super::{Process, table};
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::frame::Frame;
use crate::abi::signal::SigInfo;
use crate::arch::percpu::work;
use crate::mm::paging;
use crate::process::ptrace::Tracing;
use crate::sched::run_queue;
use crate::sched::thread::{self, Owner, Thread};
use crate::time::timer::Expire;

/// A thread's area for restartable sequences (rseq(2), `rseq.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RseqRegistration {
    /// Address of `struct rseq`.
    pub address: u64,
    /// Size of the structure, bytes.
    pub len: u32,
    /// The word before every abort handler.
    pub signature: u32,
}

/// A thread of a process.
pub type Task = Thread<Member>;

/// The running task.
pub type Current = thread::Current<Member>;

/// State of a task beyond that of its thread.
pub struct Member {
    /// The task itself.
    this: Weak<Task>,
    /// [`Task::tid`].
    pub tid: AtomicU32,
    /// The process's ID, here too for getpid(2).
    pub pid: u32,
    /// The thread's process.
    pub process: Arc<Process>,
    /// Blocked and pending signals.
    pub(super) signals: Mutex<TaskSignals, rank::TaskSignals>,
    /// Name: first 15 bytes of the program's file name (prctl(PR_SET_NAME)).
    pub comm: Mutex<[u8; 16], rank::TaskName>,
    /// State of tracing by ptrace(2); `None` if the thread is not traced.
    pub tracing: Mutex<Option<Box<Tracing>>, rank::Tracing>,
    /// [`Task::rseq`].
    rseq: Mutex<Option<RseqRegistration>, rank::Rseq>,
    /// Address to clear and wake at exit (set_tid_address(2)); 0: none.
    pub clear_child_tid: AtomicU64,
    /// Head of the list of robust futexes (set_robust_list(2)); 0: none.
    pub robust_list: AtomicU64,
    /// Head of the list of robust futexes set by a 32-bit call (compat_robust_list); 0: none.
    pub robust_list_32: AtomicU64,
    /// Time of creation, ns since boot.
    pub started: u64,
    /// Samples of CPU time, and faults.
    pub usage: Usage,
    /// [`Task::cred`].
    pub cred: Mutex<Arc<Credentials>, rank::TaskCredentials>,
    /// Priorities, personality and other settings.
    pub attributes: Mutex<Attributes, rank::TaskAttributes>,
    /// Fault injection: points until one fails (/proc/self/fail-nth); 0: none does.
    #[cfg(debug_assertions)]
    pub fail_nth: AtomicU32,
    /// Fault injection: the next call finds no memory (/proc/self/make-it-fail).
    #[cfg(debug_assertions)]
    pub is_to_fail: AtomicBool,
}

impl Task {
    /// A task whose first switch returns to user mode with the registers in `frame`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(tid: u32, process: Arc<Process>, frame: &Frame) -> Result<Arc<Self>, Errno> {
        let cred = process.cred();
        Self::with_owner(frame, |this| Member {
            this: this.clone(),
            tid: AtomicU32::new(tid),
            pid: process.pid,
            process,
            signals: Mutex::new(TaskSignals::default()),
            comm: Mutex::new([0; 16]),
            tracing: Mutex::default(),
            rseq: Mutex::default(),
            clear_child_tid: AtomicU64::new(0),
            robust_list: AtomicU64::new(0),
            robust_list_32: AtomicU64::new(0),
            started: crate::time::uptime_ns(),
            usage: Usage::default(),
            cred: Mutex::new(cred),
            attributes: Mutex::default(),
            #[cfg(debug_assertions)]
            fail_nth: AtomicU32::new(0),
            #[cfg(debug_assertions)]
            is_to_fail: AtomicBool::new(false),
        })
    }

    /// Thread ID. It changes when a thread other than the leader calls execve(2).
    pub fn tid(&self) -> u32 {
        self.tid.load(Ordering::Relaxed)
    }

    /// The thread's blocked signals.
    pub fn blocked_signals(&self) -> u64 {
        self.signals.lock().blocked
    }

    /// The signals that are pending for the thread itself, and those that it blocks.
    pub fn pending_and_blocked_signals(&self) -> (u64, u64) {
        let signals = self.signals.lock();
        (signals.pending.set(), signals.blocked)
    }

    /// The pending signal with this number in the thread's queue, from 0 on.
    pub fn nth_pending_signal(&self, number: usize) -> Option<SigInfo> {
        self.signals.lock().pending.iter().nth(number).copied()
    }

    /// Unblocks the signals of `set` while the thread waits for one of them (rt_sigtimedwait(2)):
    /// senders wake the thread, and don't discard a signal that was blocked and has no handler.
    /// Returns the previous mask.
    pub fn begin_signal_wait(&self, set: u64) -> u64 {
        let mut signals = self.signals.lock();
        let blocked = signals.blocked;
        signals.awaited = set & blocked;
        signals.blocked &= !set;
        blocked
    }

    /// Ends [`Self::begin_signal_wait`]; the caller restores the mask.
    pub fn end_signal_wait(&self) {
        self.signals.lock().awaited = 0;
    }

    /// Replaces the alternate signal stack, if `new` is given; returns the previous one. `sp` is
    /// the thread's stack pointer.
    ///
    /// # Errors
    /// Those of sigaltstack(2).
    pub fn exchange_alternate_stack(
        &self,
        new: Option<AlternateStack>,
        sp: u64,
    ) -> Result<AlternateStack, Errno> {
        self.signals.lock().alternate.exchange(new, sp)
    }

    /// Whether the thread is traced (ptrace(2)).
    pub fn is_traced(&self) -> bool {
        self.tracing.lock().is_some()
    }

    /// Registered area for restartable sequences (rseq(2)).
    pub fn rseq(&self) -> Option<RseqRegistration> {
        *self.rseq.lock()
    }

    /// Sets [`Self::rseq`]. A context switch aborts a sequence in progress.
    pub fn set_rseq(&self, registration: Option<RseqRegistration>) {
        self.set_work_after_switch(registration.map_or(0, |_| work::RSEQ));
        self.rseq.set(registration);
    }

    /// The address space, unless the process has ended.
    pub fn mm(&self) -> Option<SharedMm> {
        self.process.mm()
    }
}

impl Owner for Member {
    fn as_timer_owner(&self) -> Weak<dyn Expire> {
        self.this.clone()
    }

    fn charge(&self, cycles: u64) {
        self.process.usage.charge(cycles);
    }

    fn activate(&self) {
        match &*self.process.mm.lock() {
            Some(mm) => mm.activate(),
            None => paging::activate_kernel(),
        }
    }

    fn is_ending(&self) -> bool {
        is_ending(self)
    }
}

impl Expire for Task {
    fn expire(self: Arc<Self>) {
        run_queue::wake(&self);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let tid = self.tid.load(Ordering::Relaxed);
        // The leader's ID is the process's, which stays in use until the process is reaped.
        if tid != self.process.pid {
            table::forget(tid);
        }
    }
}

/// The running task.
///
/// Must not be called before the first task runs; [`try_current`] may be.
pub fn current() -> Current {
    thread::current()
}

/// The running task, or `None` while the kernel boots.
pub fn try_current() -> Option<Current> {
    thread::try_current()
}

/// The running task, as a reference that can be kept.
pub fn current_task() -> Arc<Task> {
    current()
        .this
        .upgrade()
        .expect("the scheduler refers to it")
}
