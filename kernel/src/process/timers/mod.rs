//! Timers of a process that send signals: those of setitimer(2) (`interval.rs`) and of
//! timer_create(2) (`posix.rs`).
//!
//! Timers of real time are in the queues of `time/timer.rs`. Timers of CPU time are checked at each
//! [`tick`]. Left out: clock_nanosleep(2) by a CPU-time clock, and timers of another process's CPU
//! time.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::sched::preempt::{self, Stride};
use crate::sync::{Mutex, rank};

use super::current;
use super::signal;
use crate::abi::signal::{SIGPROF, SIGVTALRM, SigInfo};
use crate::process::rusage;
use crate::time::schedule::Schedule;
use crate::time::timer::Timer;

pub mod interval;
pub mod posix;

use posix::PosixTimer;

/// Weight of the deletion of a timer, in the bytes of work of `sched/preempt.rs`.
const TIMER_WEIGHT: usize = 512;

/// Timers of a process.
#[derive(Default)]
pub struct Timers {
    /// ITIMER_REAL.
    real: Mutex<Schedule, rank::RealTimer>,
    /// The timer that expires for ITIMER_REAL.
    alarm: Timer,
    /// ITIMER_VIRTUAL and ITIMER_PROF.
    cpu: Mutex<[Schedule; 2], rank::CpuTimers>,
    /// Timers of timer_create(2), by ID.
    posix: Mutex<BTreeMap<i32, Arc<PosixTimer>>, rank::PosixTimers>,
    /// The next ID to try.
    next_id: Mutex<i32, rank::NextTimer>,
    /// The armed ones of `posix` that count CPU time, checked at each tick.
    posix_of_cpu: Mutex<BTreeMap<i32, Arc<PosixTimer>>, rank::PosixCpuTimers>,
}

impl Timers {
    /// Number of timers of timer_create(2); 0 while they are locked.
    pub fn count(&self) -> usize {
        self.posix.try_lock().map_or(0, |timers| timers.len())
    }

    /// Deletes the timers of timer_create(2), as in execve(2).
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

    /// Deletes and disarms all timers at the exit of the process.
    pub fn end(&self) {
        self.alarm.stop();
        self.real.set(Schedule::default());
        self.cpu.set(Default::default());
        self.exec();
    }
}

/// Checks the CPU-time timers of the running task's process; no others can expire. Called at each
/// tick while a task runs.
pub fn tick() {
    let task = current();
    let process = &task.process;
    let expired = {
        let mut timers = process.timers.cpu.lock();
        let is_on = timers.iter().any(|timer| timer.next.is_some());
        is_on.then(|| {
            let (user, all) = (rusage::user_time(process), rusage::cpu_time(process));
            [timers[0].expire(user) > 0, timers[1].expire(all) > 0]
        })
    };
    for (expired, signo) in expired.into_iter().flatten().zip([SIGVTALRM, SIGPROF]) {
        if expired {
            // A standard signal never fails for lack of memory.
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
