//! The scheduler: one queue, round robin, and the switch from one task to the next.
//!
//! A task gives the CPU up when it waits, when it ends, and, if others are ready, when the
//! timer finds it in user mode. The kernel itself is not preempted. With nothing to run the
//! CPU halts until an interrupt, on the stack of the task that ran last.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::arch::naked_asm;
use core::sync::atomic::Ordering;

use crate::sync::{Mutex, rank};
use x86_64::instructions::interrupts;

use super::{Task, TaskState, extras, rseq};
use crate::arch::percpu::{self, work};
use crate::arch::{gdt, segments::Segments};
use crate::entry::exit::start_task;
use crate::entry::frame::{self, Frame};
use crate::mm::fallible::Grow;
use crate::mm::reserve;
use crate::sync;
use crate::syscall::errno::Errno;

static SCHEDULER: Mutex<Scheduler, rank::RunQueue> = Mutex::new(Scheduler {
    current: None,
    previous: None,
    ready: VecDeque::new(),
});

struct Scheduler {
    current: Option<Arc<Task>>,
    /// Kept until the next switch: a task that ended still stands on its stack while it
    /// switches away.
    previous: Option<Arc<Task>>,
    ready: VecDeque<Arc<Task>>,
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
    let mut scheduler = SCHEDULER.lock();
    let more = tasks.saturating_sub(scheduler.ready.len());
    scheduler.ready.room_for(more)
}

/// Makes `task` ready to run.
pub fn start(task: Arc<Task>) {
    SCHEDULER.lock().ready.push_back(task);
}

/// Wakes a task that waits.
pub fn wake(task: &Arc<Task>) {
    if task.state() == TaskState::Blocked {
        task.set_state(TaskState::Runnable);
        start(task.clone());
    }
}

/// Lets a task go on that job control or a tracer holds.
pub fn wake_stopped(task: &Arc<Task>) {
    if matches!(task.state(), TaskState::Stopped | TaskState::Traced) {
        task.set_state(TaskState::Runnable);
        start(task.clone());
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
    scheduler.ready.len() + usize::from(runs)
}

/// Called by the timer: asks for a switch if another task is ready.
pub fn tick() {
    // The timer may strike in the idle loop, where the queue is being looked at: try only.
    if let Some(scheduler) = SCHEDULER.try_lock()
        && !scheduler.ready.is_empty()
        && scheduler.current.is_some()
    {
        percpu::set_work(work::RESCHEDULE);
    }
}

/// Lets another task run, if one is ready.
pub fn yield_now() {
    schedule();
}

/// Gives the CPU to the next ready task; returns when this one's turn comes again, and there is memory
/// for it to go on with.
pub fn schedule() {
    switch();
    reserve::after_sleep();
}

/// Lets interrupts and others in, and goes on, whatever there is of memory: for a task that would sleep,
/// but can't be entered where it would be woken, and for one that waits for memory.
pub fn pause() {
    interrupts::enable();
    // What waits strikes behind the instruction after STI.
    x86_64::instructions::nop();
    interrupts::disable();
    switch();
}

/// As [`schedule`], whatever there is of memory.
pub fn switch() {
    sync::assert_none_held("a task gives the CPU up");
    crate::time::cputime::charge();
    let next = {
        let mut scheduler = SCHEDULER.lock();
        if let Some(current) = scheduler.current.clone() {
            if current.state() == TaskState::Runnable {
                scheduler.ready.push_back(current);
            } else {
                current.usage.voluntary.fetch_add(1, Ordering::Relaxed);
            }
        }
        loop {
            if let Some(next) = scheduler.ready.pop_front() {
                break next;
            }
            drop(scheduler);
            // STI takes effect after the next instruction: no interrupt is lost before HLT.
            interrupts::enable_and_hlt();
            interrupts::disable();
            crate::time::cputime::skip();
            scheduler = SCHEDULER.lock();
        }
    };
    // The switch is what was asked for. A request that stayed would be saved with this task, and take the
    // CPU from it as soon as it has it again (clear_tsk_need_resched in __schedule, kernel/sched/core.c).
    percpu::clear_work(work::RESCHEDULE);
    switch_to(next);
}

fn switch_to(next: Arc<Task>) {
    let mut scheduler = SCHEDULER.lock();
    let previous = scheduler.current.replace(next.clone());
    if let Some(previous) = &previous {
        if Arc::ptr_eq(previous, &next) {
            return;
        }
        if previous.state() == TaskState::Runnable {
            previous.usage.involuntary.fetch_add(1, Ordering::Relaxed);
        }
        previous.fpu.lock().save();
        *previous.segments.lock() = Segments::read();
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
        Some(mm) => super::activate(&mm.lock()),
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
