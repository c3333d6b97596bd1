//! The scheduler: the running task, the ready tasks, and the context switch.
//!
//! A task gives up the CPU when it waits or ends. It is preempted, if another task comes first
//! (`turns.rs`), at a tick and at the end of the call that woke the other. The kernel itself is
//! preempted only at the preemption points of long calls. With no task ready, the CPU halts until
//! an interrupt, on the stack of the task that ran last.

use alloc::sync::Arc;
use core::arch::naked_asm;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::sync::{Mutex, MutexGuard, rank};
use x86_64::instructions::interrupts;

use super::thread::{Owner, Thread, ThreadState};
use super::turns::{Turn, Turns};
use super::{cputime, extras, late};
use crate::abi::errno::Errno;
use crate::abi::frame::{self, Frame};
use crate::arch::percpu::{self, work};
use crate::arch::{gdt, segments::Segments};
use crate::mm::kstack::KernelStack;
use crate::mm::reserve;
use crate::sync;
use crate::time::idle::Idle;

static SCHEDULER: Mutex<Scheduler, rank::RunQueue> = Mutex::new(Scheduler {
    current: None,
    previous: None,
    turns: Turns::new(),
    by_clock: false,
});

struct Scheduler {
    current: Option<Arc<Thread>>,
    /// The task that ran before. Kept until the next switch: an ended task still runs on its stack
    /// while it switches away.
    previous: Option<Arc<Thread>>,
    turns: Turns,
    /// Tasks are being woken by expired timers ([`by_clock`]).
    by_clock: bool,
}

/// Code that a new thread starts at ([`init`]).
static START: AtomicUsize = AtomicUsize::new(0);

/// Sets the code that a new thread starts at, before the first one.
///
/// # Safety
/// `start` returns to user mode with the frame that rsp points to.
pub unsafe fn init(start: unsafe extern "C" fn()) {
    START.store(start as *const () as usize, Ordering::Relaxed);
}

/// The running thread, as a reference that can be kept.
pub fn current_thread() -> Arc<Thread> {
    SCHEDULER.lock().current.clone().expect("a thread runs")
}

/// Whether a thread has the CPU. An interrupt that strikes in the kernel then strikes at a point of
/// a long call, otherwise in the idle loop or between two tasks.
pub fn is_running() -> bool {
    // Called by the timer, as `tick`.
    let scheduler = SCHEDULER.try_lock();
    scheduler.is_some_and(|mut scheduler| scheduler.split().0.is_some())
}

/// Makes room for `tasks` in the queue, so that a wake-up never allocates.
///
/// # Errors
/// `ENOMEM`.
pub fn make_room(tasks: usize) -> Result<(), Errno> {
    SCHEDULER.lock().turns.make_room(tasks)
}

impl Scheduler {
    /// Borrows the running task and the ready ones together. No task runs while the current one is
    /// about to sleep or the CPU halts.
    fn split(&mut self) -> (Option<&Arc<Thread>>, &mut Turns) {
        let current = self.current.as_ref();
        let running = current.filter(|task| task.state() == ThreadState::Runnable);
        (running, &mut self.turns)
    }
}

/// Makes a new task ready to run.
pub fn start(task: Arc<Thread>) {
    let mut scheduler = SCHEDULER.lock();
    let (running, turns) = scheduler.split();
    turns.add_new(task, running.map(|task| &**task));
}

/// Makes a task ready again, and requests a switch if it preempts the running one.
fn resume(task: Arc<Thread>) {
    let mut scheduler = SCHEDULER.lock();
    let by_clock = scheduler.by_clock;
    let (running, turns) = scheduler.split();
    // After `split`: the task may be the current one, on whose stack the CPU halts.
    task.set_state(ThreadState::Runnable);
    if turns.add_woken(task, running.map(|task| &**task), by_clock) {
        percpu::set_work(work::RESCHEDULE);
    }
}

/// Runs `f`, in which expired timers wake tasks: these get the CPU at once (`turns.rs`).
pub fn by_clock(f: impl FnOnce()) {
    SCHEDULER.lock().by_clock = true;
    f();
    SCHEDULER.lock().by_clock = false;
}

/// Whether an expired timer is waking tasks.
pub(super) fn is_by_clock() -> bool {
    SCHEDULER.lock().by_clock
}

/// Wakes a thread if it is blocked.
pub fn wake<O: Owner>(thread: &Arc<Thread<O>>) {
    if thread.state() == ThreadState::Blocked {
        resume(thread.clone());
    }
}

/// [`wake`], where the type of the owner isn't known.
pub fn wake_thread(thread: &Arc<Thread>) {
    if thread.state() == ThreadState::Blocked {
        resume(thread.clone());
    }
}

/// Resumes a task that job control or its tracer has stopped.
pub fn wake_stopped<O: Owner>(thread: &Arc<Thread<O>>) {
    if matches!(thread.state(), ThreadState::Stopped | ThreadState::Traced) {
        resume(thread.clone());
    }
}

/// Resumes a task that job control has stopped, but not one stopped by its tracer.
pub fn wake_continued<O: Owner>(thread: &Arc<Thread<O>>) {
    if thread.state() == ThreadState::Stopped {
        resume(thread.clone());
    }
}

/// Number of runnable tasks: the running one and the ready ones.
pub fn runnable() -> usize {
    // Called by the timer interrupt, as `tick` is.
    let Some(scheduler) = SCHEDULER.try_lock() else {
        return 0;
    };
    let current = scheduler.current.as_ref();
    let runs = current.is_some_and(|task| task.state() == ThreadState::Runnable);
    scheduler.turns.len() + usize::from(runs)
}

/// Requests a switch if another task is ready, and a part of the late wake-ups. Called at each
/// tick.
pub fn tick() {
    if late::are_noted() {
        percpu::set_work(work::LEFTOVERS);
    }
    // The timer interrupt may occur in the idle loop, while the lock is held: try only.
    if let Some(scheduler) = SCHEDULER.try_lock()
        && scheduler.turns.len() != 0
        && scheduler.current.is_some()
    {
        percpu::set_work(work::RESCHEDULE);
    }
}

/// Switches to another task if one is ready, whatever its virtual runtime.
pub fn yield_now() {
    change(Turn::Others);
    reserve::after_sleep();
}

/// sched_yield(2): runs another task, unless each has a virtual runtime far above this one's.
pub fn yield_fairly() {
    change(Turn::Equals);
    reserve::after_sleep();
}

/// Switches to the task that comes next in fair order. Returns when the caller runs again and
/// there is memory for it (`mm/reserve.rs`).
pub fn schedule() {
    change(Turn::Fair);
    reserve::after_sleep();
}

/// Takes pending interrupts and switches to another task if one is ready; doesn't wait for memory.
/// For a task that can't be added to a wait queue, and for one that waits for memory itself.
pub fn pause() {
    take_interrupts();
    change(Turn::Others);
}

/// Takes pending interrupts.
fn take_interrupts() {
    interrupts::enable();
    // STI takes effect after the next instruction: pending interrupts are taken after NOP.
    x86_64::instructions::nop();
    interrupts::disable();
}

/// Switches to the next task in the order of `turn`; doesn't wait for memory.
fn change(turn: Turn) {
    sync::assert_none_held("a task gives the CPU up");
    let mut guard = SCHEDULER.lock();
    let scheduler = &mut *guard;
    let current = scheduler.current.as_deref();
    cputime::charge(current);
    let running = current.filter(|task| task.state() == ThreadState::Runnable);
    let next = if running.is_some() {
        let next = scheduler.turns.next(running, turn);
        if let (Some(_), Some(running)) = (&next, &scheduler.current) {
            scheduler.turns.add(running.clone());
        }
        next
    } else {
        if let Some(current) = current {
            current.switches.voluntary.fetch_add(1, Ordering::Relaxed);
        }
        // Interrupts come in between two tasks: many that end or sleep again one after the other
        // never return to user mode, and would keep the timer out.
        drop(guard);
        take_interrupts();
        guard = SCHEDULER.lock();
        let idle = Idle::begin();
        loop {
            if let Some(next) = guard.turns.next(None, turn) {
                break Some(next);
            }
            drop(guard);
            if late::wake_part(None) {
                take_interrupts();
            } else if SCHEDULER.lock().turns.len() == 0 {
                idle.before_halt();
                // STI takes effect after the next instruction: no interrupt is lost before HLT.
                interrupts::enable_and_hlt();
                interrupts::disable();
            }
            cputime::skip();
            guard = SCHEDULER.lock();
            if guard.turns.len() != 0 {
                drop(guard);
                idle.end();
                guard = SCHEDULER.lock();
            }
        }
    };
    // This switch fulfils the request. A request left pending would be saved with this task, and
    // preempt it as soon as it runs again (clear_tsk_need_resched in __schedule,
    // kernel/sched/core.c).
    percpu::clear_work::<{ work::RESCHEDULE }>();
    if let Some(next) = next {
        switch_to(next, guard);
    }
}

fn switch_to(next: Arc<Thread>, mut guard: MutexGuard<'_, Scheduler, rank::RunQueue>) {
    let scheduler = &mut *guard;
    let previous = scheduler.current.take();
    // One look at each reference: where a thread lies behind its counts depends on its owner's
    // alignment, which is read from the owner's table of methods each time.
    let next: &Thread = scheduler.current.insert(next);
    let mut left = Segments::UNKNOWN;
    let before: Option<&Thread> = previous.as_deref();
    if let Some(previous) = before {
        if core::ptr::addr_eq(previous, next) {
            return;
        }
        if previous.state() == ThreadState::Runnable {
            previous
                .switches
                .involuntary
                .fetch_add(1, Ordering::Relaxed);
        }
        previous.fpu.lock().save();
        left = Segments::read();
        previous.segments.set(left);
        previous.save_work();
    }
    let mut unused = 0;
    let save_to = before.map_or(&raw mut unused, Thread::context);
    let load_from = next.context();
    // ANCHOR: next-stack
    percpu::set_current(
        (&raw const *next).cast(),
        next.stack_top(),
        // Low memory is a state of the machine, not of the task, and what is left to do is done by
        // any task.
        next.work.load(Ordering::Relaxed)
            | percpu::pending_work() & (work::LOW_MEMORY | work::LEFTOVERS),
    );
    gdt::set_kernel_stack(next.stack_top());
    // ANCHOR_END: next-stack
    gdt::set_tls(&next.tls.lock());
    let had = before.map_or(0, |task| task.extras.present());
    if had | next.extras.present() != 0 {
        extras::switch(had, next);
    }
    next.activate();
    // After the address space: selectors may refer to its LDT.
    next.segments.lock().load(&left);
    next.fpu.lock().load();
    // The task before `previous` has left its stack: its last reference may be dropped.
    let gone = core::mem::replace(&mut scheduler.previous, previous);
    drop(guard);
    drop(gone);
    sync::assert_none_held("tasks are switched");
    // SAFETY: both point to the tasks' own slots, which the references in the scheduler keep
    // alive; `load_from` holds a stack that `prepare_stack` or this function left.
    unsafe { switch_stacks(save_to, *load_from) };
}

/// Saves the callee-saved registers and the stack pointer, and loads the other task's.
#[unsafe(naked)]
unsafe extern "C" fn switch_stacks(save_to: *mut u64, load: u64) {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

/// Lays out a new thread's stack so that the first switch to the thread returns to user mode with
/// `frame`. Returns the stack pointer to switch to.
pub fn prepare_stack(stack: &KernelStack, frame: &Frame) -> u64 {
    let frame_at = stack.top() - frame::SIZE as u64;
    let context = frame_at - 7 * 8;
    // SAFETY: a `KernelStack` is mapped, and a new thread's has no other user yet.
    unsafe {
        (frame_at as *mut Frame).write(frame.clone());
        core::ptr::write_bytes(context as *mut u64, 0, 6);
        ((frame_at - 8) as *mut u64).write(START.load(Ordering::Relaxed) as u64);
    }
    context
}

/// Switches to the first task; the boot stack is not used again.
pub fn run() -> ! {
    schedule();
    unreachable!("nothing switches back to the boot stack")
}
