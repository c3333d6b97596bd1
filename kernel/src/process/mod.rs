//! Processes and their threads.
//!
//! A [`Process`] is what threads share: address space, files, credentials, children. A
//! [`Task`] is one thread of it: a kernel stack, registers, a place in the scheduler. The
//! program's registers while it is in the kernel are the [`Frame`] at the top of the task's
//! kernel stack, wherever the call has got to.
//!
//! `exec.rs` starts programs, `fork.rs` multiplies them, `exit.rs` ends them and tells their
//! parents, `sched.rs` decides who runs, `fault.rs` says what an exception means.

use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ops::Deref;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use spin::Mutex;

use crate::arch::fpu::FpuState;
use crate::arch::percpu;
use crate::arch::segments::Segments;
use crate::entry::frame::{self, Door, Frame};
use crate::fs::{FdTable, FsContext};
use crate::mm::address_space::AddressSpace;
use crate::mm::kstack::KernelStack;
use crate::syscall::errno::Errno;

pub mod cred;
pub mod elf;
pub mod exec;
pub mod exit;
pub mod fault;
pub mod fork;
pub mod init;
pub mod limits;
mod oom;
pub mod sched;
pub mod signal;
mod stack;
pub mod table;
pub mod wait;

use cred::Credentials;
use exit::ExitStatus;
use limits::Limits;
use signal::{SignalActions, TaskSignals};
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
    /// Children, ended ones included until they are waited for.
    pub children: Mutex<Vec<Arc<Process>>>,
    /// Address space; `None` once the process ended.
    pub mm: Mutex<Option<SharedMm>>,
    /// Open files.
    pub files: Mutex<Arc<Mutex<FdTable>>>,
    /// Root, working directory, umask.
    pub fs: Mutex<FsContext>,
    /// Who it acts as.
    pub cred: Mutex<Credentials>,
    /// Resource limits.
    pub limits: Mutex<Limits>,
    /// What each signal does.
    pub actions: Mutex<SignalActions>,
    /// Path of the program it runs, for /proc/PID/exe.
    pub exe: Mutex<String>,
    /// How it ended, once it did.
    pub status: Mutex<Option<ExitStatus>>,
    /// Waited on by wait4(2) of this process.
    pub child_ended: WaitQueue,
    /// Waited on by the parent in vfork(2): woken when the child execs or ends.
    pub mm_released: WaitQueue,
    /// Whether the parent is held back until then.
    pub is_vfork: AtomicBool,
    /// Tasks that haven't ended.
    pub live_tasks: AtomicU32,
    /// TSC cycles that its tasks have run (`crate::time::cputime`).
    pub cpu_cycles: AtomicU64,
}

/// Whether a task may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TaskState {
    /// Running, or ready to.
    Runnable,
    /// On a wait queue.
    Blocked,
    /// Ended.
    Dead,
}

/// One thread.
pub struct Task {
    /// Thread ID.
    pub tid: u32,
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
    /// Address to clear and wake when it ends (set_tid_address(2)); 0: none.
    pub clear_child_tid: AtomicU64,
    /// Head of its robust futexes (set_robust_list(2)).
    pub robust_list: AtomicU64,
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
        process.live_tasks.fetch_add(1, Ordering::Relaxed);
        let task = Self {
            tid,
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
            clear_child_tid: AtomicU64::new(0),
            robust_list: AtomicU64::new(0),
            cpu_cycles: AtomicU64::new(0),
        };
        Ok(Arc::new(task))
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
            _ => TaskState::Dead,
        }
    }

    fn set_state(&self, state: TaskState) {
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
        if self.tid != self.process.pid {
            table::forget(self.tid);
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

/// Takes over an address space: the CPU's tables, and where SYSENTER returns to.
pub fn activate(mm: &AddressSpace) {
    mm.activate();
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
            signal::force(signal::SIGTRAP);
        } else if pending & work::SIGNAL != 0 {
            signal::take(frame);
        } else if pending & work::RESCHEDULE != 0 {
            percpu::clear_work(work::RESCHEDULE);
            sched::yield_now();
        } else {
            return;
        }
    }
}
