//! Resource usage of threads and processes (getrusage(2)): user and system CPU time, page faults,
//! context switches, peak resident set.
//!
//! The sum of user and system time is exact to the cycle (`sched/cputime.rs`). The ratio is sampled
//! at ticks, as on Linux without CONFIG_VIRT_CPU_ACCOUNTING: reading the TSC at each entry and exit
//! would cost more than most calls. The kernel runs with interrupts disabled, so a tick due in the
//! kernel is taken at the first instruction after the return to user mode: [`sample`] recognises
//! that and counts it as system time.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::usage::Totals;
use super::{Process, Task, current, try_current};
use crate::abi::frame::Frame;
use crate::arch::idt::SYSCALL_VECTOR;
use crate::sched::cputime;
use crate::usercopy::UserPtr;

/// Resource usage of a thread.
pub fn of_task(task: &Task) -> Totals {
    let usage = &task.usage;
    let (user, system) = usage.split(cputime::used(task));
    let (voluntary, involuntary) = task.switches.counts();
    Totals {
        user,
        system,
        faults: usage.faults.load(Relaxed),
        voluntary,
        involuntary,
        max_pages: update_peak(&task.process),
    }
}

/// CPU time of all threads that a process ever had, ns.
pub fn cpu_time(process: &Process) -> u64 {
    let mut cycles = process.usage.cycles();
    // The running thread has not been charged since it was switched to.
    if try_current().is_some_and(|running| core::ptr::eq(&*running.process, process)) {
        cycles += cputime::uncharged();
    }
    cputime::nanos(cycles)
}

/// User CPU time of all threads of a process, ns.
pub fn user_time(process: &Process) -> u64 {
    process.usage.counts.split(cpu_time(process)).0
}

/// Resource usage of all threads of a process, ended ones included.
pub fn of_process(process: &Process) -> Totals {
    let ended = &process.usage.counts;
    let (user, system) = ended.split(cpu_time(process));
    let (voluntary, involuntary) = process.usage.switches.counts();
    let mut totals = Totals {
        user,
        system,
        faults: ended.faults.load(Relaxed),
        voluntary,
        involuntary,
        max_pages: update_peak(process),
    };
    for task in process.threads.lock().iter() {
        totals.faults += task.usage.faults.load(Relaxed);
        let (voluntary, involuntary) = task.switches.counts();
        totals.voluntary += voluntary;
        totals.involuntary += involuntary;
    }
    totals
}

/// Updates and returns the peak resident set of a process in pages, programs before
/// execve(2) included.
fn update_peak(process: &Process) -> u64 {
    let mm = process.mm();
    let now = mm.map_or(0, |mm| mm.lock().peak_pages());
    process.usage.note_peak(now)
}

/// Records the peak resident set of an address space that is about to be released.
pub fn note_peak(process: &Process) {
    update_peak(process);
}

/// Address that the last handled exception returned to.
static RETURNED_TO: AtomicU64 = AtomicU64::new(0);

/// Called when a handled exception returns to the program, at `rip`.
pub fn returning(rip: u64) {
    RETURNED_TO.store(rip, Relaxed);
}

/// Counts a tick of the running task: as system time if it was taken in the kernel, or before the
/// first instruction after a return to user mode; else as user time.
pub fn sample(frame: &Frame) {
    let task = current();
    // SYSRET loads rip from rcx and rflags from r11. INT 0x80 precedes its return address.
    let from_sysret = frame.rip == frame.rcx && frame.rflags == frame.r11;
    let from_int80 = || {
        let before = UserPtr::<[u8; 2]>::new(frame.rip.wrapping_sub(2)).read();
        before == Ok([0xcd, SYSCALL_VECTOR])
    };
    let in_kernel = !frame.is_user()
        || from_sysret
        || RETURNED_TO.swap(0, Relaxed) == frame.rip
        || from_int80();
    for usage in [&task.usage, &task.process.usage.counts] {
        usage.count_tick(in_kernel);
    }
}
