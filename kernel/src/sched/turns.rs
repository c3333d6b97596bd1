//! The run queue: ready tasks in order of virtual runtime, as in Linux's CFS (kernel/sched/fair.c
//! in 6.1).
//!
//! A task's **virtual runtime** is the CPU time it has used, in cycles of the TSC; the task with
//! the least runs next. A task that wakes is brought up to the queue's minimum less a credit
//! ([`Periods::credit`]): it runs before the others, and can't save up more than the credit. A new
//! task starts one slice above the minimum ([`Periods::debit`]): its parent continues to run. A
//! woken task preempts the running task when the latter's virtual runtime is higher by a margin
//! ([`Periods::margin`]): two equal tasks that wake each other alternate as they sleep, a task that
//! slept comes before one that computed. A task woken by the clock gets the CPU at once unless its
//! virtual runtime is far higher: a sleep is as long as requested, which Linux only promises to the
//! tick.
//!
//! Left out: nice values and policies carry no weight; there is one queue, without groups or
//! sessions.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;

use crate::abi::errno::Errno;
use crate::mm::fallible::Grow;
use crate::sched::cputime;
use crate::sched::thread::Thread;

/// CFS's periods on one CPU, in TSC cycles.
struct Periods {
    millisecond: u64,
}

impl Periods {
    fn new() -> Self {
        Self {
            millisecond: cputime::cycles_of_millisecond(),
        }
    }

    /// How far below the minimum a woken task is placed: half of sysctl_sched_latency (place_entity
    /// with GENTLE_FAIR_SLEEPERS).
    fn credit(&self) -> u64 {
        3 * self.millisecond
    }

    /// Excess virtual runtime at which the running task is preempted
    /// (sysctl_sched_wakeup_granularity).
    fn margin(&self) -> u64 {
        self.millisecond
    }

    /// How far above the minimum a new task is placed: one slice of `tasks` runnable tasks
    /// (sched_vslice with START_DEBIT).
    fn debit(&self, tasks: usize) -> u64 {
        let latency = 6 * self.millisecond;
        let least = self.millisecond * 3 / 4;
        (latency / tasks as u64).max(least)
    }
}

/// Which task follows when the running one reschedules.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// The task with the least virtual runtime, which may be the running one.
    Fair,
    /// Another task, if its virtual runtime is at most a margin above the running task's (the skip
    /// buddy of pick_next_entity).
    Equals,
    /// Another task, whatever its virtual runtime.
    Others,
}

/// The ready tasks, without the running one.
pub struct Turns {
    /// A task woken by the clock, which runs next.
    first: Option<Arc<Thread>>,
    /// In order of virtual runtime, then of arrival; each with its virtual runtime, which doesn't
    /// change while it is here.
    ready: VecDeque<(u64, Arc<Thread>)>,
    /// Minimum virtual runtime of the queue (min_vruntime); never decreases.
    least: u64,
}

impl Turns {
    /// An empty queue.
    pub const fn new() -> Self {
        Self {
            first: None,
            ready: VecDeque::new(),
            least: 0,
        }
    }

    /// Makes room for `tasks` in all.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn make_room(&mut self, tasks: usize) -> Result<(), Errno> {
        self.ready.room_for(tasks.saturating_sub(self.ready.len()))
    }

    /// Number of ready tasks.
    pub fn len(&self) -> usize {
        self.ready.len() + usize::from(self.first.is_some())
    }

    /// Adds a task that was preempted or yielded.
    pub fn add(&mut self, task: Arc<Thread>) {
        let runtime = task.runtime.load(Relaxed);
        let is_after = |(other, _): &(u64, Arc<Thread>)| *other <= runtime;
        if self.ready.back().is_none_or(is_after) {
            self.ready.push_back((runtime, task));
        } else {
            let at = self.ready.partition_point(is_after);
            self.ready.insert(at, (runtime, task));
        }
    }

    /// Adds a task that slept. Returns whether it preempts `running` (check_preempt_wakeup).
    /// `by_clock`: it was woken by an expired timer.
    pub fn add_woken(
        &mut self,
        task: Arc<Thread>,
        running: Option<&Thread>,
        by_clock: bool,
    ) -> bool {
        let periods = Periods::new();
        let running_runtime = running.map(running_runtime);
        self.advance(running_runtime);
        let placed = self.least.saturating_sub(periods.credit());
        let runtime = task.runtime.load(Relaxed).max(placed);
        task.runtime.store(runtime, Relaxed);
        // Between two tasks, the next one counts as running.
        let next = self.first_runtime();
        let Some(running_runtime) = running_runtime.or(next) else {
            self.add(task);
            return false;
        };
        let is_fair = running_runtime > runtime + periods.margin();
        let is_near = runtime <= running_runtime + periods.credit() + periods.margin();
        // Also where `is_fair`: among many that were woken together, it would wait for all of them.
        if by_clock && is_near && self.first.is_none() {
            self.first = Some(task);
            return true;
        }
        self.add(task);
        is_fair
    }

    /// Adds a new task, created by `running`.
    pub fn add_new(&mut self, task: Arc<Thread>, running: Option<&Thread>) {
        let running_runtime = running.map(running_runtime);
        self.advance(running_runtime);
        let tasks = self.len() + usize::from(running.is_some()) + 1;
        let begin = self.least + Periods::new().debit(tasks);
        task.runtime
            .store(begin.max(running_runtime.unwrap_or(0)), Relaxed);
        self.add(task);
    }

    /// Removes and returns the next task; `None` if `running`, whose CPU time has been charged,
    /// continues.
    pub fn next(&mut self, running: Option<&Thread>, turn: Turn) -> Option<Arc<Thread>> {
        let running_runtime = running.map(|task| task.runtime.load(Relaxed));
        self.advance(running_runtime);
        if self.first.is_some() {
            return self.first.take();
        }
        if let Some(running_runtime) = running_runtime {
            let first = self.first_runtime()?;
            let most = match turn {
                Turn::Fair => running_runtime,
                Turn::Equals => running_runtime + Periods::new().margin(),
                Turn::Others => u64::MAX,
            };
            if first > most {
                return None;
            }
        }
        let (runtime, next) = self.ready.pop_front()?;
        debug_assert_eq!(runtime, next.runtime.load(Relaxed));
        Some(next)
    }

    /// The least virtual runtime of the ready tasks.
    fn first_runtime(&self) -> Option<u64> {
        self.ready.front().map(|(runtime, _)| *runtime)
    }

    /// Updates the queue's minimum (update_min_vruntime); `running_runtime` is the running task's
    /// virtual runtime.
    fn advance(&mut self, running_runtime: Option<u64>) {
        let first = self.first_runtime();
        let least = match (running_runtime, first) {
            (Some(running_runtime), Some(first)) => running_runtime.min(first),
            (running_runtime, first) => running_runtime.or(first).unwrap_or(0),
        };
        self.least = self.least.max(least);
    }
}

/// The running task's virtual runtime, with the cycles not yet charged.
fn running_runtime(running: &Thread) -> u64 {
    running.runtime.load(Relaxed) + cputime::uncharged()
}
