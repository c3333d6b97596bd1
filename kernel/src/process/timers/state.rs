//! The timers of a process, and what ends with them. `posix.rs`, `interval.rs` and `tick.rs` set
//! them and let them expire.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};

use crate::abi::signal::{Fields, SigInfo};
use crate::process::process::Process;
use crate::process::signal::{Pending, note_dequeued};
use crate::process::task::Task;
use crate::sched::preempt::{self, Stride};
use crate::sync::{Mutex, rank};
use crate::time::schedule::Schedule;
use crate::time::timer::{Clock, Timer};

/// Weight of the deletion of a timer, in the bytes of work of `sched/preempt.rs`.
const TIMER_WEIGHT: usize = 512;

/// Timers of a process.
#[derive(Default)]
pub struct Timers {
    /// ITIMER_REAL.
    pub(super) real: Mutex<Schedule, rank::RealTimer>,
    /// The timer that expires for ITIMER_REAL.
    pub(super) alarm: Timer,
    /// ITIMER_VIRTUAL and ITIMER_PROF.
    pub(super) cpu: Mutex<[Schedule; 2], rank::CpuTimers>,
    /// Timers of timer_create(2), by ID.
    pub(super) posix: Mutex<BTreeMap<i32, Arc<PosixTimer>>, rank::PosixTimers>,
    /// The next ID to try.
    pub(super) next_id: Mutex<i32, rank::NextTimer>,
    /// The armed ones of `posix` that count CPU time, checked at each tick.
    pub(super) posix_of_cpu: Mutex<BTreeMap<i32, Arc<PosixTimer>>, rank::PosixCpuTimers>,
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

    /// Called when the signal `info` is dequeued: stores the overrun count of its timer, if it has
    /// one, whose next expiration sends a signal again.
    pub fn signal_taken(&self, info: &mut SigInfo) {
        if let Fields::Timer { id, overrun, .. } = &mut info.fields
            && let Some(timer) = self.posix.lock().get(id)
        {
            let mut state = timer.state.lock();
            state.last_overrun = core::mem::take(&mut state.overrun);
            *overrun = capped_overrun(state.last_overrun);
        }
    }
}

/// Clock of a timer.
#[derive(Clone)]
pub enum Base {
    /// Real time.
    Passing(Clock),
    /// CPU time of the process.
    Process,
    /// CPU time of a thread of the process.
    Thread(Weak<Task>),
}

/// Notification at expiry (struct sigevent).
#[derive(Clone)]
pub enum Notice {
    /// No notification (SIGEV_NONE).
    None,
    /// Signal and value, sent to the process (SIGEV_SIGNAL).
    Process(u8, u64),
    /// Signal and value, sent to a thread (SIGEV_THREAD_ID).
    Thread(u8, u64, Weak<Task>),
}

/// A timer of timer_create(2).
pub struct PosixTimer {
    pub(super) id: i32,
    pub(super) base: Base,
    pub(super) notice: Notice,
    pub(super) process: Weak<Process>,
    pub(super) timer: Timer,
    pub(super) state: Mutex<TimerState, rank::PosixTimer>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct TimerState {
    pub(super) schedule: Schedule,
    /// Expirations since the pending signal was sent.
    pub(super) overrun: u64,
    /// Overruns of the signal delivered last.
    pub(super) last_overrun: u64,
}

impl PosixTimer {
    /// Disarms the timer and removes its pending signal.
    pub(super) fn delete(&self) {
        self.timer.stop();
        self.unqueue();
    }

    /// Calls `f` with the pending signals of the timer's target; `None` without a target.
    pub(super) fn with_pending<T>(&self, f: impl FnOnce(&mut Pending) -> T) -> Option<T> {
        match &self.notice {
            Notice::None => None,
            Notice::Process(..) => {
                let process = self.process.upgrade()?;
                Some(f(&mut process.signals.lock().pending))
            }
            Notice::Thread(_, _, thread) => {
                let task = thread.upgrade()?;
                Some(f(&mut task.signals.lock().pending))
            }
        }
    }

    /// Removes the timer's pending signal.
    pub(super) fn unqueue(&self) {
        self.with_pending(|pending| pending.remove_timer(self.id));
    }
}

/// Overrun count as reported to programs, capped at DELAYTIMER_MAX.
pub(super) fn capped_overrun(overrun: u64) -> i32 {
    i32::try_from(overrun).unwrap_or(i32::MAX)
}

impl Drop for PosixTimer {
    fn drop(&mut self) {
        note_dequeued(1);
    }
}
