//! Threads: the part of a task that the scheduler knows.
//!
//! A [`Thread`] has the state that a context switch needs. While a thread is in the kernel, its
//! program's registers are the [`Frame`] at the top of its kernel stack. The last field is the
//! thread's [`Owner`]: process, signals and IDs in `process/task.rs`, where a thread with its owner
//! is a task. The scheduler holds references without the owner's type (`Arc<Thread>`), and calls
//! the owner through the trait.

use alloc::sync::{Arc, Weak};
#[cfg(debug_assertions)]
use core::any::TypeId;
use core::ops::Deref;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::extras::Extras;
use super::run_queue;
use crate::abi::door::Table;
use crate::abi::errno::Errno;
use crate::abi::frame::{self, Frame, LiveFrame};
use crate::arch::fpu::FpuState;
use crate::arch::percpu::{self, work};
use crate::arch::segments::Segments;
use crate::mm::kstack::KernelStack;
use crate::sync::{Mutex, rank};
use crate::time::timer::Expire;

/// State of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ThreadState {
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

/// Owner of a thread, for what the scheduler leaves to it.
pub trait Owner: Send + Sync + 'static {
    /// The thread as the owner of a timer, which wakes the thread.
    fn as_timer_owner(&self) -> Weak<dyn Expire>;

    /// Adds TSC cycles that the thread has run to counts beside the thread's own.
    fn charge(&self, cycles: u64);

    /// Activates the address space at a switch to the thread. The run queue is locked.
    fn activate(&self);

    /// Whether a fatal signal is pending.
    fn is_ending(&self) -> bool;
}

/// Number of threads: the run queue has room for all.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Type of the owner of all threads: [`current`] relies on there being one.
#[cfg(debug_assertions)]
static OWNER: spin::Once<TypeId> = spin::Once::new();

/// A thread.
pub struct Thread<O: ?Sized = dyn Owner> {
    stack: KernelStack,
    /// Kernel stack pointer while another thread runs.
    context: AtomicU64,
    state: AtomicU8,
    /// x87/SSE/AVX registers while another thread runs.
    pub fpu: Mutex<FpuState, rank::Fpu>,
    /// Data segment registers while another thread runs.
    pub segments: Mutex<Segments, rank::Segments>,
    /// The thread's three descriptors in the GDT (set_thread_area(2)).
    pub tls: Mutex<[u64; 3], rank::ThreadArea>,
    /// [`percpu::work`] bits while another thread runs.
    pub work: AtomicU32,
    /// [`percpu::work`] bits to be set after a switch from the thread.
    work_after_switch: AtomicU32,
    /// Rarely used CPU state.
    pub(super) extras: Extras,
    /// Conditions of the last debug exception, as bits of DR6 (virtual_dr6).
    pub debug_status: AtomicU64,
    /// CPU time, TSC cycles.
    pub(super) cycles: AtomicU64,
    /// Virtual runtime, TSC cycles (`turns.rs`).
    pub(super) runtime: AtomicU64,
    /// Counts of switches from the thread.
    pub switches: Switches,
    /// Process, signals and IDs (`process/task.rs`).
    owner: O,
}

/// Counts of context switches from a thread, or from the ended threads of a process.
#[derive(Default)]
pub struct Switches {
    /// Context switches by a wait.
    pub voluntary: AtomicU64,
    /// Context switches by preemption.
    pub involuntary: AtomicU64,
}

impl Switches {
    /// Adds the counts of a thread that ended.
    pub fn take_over(&self, ended: &Self) {
        let (voluntary, involuntary) = ended.counts();
        self.voluntary.fetch_add(voluntary, Ordering::Relaxed);
        self.involuntary.fetch_add(involuntary, Ordering::Relaxed);
    }

    /// Both counts: voluntary and involuntary switches.
    pub fn counts(&self) -> (u64, u64) {
        (
            self.voluntary.load(Ordering::Relaxed),
            self.involuntary.load(Ordering::Relaxed),
        )
    }
}

impl<O: Owner> Thread<O> {
    /// A thread whose first switch returns to user mode with the registers in `frame`. `owner`
    /// makes the owner, which may keep the reference to the thread.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn with_owner(
        frame: &Frame,
        owner: impl FnOnce(&Weak<Self>) -> O,
    ) -> Result<Arc<Self>, Errno> {
        #[cfg(debug_assertions)]
        assert_eq!(*OWNER.call_once(TypeId::of::<O>), TypeId::of::<O>());
        run_queue::make_room(COUNT.load(Ordering::Relaxed) + 1)?;
        let stack = KernelStack::new()?;
        COUNT.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new_cyclic(|this| Self {
            context: AtomicU64::new(run_queue::prepare_stack(&stack, frame)),
            stack,
            state: AtomicU8::new(ThreadState::Runnable as u8),
            fpu: Mutex::new(FpuState::new()),
            segments: Mutex::new(Segments::default()),
            tls: Mutex::new([0; 3]),
            work: AtomicU32::new(0),
            work_after_switch: AtomicU32::new(0),
            extras: Extras::default(),
            debug_status: AtomicU64::new(0),
            cycles: AtomicU64::new(0),
            runtime: AtomicU64::new(0),
            switches: Switches::default(),
            owner: owner(this),
        }))
    }
}

impl<O: ?Sized> Thread<O> {
    /// Top of the kernel stack.
    pub(super) fn stack_top(&self) -> u64 {
        self.stack.top()
    }

    /// Address of the kernel stack pointer that a switch saves and loads.
    pub(super) fn context(&self) -> *mut u64 {
        self.context.as_ptr()
    }

    /// Whether the thread is the running one.
    pub fn is_current(&self) -> bool {
        core::ptr::addr_eq(self, percpu::current())
    }

    /// Edits the registers of a thread that its tracer has stopped; `None` for any other thread.
    pub fn edit_held_frame<T>(&self, edit: impl FnOnce(&LiveFrame) -> T) -> Option<T> {
        (self.state() == ThreadState::Traced).then(|| self.edit(|bits| self.set_work(bits), edit))
    }

    /// The frame in place. Only [`Self::edit`] gives it out.
    fn live_frame(&self) -> &LiveFrame {
        // SAFETY: a thread's frame is at the top of its stack from the thread's creation on, and
        // its registers are cells; one CPU runs, and the kernel is preempted at its points only.
        unsafe { &*self.frame_pointer() }
    }

    // ANCHOR: frame-pointer
    /// Address of the frame.
    pub fn frame_pointer(&self) -> *const LiveFrame {
        (self.stack.top() - frame::SIZE as u64) as *const LiveFrame
    }
    // ANCHOR_END: frame-pointer

    /// A copy of the program's registers, as saved at entry.
    #[inline(always)]
    pub fn frame(&self) -> Frame {
        self.live_frame().copy()
    }

    // ANCHOR: edit
    /// The one method that edits a thread's frame, apart from the handlers of exceptions, which
    /// return by IRET, and from the stubs, which store only rax and rbp after the entry: SYSRET
    /// restores both from the frame. The work bit keeps SYSRET from a frame that it can't restore
    /// (`entry/exit.rs`).
    fn edit<T>(&self, set_work: impl FnOnce(u32), edit: impl FnOnce(&LiveFrame) -> T) -> T {
        set_work(work::FRAME_EDITED);
        edit(self.live_frame())
    }
    // ANCHOR_END: edit

    /// Whether the present call came through a door of the i386 table, so that structures have
    /// their 32-bit layouts. 64-bit code may use INT 0x80 too.
    pub fn is_i386_call(&self) -> bool {
        self.frame().table() == Some(Table::I386)
    }

    /// The thread's state.
    pub fn state(&self) -> ThreadState {
        match self.state.load(Ordering::Relaxed) {
            0 => ThreadState::Runnable,
            1 => ThreadState::Blocked,
            2 => ThreadState::Stopped,
            3 => ThreadState::Traced,
            _ => ThreadState::Dead,
        }
    }

    /// Sets [`Self::state`].
    pub fn set_state(&self, state: ThreadState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// Sets [`percpu::work`] bits of the thread, which may be the running one.
    pub fn set_work(&self, bits: u32) {
        if self.is_current() {
            percpu::set_work(bits);
        } else {
            self.work.fetch_or(bits, Ordering::Relaxed);
        }
    }

    /// Whether any of these [`percpu::work`] bits is set.
    pub fn has_work(&self, bits: u32) -> bool {
        let set = if self.is_current() {
            percpu::pending_work()
        } else {
            self.work.load(Ordering::Relaxed)
        };
        set & bits != 0
    }

    /// Clears [`percpu::work`] bits.
    pub fn clear_work<const BITS: u32>(&self) {
        if self.is_current() {
            percpu::clear_work::<BITS>();
        } else {
            self.work.fetch_and(!BITS, Ordering::Relaxed);
        }
    }

    /// Sets the [`percpu::work`] bits that each switch from the thread adds.
    pub fn set_work_after_switch(&self, bits: u32) {
        self.work_after_switch.store(bits, Ordering::Relaxed);
    }

    /// Saves the [`percpu::work`] bits of the running thread at a switch from it.
    pub(super) fn save_work(&self) {
        let after_switch = self.work_after_switch.load(Ordering::Relaxed);
        self.work
            .store(percpu::pending_work() | after_switch, Ordering::Relaxed);
    }
}

impl<O: ?Sized> Deref for Thread<O> {
    type Target = O;

    fn deref(&self) -> &O {
        &self.owner
    }
}

impl<O: ?Sized> Drop for Thread<O> {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reference to the running thread, valid in the code that runs on it.
pub struct Current<O>(*const Thread<O>);

impl<O> Deref for Current<O> {
    type Target = Thread<O>;

    fn deref(&self) -> &Thread<O> {
        // SAFETY: the scheduler holds a reference to the running thread, and a `Current` cannot
        // leave it: it is neither Send nor stored anywhere.
        unsafe { &*self.0 }
    }
}

impl<O> Current<O> {
    /// Edits the running thread's frame, for a call or a signal that changes the program's
    /// registers.
    pub fn edit_frame<T>(&self, edit: impl FnOnce(&LiveFrame) -> T) -> T {
        // The running thread's bits are the CPU's.
        self.edit(percpu::set_work, edit)
    }
}

/// The running thread. `O` is the type of all threads' owners.
///
/// Must not be called before the first thread runs; [`try_current`] may be.
pub fn current<O: Owner>() -> Current<O> {
    #[cfg(debug_assertions)]
    assert_eq!(OWNER.get(), Some(&TypeId::of::<O>()));
    let thread = percpu::current();
    debug_assert!(!thread.is_null());
    Current(thread.cast())
}

/// The running thread, or `None` while the kernel boots. `O` is the type of all threads' owners.
pub fn try_current<O: Owner>() -> Option<Current<O>> {
    let thread = percpu::current();
    (!thread.is_null()).then(current)
}
