//! The scheduler: the running task, those that are ready, and the switch from one to the next.
//!
//! A task gives the CPU up when it waits, when it ends, and, if another one's turn has come
//! (`turns.rs`), at the timer's ticks and behind the call that woke it. The kernel itself is not
//! preempted but at the points of long calls. With nothing to run the CPU halts until an interrupt,
//! on the stack of the task that ran last.

use alloc::sync::Arc;
use core::arch::naked_asm;
use core::sync::atomic::Ordering;

use crate::sync::{Mutex, MutexGuard, rank};
use x86_64::instructions::interrupts;

use super::extras;
use super::turns::{Turn, Turns};
use crate::abi::errno::Errno;
use crate::abi::frame::{self, Frame};
use crate::arch::percpu::{self, work};
use crate::arch::{gdt, segments::Segments};
use crate::entry::exit::start_task;
use crate::mm::reserve;
use crate::process::rseq;
use crate::process::task::{Task, TaskState};
use crate::sync;

static SCHEDULER: Mutex<Scheduler, rank::RunQueue> = Mutex::new(Scheduler {
    current: None,
    previous: None,
    turns: Turns::new(),
    by_clock: false,
});

struct Scheduler {
    current: Option<Arc<Task>>,
    /// Kept until the next switch: an ended task still runs on its stack while it switches away.
    previous: Option<Arc<Task>>,
    turns: Turns,
    /// Who is woken now is woken by the clock.
    by_clock: bool,
}

/// The running task, as a reference that can be kept.
pub fn current_task() -> Arc<Task> {
    SCHEDULER.lock().current.clone().expect("a task runs")
}

/// Makes room for `tasks` in the queue: a wake-up never waits for memory.
///
/// # Errors
/// `ENOMEM`.
pub fn make_room(tasks: usize) -> Result<(), Errno> {
    SCHEDULER.lock().turns.make_room(tasks)
}

impl Scheduler {
    /// What can be used at the same time: the task that runs now, unless it is about to sleep or
    /// the CPU halts, and those that are ready.
    fn split(&mut self) -> (Option<&Arc<Task>>, &mut Turns) {
        let current = self.current.as_ref();
        let running = current.filter(|task| task.state() == TaskState::Runnable);
        (running, &mut self.turns)
    }
}

/// Makes a new task ready to run.
pub fn start(task: Arc<Task>) {
    let mut scheduler = SCHEDULER.lock();
    let (running, turns) = scheduler.split();
    turns.add_new(task, running.map(|task| &**task));
}

/// Makes a task ready again; the running one gives the CPU up as soon as it can, if that is fair.
fn resume(task: &Arc<Task>) {
    let mut scheduler = SCHEDULER.lock();
    let by_clock = scheduler.by_clock;
    let (running, turns) = scheduler.split();
    // Not before: it may be the one on whose stack the CPU halts.
    task.set_state(TaskState::Runnable);
    if turns.add_woken(task.clone(), running.map(|task| &**task), by_clock) {
        percpu::set_work(work::RESCHEDULE);
    }
}

/// Does `f`, which wakes those whose time has come.
pub fn by_clock(f: impl FnOnce()) {
    SCHEDULER.lock().by_clock = true;
    f();
    SCHEDULER.lock().by_clock = false;
}

/// Wakes a task that waits.
pub fn wake(task: &Arc<Task>) {
    if task.state() == TaskState::Blocked {
        resume(task);
    }
}

/// Lets a task go on that job control or a tracer holds.
pub fn wake_stopped(task: &Arc<Task>) {
    if matches!(task.state(), TaskState::Stopped | TaskState::Traced) {
        resume(task);
    }
}

/// Lets a task go on that job control holds; a tracer's hold is its own.
pub fn wake_continued(task: &Arc<Task>) {
    if task.state() == TaskState::Stopped {
        wake_stopped(task);
    }
}

/// How many tasks run or are ready to.
pub fn runnable() -> usize {
    // As below: the timer asks this too.
    let Some(scheduler) = SCHEDULER.try_lock() else {
        return 0;
    };
    let current = scheduler.current.as_ref();
    let runs = current.is_some_and(|task| task.state() == TaskState::Runnable);
    scheduler.turns.len() + usize::from(runs)
}

/// Called by the timer: asks for a switch if another task is ready.
pub fn tick() {
    // The timer may strike in the idle loop, where the queue is being looked at: try only.
    if let Some(scheduler) = SCHEDULER.try_lock()
        && scheduler.turns.len() != 0
        && scheduler.current.is_some()
    {
        percpu::set_work(work::RESCHEDULE);
    }
}

/// Lets another task run, if one is ready, whatever is fair.
pub fn yield_now() {
    change(Turn::Others);
    reserve::after_sleep();
}

/// sched_yield(2): runs another task, unless each has a virtual runtime far above this one's.
pub fn yield_fairly() {
    change(Turn::Equals);
    reserve::after_sleep();
}

/// Gives the CPU to the task whose turn it is; returns when this one's turn comes again, and there
/// is memory for it to go on with.
pub fn schedule() {
    change(Turn::Fair);
    reserve::after_sleep();
}

/// Lets interrupts and others in, and goes on, whatever there is of memory: for a task that would
/// sleep, but can't be entered where it would be woken, and for one that waits for memory.
pub fn pause() {
    interrupts::enable();
    // What waits strikes behind the instruction after STI.
    x86_64::instructions::nop();
    interrupts::disable();
    change(Turn::Others);
}

/// As [`schedule`] and [`yield_now`], whatever there is of memory.
fn change(turn: Turn) {
    sync::assert_none_held("a task gives the CPU up");
    crate::sched::cputime::charge();
    let mut scheduler = SCHEDULER.lock();
    let (running, turns) = scheduler.split();
    let next = if let Some(running) = running {
        let next = turns.next(Some(running), turn);
        if next.is_some() {
            turns.add(running.clone());
        }
        next
    } else {
        if let Some(current) = &scheduler.current {
            current.usage.voluntary.fetch_add(1, Ordering::Relaxed);
        }
        loop {
            if let Some(next) = scheduler.turns.next(None, turn) {
                break Some(next);
            }
            drop(scheduler);
            // STI takes effect after the next instruction: no interrupt is lost before HLT.
            interrupts::enable_and_hlt();
            interrupts::disable();
            crate::sched::cputime::skip();
            scheduler = SCHEDULER.lock();
        }
    };
    // The switch is what was asked for. A request that stayed would be saved with this task, and
    // take the CPU from it as soon as it has it again (clear_tsk_need_resched in __schedule,
    // kernel/sched/core.c).
    percpu::clear_work(work::RESCHEDULE);
    if let Some(next) = next {
        switch_to(next, scheduler);
    }
}

fn switch_to(next: Arc<Task>, mut scheduler: MutexGuard<'_, Scheduler, rank::RunQueue>) {
    let previous = scheduler.current.replace(next.clone());
    if let Some(previous) = &previous {
        if Arc::ptr_eq(previous, &next) {
            return;
        }
        if previous.state() == TaskState::Runnable {
            previous.usage.involuntary.fetch_add(1, Ordering::Relaxed);
        }
        previous.fpu.lock().save();
        previous.segments.set(Segments::read());
        // Whatever it was in the middle of, it is interrupted now.
        let interrupted = rseq::work_after_switch(previous);
        previous
            .work
            .store(percpu::pending_work() | interrupted, Ordering::Relaxed);
    }
    let mut unused = 0;
    let save_to = previous
        .as_ref()
        .map_or(&raw mut unused, |task| task.context.get());
    let load_from = next.context.get();
    percpu::set_current(
        Arc::as_ptr(&next),
        next.stack.top(),
        // What belongs to the machine stays.
        next.work.load(Ordering::Relaxed) | percpu::pending_work() & work::LOW_MEMORY,
    );
    gdt::set_kernel_stack(next.stack.top());
    gdt::set_tls(&next.tls.lock());
    let had = previous.as_ref().map_or(0, |task| task.extras.present());
    if had | next.extras.present() != 0 {
        extras::switch(had, &next);
    }
    match next.mm() {
        Some(mm) => crate::process::activate(&mm.lock()),
        None => crate::mm::paging::activate_kernel(),
    }
    // After the address space: selectors may be of its LDT.
    next.segments.lock().load();
    next.fpu.lock().load();
    // The task before `previous` is off its stack by now: its last reference may go.
    let gone = core::mem::replace(&mut scheduler.previous, previous);
    drop(scheduler);
    drop(gone);
    drop(next);
    sync::assert_none_held("tasks are switched");
    // SAFETY: both point to the tasks' own slots, which the references in the scheduler keep
    // alive; `load_from` holds a stack that `prepare_stack` or this function left.
    unsafe { switch_stacks(save_to, *load_from) };
}

/// Saves the callee-saved registers and the stack pointer, and takes the other task's.
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

/// Lays out a new task's stack so that the first switch to it returns to user mode with
/// `frame`. Returns the stack pointer to switch to.
pub fn prepare_stack(top: u64, frame: &Frame) -> u64 {
    let frame_at = top - frame::SIZE as u64;
    let context = frame_at - 7 * 8;
    // SAFETY: the caller passes the top of a mapped, unused kernel stack.
    unsafe {
        (frame_at as *mut Frame).write(frame.clone());
        core::ptr::write_bytes(context as *mut u64, 0, 6);
        ((frame_at - 8) as *mut u64).write(start_task as *const () as u64);
    }
    context
}

/// Runs the first task; the boot stack is left behind.
pub fn run() -> ! {
    schedule();
    unreachable!("nothing switches back to the boot stack")
}
