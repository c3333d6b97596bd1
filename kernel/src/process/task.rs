//! Threads, the scheduler's tasks (Linux's task_struct).
//!
//! While a thread is in the kernel, its program's registers are the [`Frame`] at the top of its
//! kernel stack. [`Process`] has the state shared by the threads of a process.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::ops::Deref;
#[cfg(debug_assertions)]
use core::sync::atomic::AtomicBool;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::sync::{Mutex, rank};

use super::attributes::Attributes;
use super::rseq::Registration;
use super::signal::TaskSignals;
use super::{Process, SharedMm, table};
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::frame::{self, Door, Frame};
use crate::arch::fpu::FpuState;
use crate::arch::percpu;
use crate::arch::segments::Segments;
use crate::mm::kstack::KernelStack;
use crate::process::ptrace::Tracing;
use crate::process::rusage::Usage;
use crate::sched::extras::Extras;
use crate::sched::run_queue;

/// State of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TaskState {
    /// Running or ready.
    Runnable,
    /// Waiting for a wake-up.
    Blocked,
    /// Stopped by job control: only SIGCONT and a fatal signal wake it.
    Stopped,
    /// Stopped by its tracer.
    Traced,
    /// Ended.
    Dead,
}

/// Number of tasks: the scheduler's queue has room for all.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A thread.
pub struct Task {
    /// Thread ID.
    pub tid: AtomicU32,
    /// The thread's process.
    pub process: Arc<Process>,
    /// Kernel stack.
    pub stack: KernelStack,
    /// Kernel stack pointer while another task runs.
    pub context: UnsafeCell<u64>,
    state: AtomicU8,
    /// x87/SSE/AVX registers while another task runs.
    pub fpu: Mutex<FpuState, rank::Fpu>,
    /// Data segment registers while another task runs.
    pub segments: Mutex<Segments, rank::Segments>,
    /// The thread's three descriptors in the GDT (set_thread_area(2)).
    pub tls: Mutex<[u64; 3], rank::ThreadArea>,
    /// Blocked and pending signals.
    pub signals: Mutex<TaskSignals, rank::TaskSignals>,
    /// Name: first 15 bytes of the program's file name (prctl(PR_SET_NAME)).
    pub comm: Mutex<[u8; 16], rank::TaskName>,
    /// [`percpu::work`] bits while another task runs.
    pub work: AtomicU32,
    /// State of tracing by ptrace(2); `None` if the thread is not traced.
    pub tracing: Mutex<Option<Box<Tracing>>, rank::Tracing>,
    /// Rarely used CPU state.
    pub extras: Extras,
    /// Conditions of the last debug exception, as bits of DR6 (virtual_dr6).
    pub debug_status: AtomicU64,
    /// Registered area for restartable sequences (rseq(2)).
    pub rseq: Mutex<Option<Registration>, rank::Rseq>,
    /// Address to clear and wake at exit (set_tid_address(2)); 0: none.
    pub clear_child_tid: AtomicU64,
    /// Head of the list of robust futexes (set_robust_list(2)); 0: none.
    pub robust_list: AtomicU64,
    /// Time of creation, ns since boot.
    pub started: u64,
    /// Head of the list of robust futexes set by a 32-bit call (compat_robust_list); 0: none.
    pub robust_list_32: AtomicU64,
    /// CPU time, TSC cycles.
    pub cpu_cycles: AtomicU64,
    /// Virtual runtime, TSC cycles (`sched/turns.rs`).
    pub runtime: AtomicU64,
    /// Samples of CPU time, faults and switches.
    pub usage: Usage,
    /// Credentials.
    pub cred: Mutex<Arc<Credentials>, rank::TaskCredentials>,
    /// Priorities, personality and other settings.
    pub attributes: Mutex<Attributes, rank::TaskAttributes>,
    /// Fault injection: points until one fails (/proc/self/fail-nth); 0: none does.
    #[cfg(debug_assertions)]
    pub fail_nth: AtomicU32,
    /// Fault injection: the next call finds no memory (/proc/self/make-it-fail).
    #[cfg(debug_assertions)]
    pub is_to_fail: AtomicBool,
    /// A reference to the frame is live.
    #[cfg(debug_assertions)]
    is_frame_lent: AtomicBool,
}

// SAFETY: `context` is touched by the scheduler alone, with interrupts off on the one CPU.
unsafe impl Sync for Task {}
// SAFETY: as above; all other fields are Send.
unsafe impl Send for Task {}

impl Task {
    /// A task whose first switch returns to user mode with the registers in `frame`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(tid: u32, process: Arc<Process>, frame: &Frame) -> Result<Arc<Self>, Errno> {
        run_queue::make_room(COUNT.load(Ordering::Relaxed) + 1)?;
        let stack = KernelStack::new()?;
        let top = stack.top();
        let cred = process.cred();
        let task = Self {
            tid: AtomicU32::new(tid),
            process,
            stack,
            context: UnsafeCell::new(run_queue::prepare_stack(top, frame)),
            state: AtomicU8::new(TaskState::Runnable as u8),
            fpu: Mutex::new(FpuState::new()),
            segments: Mutex::new(Segments::default()),
            tls: Mutex::new([0; 3]),
            signals: Mutex::new(TaskSignals::default()),
            comm: Mutex::new([0; 16]),
            work: AtomicU32::new(0),
            tracing: Mutex::default(),
            extras: Extras::default(),
            debug_status: AtomicU64::new(0),
            rseq: Mutex::default(),
            clear_child_tid: AtomicU64::new(0),
            robust_list: AtomicU64::new(0),
            started: crate::time::uptime_ns(),
            robust_list_32: AtomicU64::new(0),
            cpu_cycles: AtomicU64::new(0),
            runtime: AtomicU64::new(0),
            usage: Usage::default(),
            cred: Mutex::new(cred),
            attributes: Mutex::default(),
            #[cfg(debug_assertions)]
            fail_nth: AtomicU32::new(0),
            #[cfg(debug_assertions)]
            is_to_fail: AtomicBool::new(false),
            #[cfg(debug_assertions)]
            is_frame_lent: AtomicBool::new(false),
        };
        COUNT.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(task))
    }

    /// Thread ID. It changes when a thread other than the leader calls execve(2).
    pub fn tid(&self) -> u32 {
        self.tid.load(Ordering::Relaxed)
    }

    /// Whether the thread is traced (ptrace(2)).
    pub fn is_traced(&self) -> bool {
        self.tracing.lock().is_some()
    }

    /// Calls `f` with the registers of a task that its tracer has stopped; `None` for any other
    /// task.
    pub fn with_held_frame<T>(&self, f: impl FnOnce(&mut Frame) -> T) -> Option<T> {
        if self.state() != TaskState::Traced {
            return None;
        }
        // SAFETY: the task doesn't run: it is in `ptrace::stop::hold`, which holds no reference to
        // the frame, and runs again only when the state has changed.
        Some(unsafe { self.change_frame(f) })
    }

    /// Address of the frame.
    pub fn frame_pointer(&self) -> *mut Frame {
        (self.stack.top() - frame::SIZE as u64) as *mut Frame
    }

    /// A copy of the program's registers, as saved at entry.
    #[inline(always)]
    pub fn frame(&self) -> Frame {
        #[cfg(debug_assertions)]
        assert!(
            !self.is_frame_lent.load(Ordering::Relaxed),
            "the frame is being changed"
        );
        // SAFETY: a task's frame is at the top of its stack from the task's creation on.
        unsafe { self.frame_pointer().read() }
    }

    /// Calls `f` with a reference to the frame.
    ///
    /// # Safety
    /// No reference to the frame is live.
    unsafe fn change_frame<T>(&self, f: impl FnOnce(&mut Frame) -> T) -> T {
        #[cfg(debug_assertions)]
        assert!(
            !self.is_frame_lent.swap(true, Ordering::Relaxed),
            "the frame is being changed"
        );
        // SAFETY: as in `frame`, and as the caller says; test builds assert that `f` doesn't call
        // this method again.
        let result = f(unsafe { &mut *self.frame_pointer() });
        #[cfg(debug_assertions)]
        self.is_frame_lent.store(false, Ordering::Relaxed);
        result
    }

    /// Whether the present call came through a door of the i386 table, so that structures have
    /// their 32-bit layouts. 64-bit code may use INT 0x80 too.
    pub fn is_i386_call(&self) -> bool {
        self.frame().entry != Door::Syscall as u64
    }

    /// The task's state.
    pub fn state(&self) -> TaskState {
        match self.state.load(Ordering::Relaxed) {
            0 => TaskState::Runnable,
            1 => TaskState::Blocked,
            2 => TaskState::Stopped,
            3 => TaskState::Traced,
            _ => TaskState::Dead,
        }
    }

    /// Sets the task's state; the caller puts the task into or out of the run queue.
    pub(crate) fn set_state(&self, state: TaskState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// Sets [`percpu::work`] bits of the task, which may be the running one.
    pub fn set_work(&self, bits: u32) {
        if core::ptr::eq(self, percpu::current()) {
            percpu::set_work(bits);
        } else {
            self.work.fetch_or(bits, Ordering::Relaxed);
        }
    }

    /// Whether any of these [`percpu::work`] bits is set.
    pub fn has_work(&self, bits: u32) -> bool {
        let set = if core::ptr::eq(self, percpu::current()) {
            percpu::pending_work()
        } else {
            self.work.load(Ordering::Relaxed)
        };
        set & bits != 0
    }

    /// Clears [`percpu::work`] bits.
    pub fn clear_work(&self, bits: u32) {
        if core::ptr::eq(self, percpu::current()) {
            percpu::clear_work(bits);
        } else {
            self.work.fetch_and(!bits, Ordering::Relaxed);
        }
    }

    /// The address space, unless the process has ended.
    pub fn mm(&self) -> Option<SharedMm> {
        self.process.mm.lock().clone()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::Relaxed);
        // The leader's ID is the process's, which stays in use until the process is reaped.
        if self.tid() != self.process.pid {
            table::forget(self.tid());
        }
    }
}

/// Reference to the running task, valid in the code that runs on it.
pub struct Current(*const Task);

impl Deref for Current {
    type Target = Task;

    fn deref(&self) -> &Task {
        // SAFETY: the scheduler holds a reference to the running task, and a `Current` cannot
        // leave it: it is neither Send nor stored anywhere.
        unsafe { &*self.0 }
    }
}

impl Current {
    /// Calls `f` with the running task's frame, for a call that changes the program's registers.
    /// `f` must not use the frame in any other way.
    pub fn with_frame<T>(&self, f: impl FnOnce(&mut Frame) -> T) -> T {
        // SAFETY: only the running task itself gets here, on its own stack. The entry code holds no
        // reference to the frame while a call is handled or signals are delivered.
        unsafe { self.change_frame(f) }
    }
}

/// The running task.
///
/// Must not be called before the first task runs; [`try_current`] may be.
pub fn current() -> Current {
    let task = percpu::current();
    debug_assert!(!task.is_null());
    Current(task)
}

/// The running task, or `None` while the kernel boots.
pub fn try_current() -> Option<Current> {
    let task = percpu::current();
    (!task.is_null()).then_some(Current(task))
}
