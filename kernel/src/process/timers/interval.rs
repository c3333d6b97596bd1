//! Interval timers of setitimer(2) and alarm(2), three per process. They are not inherited by
//! fork(2) and are kept over execve(2).

use alloc::sync::Arc;

use linux_raw_sys::general::{ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL};

use crate::abi::errno::Errno;
use crate::abi::signal::{SIGALRM, SigInfo};
use crate::process::signal;
use crate::process::{Process, current, rusage};
use crate::time::schedule::Schedule;
use crate::time::timer::{Clock, Expire};

/// Time left and interval of one of the running process's timers, in ns.
///
/// # Errors
/// `EINVAL` for an unknown timer.
pub fn get(which: u32) -> Result<[u64; 2], Errno> {
    exchange(which, None)
}

/// Sets one of the running process's timers to expire in `value` ns (0: never) and every `interval`
/// ns after that. Returns the previous time left and interval.
///
/// # Errors
/// `EINVAL` for an unknown timer.
pub fn set(which: u32, value: u64, interval: u64) -> Result<[u64; 2], Errno> {
    exchange(which, Some((value, interval)))
}

fn exchange(which: u32, new: Option<(u64, u64)>) -> Result<[u64; 2], Errno> {
    let task = current();
    let process = &task.process;
    let change = |slot: &mut Schedule, now: u64| {
        let old = slot.left(now);
        if let Some((value, interval)) = new {
            *slot = Schedule {
                next: (value != 0).then(|| now.saturating_add(value)),
                interval,
            };
        }
        old
    };
    let timers = &process.timers;
    match which {
        ITIMER_REAL => {
            let old = change(&mut timers.real.lock(), Clock::Monotonic.now());
            if new.is_some() {
                process.arm();
            }
            Ok(old)
        }
        ITIMER_VIRTUAL | ITIMER_PROF => {
            let index = usize::from(which == ITIMER_PROF);
            let now = match which {
                ITIMER_VIRTUAL => rusage::user_time(process),
                _ => rusage::cpu_time(process),
            };
            let old = change(&mut timers.cpu.lock()[index], now);
            Ok(old)
        }
        _ => Err(Errno::EINVAL),
    }
}

impl Process {
    /// Arms the timer for the next expiry of ITIMER_REAL.
    fn arm(self: &Arc<Self>) {
        let next = self.timers.real.lock().next;
        match next {
            Some(next) => {
                let me = Arc::downgrade(self);
                self.timers.alarm.set(Clock::Monotonic, next, me);
            }
            None => self.timers.alarm.stop(),
        }
    }
}

impl Expire for Process {
    /// Expiry of ITIMER_REAL.
    fn expire(self: Arc<Self>) {
        let times = self.timers.real.lock().expire(Clock::Monotonic.now());
        if times > 0 {
            // A standard signal never fails for lack of memory.
            let _ = signal::send_process(&self, &SigInfo::kernel(SIGALRM));
        }
        self.arm();
    }
}
