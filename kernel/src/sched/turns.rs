//! The run queue: ready tasks in order of virtual runtime, as in Linux's CFS (kernel/sched/fair.c
//! in 6.1).
//!
//! A task's **virtual runtime** is the CPU time it has used, in cycles of the TSC; the task with
//! the least runs next. A task that wakes is brought up to the queue's minimum less a credit
//! ([`Periods::credit`]): it runs before the others, and can't save up more than the credit. A new
//! task starts one slice above the minimum ([`Periods::debit`]): its parent goes on. A woken task
//! preempts the running task when the latter's virtual runtime is higher by a margin
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
use crate::process::task::Task;
use crate::sched::cputime;

/// What CFS counts with on one CPU, in cycles.
struct Periods {
    millisecond: u64,
}

impl Periods {
    fn new() -> Self {
        Self {
            millisecond: cputime::cycles_of_millisecond(),
        }
    }

    /// What a sleeper has less than the others: half of sysctl_sched_latency (place_entity with
    /// GENTLE_FAIR_SLEEPERS).
    fn credit(&self) -> u64 {
        3 * self.millisecond
    }

    /// Excess virtual runtime at which the running task is preempted
    /// (sysctl_sched_wakeup_granularity).
    fn margin(&self) -> u64 {
        self.millisecond
    }

    /// The turn of one of `tasks` ready ones, which a new one begins with (sched_vslice with
    /// START_DEBIT).
    fn debit(&self, tasks: usize) -> u64 {
        let latency = 6 * self.millisecond;
        let least = self.millisecond * 3 / 4;
        (latency / tasks as u64).max(least)
    }
}

/// To whom the running task gives the CPU.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// Whose turn it is; that may be itself.
    Fair,
    /// Another task, if its virtual runtime is at most a margin above the running task's (the skip
    /// buddy of pick_next_entity).
    Equals,
    /// Any other one.
    Others,
}

/// The ready tasks but for the running one.
pub struct Turns {
    /// The next one, whatever is fair: the clock woke it.
    first: Option<Arc<Task>>,
    /// By virtual runtime; of the same, in the order of their coming.
    ready: VecDeque<Arc<Task>>,
    /// What every task has at least (min_vruntime). It never falls.
    least: u64,
}

impl Turns {
    pub const fn new() -> Self {
        Self {
            first: None,
            ready: VecDeque::new(),
            least: 0,
        }
    }

    /// Room for `tasks` in all.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn make_room(&mut self, tasks: usize) -> Result<(), Errno> {
        self.ready.room_for(tasks.saturating_sub(self.ready.len()))
    }

    pub fn len(&self) -> usize {
        self.ready.len() + usize::from(self.first.is_some())
    }

    /// A task that ran is ready to run again.
    pub fn add(&mut self, task: Arc<Task>) {
        let runtime = task.runtime.load(Relaxed);
        let is_after = |other: &Arc<Task>| other.runtime.load(Relaxed) <= runtime;
        if self.ready.back().is_none_or(is_after) {
            self.ready.push_back(task);
        } else {
            let at = self.ready.partition_point(is_after);
            self.ready.insert(at, task);
        }
    }

    /// A task that slept is ready; whether it takes the CPU from `running` (check_preempt_wakeup).
    /// `by_clock`: the time came that it waited for.
    pub fn add_woken(&mut self, task: Arc<Task>, running: Option<&Task>, by_clock: bool) -> bool {
        let periods = Periods::new();
        let had = running.map(had);
        self.advance(had);
        let brought_up = self.least.saturating_sub(periods.credit());
        let runtime = task.runtime.load(Relaxed).max(brought_up);
        task.runtime.store(runtime, Relaxed);
        let Some(had) = had else {
            self.add(task);
            return false;
        };
        let is_fair = had > runtime + periods.margin();
        let is_near = runtime <= had + periods.credit() + periods.margin();
        if by_clock && !is_fair && is_near && self.first.is_none() {
            self.first = Some(task);
            return true;
        }
        self.add(task);
        is_fair
    }

    /// A new task is ready, which `running` made.
    pub fn add_new(&mut self, task: Arc<Task>, running: Option<&Task>) {
        let had = running.map(had);
        self.advance(had);
        let tasks = self.len() + usize::from(running.is_some()) + 1;
        let begin = self.least + Periods::new().debit(tasks);
        task.runtime.store(begin.max(had.unwrap_or(0)), Relaxed);
        self.add(task);
    }

    /// The next task, in place of `running`, unless that goes on. The latter has been charged.
    pub fn next(&mut self, running: Option<&Task>, turn: Turn) -> Option<Arc<Task>> {
        let had = running.map(|task| task.runtime.load(Relaxed));
        self.advance(had);
        if self.first.is_some() {
            return self.first.take();
        }
        if let Some(had) = had {
            let first = self.ready.front()?.runtime.load(Relaxed);
            let most = match turn {
                Turn::Fair => had,
                Turn::Equals => had + Periods::new().margin(),
                Turn::Others => u64::MAX,
            };
            if first > most {
                return None;
            }
        }
        self.ready.pop_front()
    }

    /// Updates the queue's minimum (update_min_vruntime); `had`: the running task's virtual
    /// runtime.
    fn advance(&mut self, had: Option<u64>) {
        let first = self.ready.front().map(|task| task.runtime.load(Relaxed));
        let least = match (had, first) {
            (Some(had), Some(first)) => had.min(first),
            (had, first) => had.or(first).unwrap_or(0),
        };
        self.least = self.least.max(least);
    }
}

/// The running task's virtual runtime at this moment.
fn had(running: &Task) -> u64 {
    running.runtime.load(Relaxed) + cputime::uncharged()
}
