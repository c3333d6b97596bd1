//! RLIMIT_SIGPENDING: the limit of a user's queued signals and timers of timer_create(2), which
//! have a signal each (`UCOUNT_RLIMIT_SIGPENDING` in kernel/signal.c).
//!
//! A counter for each user would cost a lookup per signal. Instead, one counter has the sum of all
//! users (`queue.rs`); only when the sum reaches the limit, the user's own signals are counted.

use linux_raw_sys::general::RLIMIT_SIGPENDING;

use super::queue;
use crate::abi::signal::SigInfo;
use crate::process::{Process, table};

/// Whether the user of `process` has reached the RLIMIT_SIGPENDING of `process`. The caller holds
/// no lock of signals, threads or timers.
pub fn is_full(process: &Process) -> bool {
    let limit = process.soft_limit(RLIMIT_SIGPENDING);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    queue::all_queued() >= limit && of_user(process.cred().uid) >= limit
}

/// Whether the limit denies a signal a queue entry. A signal of the kernel or of a timer always
/// gets one.
#[inline]
pub(super) fn has_no_place(process: &Process, info: &SigInfo) -> bool {
    !info.always_has_place() && is_full(process)
}

/// Number of queued signals and timers of a user.
pub fn of_user(uid: u32) -> usize {
    table::all_processes()
        .filter(|process| process.cred().uid == uid)
        .map(|process| of_process(&process))
        .sum()
}

fn of_process(process: &Process) -> usize {
    let shared = process.signals.lock().pending.len();
    let threads = process.threads.lock();
    let own = threads.iter().map(|task| task.signals.lock().pending.len());
    shared + own.sum::<usize>() + process.timers.count()
}
