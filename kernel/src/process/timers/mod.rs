//! Timers of a process that send it signals: setitimer(2)'s three (`interval.rs`) and those of
//! timer_create(2) (`posix.rs`).
//!
//! What counts time that passes is in `crate::time::timer`'s queue; what counts the process's CPU
//! time is looked at by the [`tick`]. Left out: waiting for a process's CPU time with
//! clock_nanosleep(2), timers of another process's CPU time.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::sched::preempt::{self, Stride};
use crate::sync::{Mutex, rank};

use super::current;
use super::signal::{self, SIGPROF, SIGVTALRM, SigInfo};
use crate::process::rusage;
use crate::sched::cputime;
use crate::time::schedule::Schedule;
use crate::time::timer::Timer;

pub mod interval;
pub mod posix;

use posix::PosixTimer;

/// What the end of a timer counts among the bytes between two points of a long call.
const TIMER_WEIGHT: usize = 512;

/// The timers of one process.
#[derive(Default)]
pub struct Timers {
    /// ITIMER_REAL, and what makes it expire.
    real: Mutex<Schedule, rank::RealTimer>,
    alarm: Timer,
    /// ITIMER_VIRTUAL and ITIMER_PROF.
    cpu: Mutex<[Schedule; 2], rank::CpuTimers>,
    /// By ID.
    posix: Mutex<BTreeMap<i32, Arc<PosixTimer>>, rank::PosixTimers>,
    /// The ID that is tried next.
    next_id: Mutex<i32, rank::NextTimer>,
    /// Those of them that count CPU time and are on: the tick looks at these.
    posix_of_cpu: Mutex<BTreeMap<i32, Arc<PosixTimer>>, rank::PosixCpuTimers>,
}

impl Timers {
    /// How many timer_create(2) made; 0 where that is being changed just now.
    pub fn count(&self) -> usize {
        self.posix.try_lock().map_or(0, |timers| timers.len())
    }

    /// For execve(2): the timers of timer_create(2) are gone, the others go on.
    pub fn exec(&self) {
        self.posix_of_cpu.lock().clear();
        let timers = self.posix.take();
        let mut stride = Stride::default();
        for timer in timers.into_values() {
            timer.delete();
            drop(timer);
            if stride.passes(TIMER_WEIGHT) {
                preempt::point();
            }
        }
    }

    /// At the end of the process.
    pub fn end(&self) {
        self.alarm.stop();
        self.real.set(Schedule::default());
        self.cpu.set(Default::default());
        self.exec();
    }
}

/// Called at each tick while a task runs: only the running task's CPU time timers can expire.
pub fn tick() {
    let task = current();
    let process = &task.process;
    let expired = {
        let mut timers = process.timers.cpu.lock();
        let is_on = timers.iter().any(|timer| timer.next.is_some());
        is_on.then(|| {
            let (user, all) = (rusage::user_time(process), cputime::used_by(process));
            [timers[0].expire(user) > 0, timers[1].expire(all) > 0]
        })
    };
    for (expired, signo) in expired.into_iter().flatten().zip([SIGVTALRM, SIGPROF]) {
        if expired {
            // A standard signal: there is always room for it.
            let _ = signal::send_process(process, &SigInfo::kernel(signo));
        }
    }
    let mut from = Some(i32::MIN);
    while let Some(first) = from {
        let next = {
            let timers = process.timers.posix_of_cpu.lock();
            let next = timers.range(first..).next();
            next.map(|(id, timer)| (*id, timer.clone()))
        };
        let Some((id, timer)) = next else {
            break;
        };
        timer.tick(&task);
        from = id.checked_add(1);
    }
}
