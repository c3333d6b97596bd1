//! POSIX timers of timer_create(2). At most one signal of a timer is pending; further expirations
//! before its delivery are counted (timer_getoverrun(2)).

use alloc::collections::btree_map::Entry;
use alloc::sync::Arc;

use crate::sync::Mutex;

use super::state::{Base, Notice, PosixTimer, TimerState, capped_overrun};
use crate::abi::errno::Errno;
use crate::abi::signal::SigInfo;
use crate::mm::frame;
use crate::process::signal;
use crate::process::{Task, current, rusage};
use crate::sched::cputime;
use crate::time::schedule::Schedule;
use crate::time::timer::{Expire, Timer};

/// Creates a disarmed timer of the running process; returns its ID. `notice` gets the ID, the
/// default of the signal's value.
///
/// # Errors
/// `EAGAIN` for a user at RLIMIT_SIGPENDING, `ENOMEM`.
pub fn create(base: Base, notice: impl FnOnce(i32) -> Notice) -> Result<i32, Errno> {
    let process = current().process.clone();
    if signal::account::is_full(&process) {
        return Err(Errno::EAGAIN);
    }
    if frame::is_low() {
        return Err(Errno::ENOMEM);
    }
    let id = {
        let mut timers = process.timers.posix.lock();
        let mut next = process.timers.next_id.lock();
        loop {
            let id = *next;
            *next = id.checked_add(1).unwrap_or(0);
            if let Entry::Vacant(slot) = timers.entry(id) {
                slot.insert(Arc::new(PosixTimer {
                    id,
                    base,
                    notice: notice(id),
                    process: Arc::downgrade(&process),
                    timer: Timer::new(),
                    state: Mutex::default(),
                }));
                signal::note_queued(1);
                break id;
            }
        }
    };
    Ok(id)
}

/// The running process's timer `id`.
///
/// # Errors
/// `EINVAL`.
pub fn find(id: i32) -> Result<Arc<PosixTimer>, Errno> {
    let timers = &current().process.timers;
    let timer = timers.posix.lock().get(&id).cloned();
    timer.ok_or(Errno::EINVAL)
}

/// Deletes the running process's timer `id`.
///
/// # Errors
/// `EINVAL`.
pub fn delete(id: i32) -> Result<(), Errno> {
    let timers = &current().process.timers;
    let timer = timers.posix.lock().remove(&id).ok_or(Errno::EINVAL)?;
    timers.posix_of_cpu.lock().remove(&id);
    timer.delete();
    Ok(())
}

impl PosixTimer {
    /// Time of the timer's clock, ns.
    pub fn now(&self) -> u64 {
        match &self.base {
            Base::Passing(clock) => clock.now(),
            Base::Process => self
                .process
                .upgrade()
                .map_or(0, |process| rusage::cpu_time(&process)),
            Base::Thread(task) => task.upgrade().map_or(0, |task| cputime::used(&*task)),
        }
    }

    /// Time left and interval, in ns.
    pub fn left(&self) -> [u64; 2] {
        let now = self.now();
        let mut state = self.state.lock();
        if matches!(self.notice, Notice::None) {
            // No expiry advances the schedule of such a timer.
            state.schedule.expire(now);
        }
        state.schedule.left(now)
    }

    /// Sets the timer and removes its pending signal; returns the previous time left and interval,
    /// in ns.
    pub fn set(self: &Arc<Self>, schedule: Schedule) -> [u64; 2] {
        let old = self.left();
        self.state.set(TimerState {
            schedule,
            ..TimerState::default()
        });
        self.unqueue();
        self.arm();
        old
    }

    /// Overrun count of the signal delivered last (timer_getoverrun(2)).
    pub fn overrun(&self) -> i32 {
        capped_overrun(self.state.lock().last_overrun)
    }

    /// Arms the timer for its next expiration. A timer without notification is not armed: programs
    /// only ask for the time left.
    fn arm(self: &Arc<Self>) {
        let next = self.state.lock().schedule.next;
        let next = next.filter(|_| !matches!(self.notice, Notice::None));
        match (&self.base, next) {
            (Base::Passing(clock), Some(next)) => {
                let me = Arc::downgrade(self);
                self.timer.set(*clock, next, me);
            }
            (Base::Passing(_), None) => self.timer.stop(),
            (_, next) => {
                let Some(process) = self.process.upgrade() else {
                    return;
                };
                let mut of_cpu = process.timers.posix_of_cpu.lock();
                match next {
                    Some(_) => of_cpu.insert(self.id, self.clone()),
                    None => of_cpu.remove(&self.id),
                };
            }
        }
    }

    /// Checks a CPU-time timer while `task` runs.
    pub(super) fn tick(self: &Arc<Self>, task: &Task) {
        let concerns = match &self.base {
            Base::Passing(_) => false,
            Base::Process => true,
            Base::Thread(thread) => core::ptr::eq(thread.as_ptr(), task),
        };
        if concerns {
            self.run();
            self.arm();
        }
    }

    /// Sends the signal if the timer has expired, or counts an overrun if it is pending.
    fn run(&self) {
        let times = self.state.lock().schedule.expire(self.now());
        let Some(process) = self.process.upgrade().filter(|_| times > 0) else {
            return;
        };
        if self.with_pending(|pending| pending.has_timer(self.id)) == Some(true) {
            let mut state = self.state.lock();
            state.overrun = state.overrun.saturating_add(times);
            return;
        }
        self.state.lock().overrun = times - 1;
        // After a failure for lack of memory, the next expiration tries again.
        let _ = match &self.notice {
            Notice::None => Ok(()),
            Notice::Process(signo, value) => {
                signal::send_process(&process, &SigInfo::timer(*signo, self.id, *value))
            }
            Notice::Thread(signo, value, thread) => match thread.upgrade() {
                Some(task) => signal::send_task(&task, &SigInfo::timer(*signo, self.id, *value)),
                None => Ok(()),
            },
        };
    }
}

impl Expire for PosixTimer {
    fn expire(self: Arc<Self>) {
        self.run();
        self.arm();
    }
}
