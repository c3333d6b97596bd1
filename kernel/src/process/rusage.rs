//! What threads and processes have used: CPU time by user and system, faults, switches, memory
//! (getrusage(2)).
//!
//! How long a thread ran is known to the cycle (`crate::time::cputime`). How much of that was the
//! kernel's is sampled at the timer's ticks, as by Linux without CONFIG_VIRT_CPU_ACCOUNTING:
//! reading the counter at every way in and out would cost more than most calls. The kernel isn't
//! interrupted, so a tick that fell into it strikes at the first instruction after: [`sample`]
//! tells by that.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::sync::{Mutex, rank};
use linux_raw_sys::general::RLIMIT_CPU;

use super::signal::{self, SIGKILL, SIGXCPU, SigInfo};
use super::{Process, Task, current};
use crate::abi::frame::{Door, Frame};
use crate::abi::limits::INFINITY;
use crate::sched::cputime;
use crate::sched::run_queue;
use crate::usercopy::UserPtr;

/// Counters of a thread, or of a process's threads that ended.
#[derive(Default)]
pub struct Usage {
    /// Ticks that struck in the program.
    user: AtomicU64,
    /// Ticks that struck in the kernel.
    system: AtomicU64,
    /// Page faults that were satisfied.
    pub faults: AtomicU64,
    /// Times that it waited.
    pub voluntary: AtomicU64,
    /// Times that its turn was over.
    pub involuntary: AtomicU64,
    /// User and system time as last told: neither ever goes back.
    told: Mutex<(u64, u64), rank::CpuTold>,
}

/// What was used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Nanoseconds of CPU time in the program.
    pub user: u64,
    /// Nanoseconds of CPU time in the kernel.
    pub system: u64,
    /// Page faults.
    pub faults: u64,
    /// Switches because of a wait.
    pub voluntary: u64,
    /// Other switches.
    pub involuntary: u64,
    /// The most pages that were in memory.
    pub max_pages: u64,
}

impl Totals {
    /// Both together: times and counts added, the greater of the sizes.
    pub fn with(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
            faults: self.faults + other.faults,
            voluntary: self.voluntary + other.voluntary,
            involuntary: self.involuntary + other.involuntary,
            max_pages: self.max_pages.max(other.max_pages),
        }
    }
}

impl Usage {
    /// A thread ended: its counts are now its process's.
    pub fn take_over(&self, ended: &Self) {
        for (mine, other) in [
            (&self.faults, &ended.faults),
            (&self.voluntary, &ended.voluntary),
            (&self.involuntary, &ended.involuntary),
        ] {
            mine.fetch_add(other.load(Relaxed), Relaxed);
        }
    }

    /// `total` nanoseconds in proportion to the samples (cputime_adjust in kernel/sched/cputime.c).
    fn split(&self, total: u64) -> (u64, u64) {
        let (user, system) = (self.user.load(Relaxed), self.system.load(Relaxed));
        let mut told = self.told.lock();
        let all = u128::from((user + system).max(1));
        let share = (u128::from(total) * u128::from(system) / all) as u64;
        let most = total.saturating_sub(told.0).max(told.1);
        let system = share.clamp(told.1, most);
        *told = (total.saturating_sub(system).max(told.0), system);
        *told
    }
}

/// What a thread has used.
pub fn of_task(task: &Task) -> Totals {
    let usage = &task.usage;
    let (user, system) = usage.split(cputime::used(task, true));
    Totals {
        user,
        system,
        faults: usage.faults.load(Relaxed),
        voluntary: usage.voluntary.load(Relaxed),
        involuntary: usage.involuntary.load(Relaxed),
        max_pages: peak(&task.process),
    }
}

/// Nanoseconds of CPU time in the program, of all threads of a process.
pub fn user_time(process: &Process) -> u64 {
    process.usage.split(cputime::used_by(process)).0
}

/// What all threads of a process have used, those that ended included.
pub fn of_process(process: &Process) -> Totals {
    let ended = &process.usage;
    let (user, system) = ended.split(cputime::used_by(process));
    let mut totals = Totals {
        user,
        system,
        faults: ended.faults.load(Relaxed),
        voluntary: ended.voluntary.load(Relaxed),
        involuntary: ended.involuntary.load(Relaxed),
        max_pages: peak(process),
    };
    for task in process.threads.lock().iter() {
        totals.faults += task.usage.faults.load(Relaxed);
        totals.voluntary += task.usage.voluntary.load(Relaxed);
        totals.involuntary += task.usage.involuntary.load(Relaxed);
    }
    totals
}

/// Peak resident set of a process, in pages, programs before execve(2) included.
fn peak(process: &Process) -> u64 {
    let mm = process.mm.lock().clone();
    let now = mm.map_or(0, |mm| mm.lock().peak_pages());
    process.peak_pages.fetch_max(now, Relaxed).max(now)
}

/// An address space goes: its size counts on.
pub fn note_peak(process: &Process) {
    peak(process);
}

/// Where the last exception or fault went back to.
static RETURNED_TO: AtomicU64 = AtomicU64::new(0);

/// Called as an exception was dealt with and its program goes on.
pub fn returning(frame: &Frame) {
    RETURNED_TO.store(frame.rip, Relaxed);
}

/// Called at each tick that strikes while a task runs: one more for the program, or for the kernel
/// if that runs, or the program has not executed an instruction since that returned to it.
pub fn sample(frame: &Frame) {
    let task = current();
    // SYSRET takes rip from rcx and the flags from r11. INT 0x80 precedes its return address.
    let from_sysret = frame.rip == frame.rcx && frame.rflags == frame.r11;
    let from_int80 = || {
        let before = UserPtr::<[u8; 2]>::new(frame.rip.wrapping_sub(2)).read();
        before == Ok([0xcd, Door::Int80 as u8])
    };
    let in_kernel = !frame.is_user()
        || from_sysret
        || RETURNED_TO.swap(0, Relaxed) == frame.rip
        || from_int80();
    for usage in [&task.usage, &task.process.usage] {
        let count = if in_kernel {
            &usage.system
        } else {
            &usage.user
        };
        count.fetch_add(1, Relaxed);
    }
    check_limit();
}

/// RLIMIT_CPU: SIGXCPU at the soft limit and then every second, SIGKILL at the hard one
/// (check_process_timers in kernel/time/posix-cpu-timers.c).
fn check_limit() {
    let task = run_queue::current_task();
    let mut limits = task.process.limits.lock();
    let Some((soft, hard)) = limits
        .0
        .get_mut(RLIMIT_CPU as usize)
        .map(|l| (&mut l.0, l.1))
    else {
        return;
    };
    if *soft == INFINITY {
        return;
    }
    let seconds = cputime::used(&task, false) / 1_000_000_000;
    let signo = if seconds >= hard {
        SIGKILL
    } else if seconds >= *soft {
        *soft += 1;
        SIGXCPU
    } else {
        return;
    };
    drop(limits);
    let _ = signal::send_process(&task.process, &SigInfo::kernel(signo));
}
