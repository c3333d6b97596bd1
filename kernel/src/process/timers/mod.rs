//! Timers of a process that send it signals: setitimer(2)'s three (`interval.rs`), those of
//! timer_create(2) (`posix.rs`), and the limit of its CPU time.
//!
//! What counts time that passes is in `crate::time::timer`'s queue; what counts the process's CPU
//! time is looked at by the [`tick`]. CPU time isn't told apart into the program's own and the
//! kernel's: ITIMER_VIRTUAL counts both, as ITIMER_PROF does.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::general::RLIMIT_CPU;
use spin::Mutex;

use super::signal::{self, SIGKILL, SIGPROF, SIGVTALRM, SIGXCPU, SigInfo};
use super::{Task, TaskState, try_current};
use crate::time::cputime;
use crate::time::schedule::Schedule;
use crate::time::timer::Timer;

pub mod interval;
pub mod posix;

use posix::PosixTimer;

/// The timers of one process.
#[derive(Default)]
pub struct Timers {
    /// ITIMER_REAL, and what makes it expire.
    real: Mutex<Schedule>,
    alarm: Timer,
    /// ITIMER_VIRTUAL and ITIMER_PROF.
    cpu: Mutex<[Schedule; 2]>,
    /// By ID.
    posix: Mutex<BTreeMap<i32, Arc<PosixTimer>>>,
    /// The ID that is tried next.
    next_id: Mutex<i32>,
    /// Those of them that count CPU time and are on: the tick looks at these.
    posix_of_cpu: Mutex<BTreeMap<i32, Arc<PosixTimer>>>,
}

impl Timers {
    /// For execve(2): the timers of timer_create(2) are gone, the others go on.
    pub fn exec(&self) {
        self.posix_of_cpu.lock().clear();
        for timer in core::mem::take(&mut *self.posix.lock()).values() {
            timer.delete();
        }
    }

    /// At the end of the process.
    pub fn end(&self) {
        self.alarm.stop();
        *self.real.lock() = Schedule::default();
        *self.cpu.lock() = Default::default();
        self.exec();
    }
}

/// Called at every tick: timers of CPU time concern nobody but the running task, if there is one.
pub fn tick() {
    let Some(task) = try_current() else { return };
    // In the idle loop the last one to run is current, but sleeps.
    if task.state() == TaskState::Runnable {
        check(&task);
    }
}

fn check(task: &Task) {
    let process = &task.process;
    let expired = {
        let mut timers = process.timers.cpu.lock();
        let is_on = timers.iter().any(|timer| timer.next.is_some());
        is_on.then(|| {
            let now = cputime::used(task, false);
            timers.each_mut().map(|timer| timer.expire(now) > 0)
        })
    };
    for (expired, signo) in expired.into_iter().flatten().zip([SIGVTALRM, SIGPROF]) {
        if expired {
            // A standard signal: there is always room for it.
            let _ = signal::send_process(process, &SigInfo::kernel(signo));
        }
    }
    let timers: Vec<_> = process
        .timers
        .posix_of_cpu
        .lock()
        .values()
        .cloned()
        .collect();
    for timer in timers {
        timer.tick(task);
    }
    check_limit(task);
}

/// RLIMIT_CPU: SIGXCPU every second from the soft limit on, SIGKILL at the hard one.
fn check_limit(task: &Task) {
    let process = &task.process;
    let soft = process.limits.lock().soft(RLIMIT_CPU);
    if soft == u64::MAX {
        return;
    }
    let seconds = cputime::used(task, false) / 1_000_000_000;
    if seconds < soft {
        return;
    }
    let signo = {
        let mut limits = process.limits.lock();
        let (soft, hard) = &mut limits.0[RLIMIT_CPU as usize];
        if seconds >= *hard {
            SIGKILL
        } else {
            *soft += 1;
            SIGXCPU
        }
    };
    let _ = signal::send_process(process, &SigInfo::kernel(signo));
}
