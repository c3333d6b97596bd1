//! How many signals wait for the processes of a user: RLIMIT_SIGPENDING counts all of them, and the
//! timers of timer_create(2), which have a signal each (`UCOUNT_RLIMIT_SIGPENDING` in
//! kernel/signal.c).
//!
//! A count for each user would cost every signal a search. All users' together are counted instead,
//! and only where those reach the limit it is looked how many are the one user's.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use linux_raw_sys::general::RLIMIT_SIGPENDING;

use super::SigInfo;
use crate::process::{Process, table};

/// Signals that wait with their details, and timers.
static ALL: AtomicUsize = AtomicUsize::new(0);

/// So many more wait.
pub fn add(count: usize) {
    ALL.fetch_add(count, Relaxed);
}

/// So many wait no more.
pub fn remove(count: usize) {
    ALL.fetch_sub(count, Relaxed);
}

/// Whether the user of `process` has as many as `process` is allowed to find there. No lock of
/// signals, threads or timers is held.
pub fn is_full(process: &Process) -> bool {
    let limit = process.limits.lock().soft(RLIMIT_SIGPENDING);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    ALL.load(Relaxed) >= limit && of_user(process.cred().uid) >= limit
}

/// Whether there is no queue entry left for a signal's details; a signal from the kernel itself or
/// from a timer always gets one.
#[inline]
pub(super) fn has_no_place(process: &Process, info: &SigInfo) -> bool {
    !info.always_has_place() && is_full(process)
}

/// How many are a user's.
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
