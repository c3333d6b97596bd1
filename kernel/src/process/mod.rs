//! Processes and their threads.
//!
//! A [`Process`] is what threads share: address space, files, credentials, children. A
//! [`Task`] is one thread of it: a kernel stack, registers, a place in the scheduler. The
//! program's registers while it is in the kernel are the [`Frame`] at the top of the task's
//! kernel stack, wherever the call has got to.
//!
//! `exec.rs` starts programs, `fork.rs` multiplies them, `exit.rs` ends them, `children.rs` is
//! how their parents hear of it, `sched.rs` decides who runs, `fault.rs` says what an exception
//! means, `signal/` and `stop.rs` what interrupts them.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ops::Deref;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use spin::Mutex;

use crate::arch::debug::DebugRegisters;
use crate::arch::fpu::FpuState;
use crate::arch::percpu;
use crate::arch::segments::Segments;
use crate::entry::frame::{self, Door, Frame, TF};
use crate::fs::tty::Controlling;
use crate::fs::{FdTable, FsContext};
use crate::mm::address_space::AddressSpace;
use crate::mm::kstack::KernelStack;
use crate::ptrace::Tracing;
use crate::syscall::errno::Errno;

pub mod children;
pub mod clone;
pub mod cred;
pub mod elf;
pub mod exec;
pub mod exit;
pub mod fault;
pub mod fork;
pub mod futex;
pub mod init;
pub mod jobs;
pub mod ldt;
pub mod limits;
mod oom;
pub mod robust;
pub mod sched;
pub mod signal;
mod stack;
pub mod stop;
pub mod table;
pub mod threads;
pub mod wait;

use cred::Credentials;
use exit::{Ending, ExitStatus};
use limits::Limits;
use signal::{SharedSignals, SignalActions, TaskSignals};
use wait::WaitQueue;

/// A shared address space.
pub type SharedMm = Arc<Mutex<AddressSpace>>;

/// What the threads of a program share (Linux's thread group).
pub struct Process {
    /// Process ID (Linux's tgid).
    pub pid: u32,
    /// Process group.
    pub pgid: AtomicU32,
    /// Session.
    pub sid: AtomicU32,
    /// Who is told of its end; init's is nobody.
    pub parent: Mutex<Weak<Process>>,
    /// Children by process ID, ended ones included until they are waited for.
    pub children: Mutex<BTreeMap<u32, Arc<Process>>>,
    /// Threads that haven't ended, in the order of their making.
    pub threads: Mutex<Vec<Arc<Task>>>,
    /// Woken when one of them ends.
    pub thread_ended: WaitQueue,
    /// Address space; `None` once the process ended.
    pub mm: Mutex<Option<SharedMm>>,
    /// Open files.
    pub files: Mutex<Arc<Mutex<FdTable>>>,
    /// Root, working directory, umask.
    pub fs: Arc<Mutex<FsContext>>,
    /// Who it acts as.
    pub cred: Mutex<Credentials>,
    /// Resource limits.
    pub limits: Mutex<Limits>,
    /// What each signal does.
    pub actions: Arc<Mutex<SignalActions>>,
    /// Pending signals of the whole process, and job control.
    pub signals: Mutex<SharedSignals>,
    /// Woken when a signal arrives for it or one thread, whether or not it is taken (signalfd(2),
    /// rt_sigtimedwait(2)).
    pub signal_arrived: WaitQueue,
    /// What the parent gets at its end; 0: nothing (clone(2)'s low byte).
    pub exit_signal: AtomicU8,
    /// Path of the program it runs, for /proc/PID/exe.
    pub exe: Mutex<String>,
    /// Its controlling terminal.
    pub terminal: Mutex<Controlling>,
    /// Whether it has called execve(2): its parent can't set its group any more.
    pub has_execed: AtomicBool,
    /// How it is to end, once that is decided.
    pub ending: Mutex<Ending>,
    /// How it ended, once all of its threads did.
    pub status: Mutex<Option<ExitStatus>>,
    /// It ended, but its parent must not know until a tracer was told.
    pub is_held_back: AtomicBool,
    /// Its first thread, which ended while it was traced by somebody else than the parent.
    pub traced_leader: Mutex<Option<Arc<Task>>>,
    /// Threads that this process traces (ptrace(2)).
    pub tracees: Mutex<Vec<Arc<Task>>>,
    /// Waited on by wait4(2) of this process.
    pub child_changed: WaitQueue,
    /// Waited on by the parent in vfork(2): woken when the child execs or ends.
    pub mm_released: WaitQueue,
    /// Whether the parent is held back until then.
    pub is_vfork: AtomicBool,
    /// The name of its last thread, once that ended.
    pub last_comm: Mutex<[u8; 16]>,
    /// When it was made: nanoseconds since boot.
    pub started: u64,
    /// TSC cycles that its tasks have run (`crate::time::cputime`).
    pub cpu_cycles: AtomicU64,
    /// Those of the children that were waited for, and of theirs.
    pub children_cpu_cycles: AtomicU64,
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
            actions: Arc::default(),
            signals: Mutex::default(),
            signal_arrived: WaitQueue::new(),
            exit_signal: AtomicU8::new(signal::SIGCHLD),
            exe: Mutex::default(),
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
            cpu_cycles: AtomicU64::new(0),
            children_cpu_cycles: AtomicU64::new(0),
        }
    }

    /// A child of `parent` with what fork(2) copies, but for memory and threads. The parent
    /// doesn't know of it yet.
    pub fn child_of(parent: &Arc<Self>, pid: u32) -> Self {
        let child = Self::new(
            pid,
            parent.files.lock().lock().clone(),
            parent.fs.lock().clone(),
        );
        let (pgid, sid) = (&parent.pgid, &parent.sid);
        child
            .pgid
            .store(pgid.load(Ordering::Relaxed), Ordering::Relaxed);
        child
            .sid
            .store(sid.load(Ordering::Relaxed), Ordering::Relaxed);
        *child.parent.lock() = Arc::downgrade(parent);
        *child.cred.lock() = parent.cred.lock().clone();
        *child.limits.lock() = parent.limits.lock().clone();
        *child.actions.lock() = parent.actions.lock().clone();
        *child.terminal.lock() = parent.terminal.lock().inherited();
        *child.exe.lock() = parent.exe.lock().clone();
        child
    }

    /// Gives it a table of open files of its own, if it shares one (unshare_files in fs/file.c).
    pub fn unshare_files(&self) {
        let mut files = self.files.lock();
        if Arc::strong_count(&files) > 1 {
            let copy = files.lock().clone();
            *files = Arc::new(Mutex::new(copy));
        }
    }
}

/// Whether a task may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TaskState {
    /// Running, or ready to.
    Runnable,
    /// On a wait queue.
    Blocked,
    /// Stopped by job control: only SIGCONT and death wake it.
    Stopped,
    /// Held by its tracer.
    Traced,
    /// Ended.
    Dead,
}

/// One thread.
pub struct Task {
    tid: AtomicU32,
    /// The process it is a thread of.
    pub process: Arc<Process>,
    stack: KernelStack,
    /// Kernel stack pointer while another task runs.
    context: UnsafeCell<u64>,
    state: AtomicU8,
    /// x87/SSE/AVX registers while another task runs.
    pub fpu: Mutex<FpuState>,
    /// Data segment registers while another task runs.
    pub segments: Mutex<Segments>,
    /// Its three descriptors in the GDT (set_thread_area(2)).
    pub tls: Mutex<[u64; 3]>,
    /// Blocked and pending signals.
    pub signals: Mutex<TaskSignals>,
    /// Name: first 15 bytes of the program's file name (prctl(PR_SET_NAME)).
    pub comm: Mutex<[u8; 16]>,
    /// [`percpu::work`] bits while another task runs.
    work: AtomicU32,
    /// That it is traced, and how (ptrace(2)).
    pub tracing: Mutex<Option<Box<Tracing>>>,
    /// Its debug registers, if it was given any.
    pub debug: Mutex<Option<Box<DebugRegisters>>>,
    /// Address to clear and wake when it ends (set_tid_address(2)); 0: none.
    pub clear_child_tid: AtomicU64,
    /// Head of its robust futexes (set_robust_list(2)).
    pub robust_list: AtomicU64,
    /// When it was made: nanoseconds since boot.
    pub started: u64,
    /// The same, set by a 32-bit call.
    pub robust_list_32: AtomicU64,
    /// TSC cycles that it has run.
    pub cpu_cycles: AtomicU64,
}

// SAFETY: `context` is touched by the scheduler alone, with interrupts off on the one CPU.
unsafe impl Sync for Task {}
// SAFETY: as above; everything else is Send.
unsafe impl Send for Task {}

impl Task {
    /// A task that will return to user mode with the registers in `frame`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(tid: u32, process: Arc<Process>, frame: &Frame) -> Result<Arc<Self>, Errno> {
        let stack = KernelStack::new()?;
        let top = stack.top();
        let task = Self {
            tid: AtomicU32::new(tid),
            process,
            stack,
            context: UnsafeCell::new(sched::prepare_stack(top, frame)),
            state: AtomicU8::new(TaskState::Runnable as u8),
            fpu: Mutex::new(FpuState::new()),
            segments: Mutex::new(Segments::default()),
            tls: Mutex::new([0; 3]),
            signals: Mutex::new(TaskSignals::default()),
            comm: Mutex::new([0; 16]),
            work: AtomicU32::new(0),
            tracing: Mutex::default(),
            debug: Mutex::default(),
            clear_child_tid: AtomicU64::new(0),
            robust_list: AtomicU64::new(0),
            started: crate::time::uptime_ns(),
            robust_list_32: AtomicU64::new(0),
            cpu_cycles: AtomicU64::new(0),
        };
        Ok(Arc::new(task))
    }

    /// Thread ID. It changes when a thread that isn't the first calls execve(2).
    pub fn tid(&self) -> u32 {
        self.tid.load(Ordering::Relaxed)
    }

    /// Whether a tracer watches it (ptrace(2)).
    pub fn is_traced(&self) -> bool {
        self.tracing.lock().is_some()
    }

    /// Gives `f` the registers of a task that its tracer holds; `None` if none does.
    pub fn with_held_frame<T>(&self, f: impl FnOnce(&mut Frame) -> T) -> Option<T> {
        if self.state() != TaskState::Traced {
            return None;
        }
        // SAFETY: the task is switched away from, in `ptrace::stop::hold`, which let go of every
        // reference to the frame before; it runs again only when the state has changed.
        Some(f(unsafe { &mut *self.frame_pointer() }))
    }

    fn frame_pointer(&self) -> *mut Frame {
        (self.stack.top() - frame::SIZE as u64) as *mut Frame
    }

    /// The program's registers, as the way in saved them.
    pub fn frame(&self) -> &Frame {
        // SAFETY: a task's frame stands at the top of its stack from its making on, and only
        // its own way in and `frame_mut` write to it.
        unsafe { &*self.frame_pointer() }
    }

    /// Whether the call it is in came through a door to the i386 table, so that structures have
    /// their 32-bit layouts. 64-bit code may use INT 0x80 too.
    pub fn is_i386_call(&self) -> bool {
        self.frame().entry != Door::Syscall as u64
    }

    /// Whether it may run.
    pub fn state(&self) -> TaskState {
        match self.state.load(Ordering::Relaxed) {
            0 => TaskState::Runnable,
            1 => TaskState::Blocked,
            2 => TaskState::Stopped,
            3 => TaskState::Traced,
            _ => TaskState::Dead,
        }
    }

    pub(crate) fn set_state(&self, state: TaskState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// Sets [`percpu::work`] bits, whether it runs now or not.
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
        // The first thread's ID is the process's, and stays taken until that is waited for.
        if self.tid() != self.process.pid {
            table::forget(self.tid());
        }
    }
}

/// The running task. It stays while the code that asked runs on it.
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
    /// The running task's frame, to be changed by the call it is in.
    #[allow(clippy::mut_from_ref)]
    pub fn frame_mut(&self) -> &mut Frame {
        // SAFETY: only the running task itself gets here, on its own stack; callers don't keep
        // the reference across another use of the frame.
        unsafe { &mut *self.frame_pointer() }
    }
}

/// The running task.
///
/// Must not be called before the first task runs; [`try_current`] may.
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

/// Takes over an address space: the CPU's tables, the program's segments, and where SYSENTER
/// returns to.
pub fn activate(mm: &AddressSpace) {
    mm.activate();
    mm.ldt.activate();
    percpu::set_landing_pad(crate::vdso::landing_pad(mm.landmarks.vdso));
}

/// What waits before a task may go back to its program.
#[cold]
pub extern "C" fn exit_work(frame: &mut Frame) {
    use percpu::work;
    loop {
        let pending = percpu::pending_work();
        if pending & work::SINGLE_STEP != 0 {
            percpu::clear_work(work::SINGLE_STEP);
            // The CPU traps by itself, after the first instruction there.
            frame.rflags |= TF;
        } else if pending & work::SIGNAL != 0 {
            signal::deliver::deliver(frame);
        } else if pending & work::RESCHEDULE != 0 {
            percpu::clear_work(work::RESCHEDULE);
            sched::yield_now();
        } else {
            // Whoever leaves by IRET after this does; the others need none.
            percpu::clear_work(work::IRET);
            return;
        }
    }
}
