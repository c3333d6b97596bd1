//! The out-of-memory killer: kills the process that uses the most memory (mm/oom_kill.c).
//!
//! Counted are a process's pages and page tables, and the kernel memory allocated for it: areas,
//! threads, pending signals, timers, record locks, descriptors and the objects behind them. The
//! sums are computed on demand, and nothing here allocates.

use alloc::sync::Arc;

use super::oom_score::Adjustment;
use super::{Process, current, signal, table};
use crate::abi::errno::Errno;
use crate::dev::log::{always, log};
use crate::mm::{PAGE_SIZE, frame, kstack, reserve};
use crate::sched::run_queue;
use crate::vfs::file::File;
use crate::vm::leftovers;
use crate::vm::vma::Vma;

/// Bytes of a timer of timer_create(2), its entries in tables included.
const TIMER: usize = 384;

/// Bytes of the pending signals of a process and its threads, and of its timers.
fn signal_bytes(process: &Process) -> usize {
    let shared = process.signals.try_lock();
    let mut bytes = shared.map_or(0, |signals| signals.pending.kept_bytes());
    if let Some(threads) = process.threads.try_lock() {
        let own = threads.iter().filter_map(|task| task.signals.try_lock());
        bytes += own.map(|own| own.pending.kept_bytes()).sum::<usize>();
    }
    bytes + process.timers.count() * TIMER
}

/// Memory used by a process, in pages. Structures locked at this moment are not counted: the caller
/// may hold any lock.
fn pages(process: &Process) -> u64 {
    let mm = process.mm.try_lock().and_then(|mm| mm.clone());
    let (mut pages, mut bytes) = (0, 0);
    if let Some(mm) = mm
        && let Some(mm) = mm.try_lock()
    {
        pages += mm.page_counts().1 + mm.table_pages();
        bytes += mm.areas().map(Vma::kept_bytes).sum::<usize>();
    }
    if let Some(threads) = process.threads.try_lock() {
        pages += threads.len() as u64 * kstack::PAGES;
    }
    let files = process.files.try_lock().map(|files| files.clone());
    if let Some(files) = files
        && let Some(files) = files.try_lock()
    {
        // An open file description with other references is counted by its share.
        let of = |file: &Arc<File>| {
            (file.kept_bytes() + file.ops().kept_bytes()) / Arc::strong_count(file)
        };
        bytes += files.files().map(of).sum::<usize>() + files.lock_bytes();
    }
    bytes += signal_bytes(process);
    pages + bytes as u64 / PAGE_SIZE
}

/// Badness of a process (oom_badness): its memory in pages plus its adjustment. `None` if it must
/// not be killed.
pub fn badness(process: &Process) -> Option<i64> {
    let adjustment = process.oom.get();
    if process.is_init() || adjustment == Adjustment::NEVER {
        return None;
    }
    let (_, all) = frame::statistics();
    Some(pages(process) as i64 + i64::from(adjustment) * all as i64 / 1000)
}

/// Whether a process is ending, so that its memory will be freed soon.
fn is_ending(process: &Process) -> bool {
    process.exit.is_decided()
}

/// Whether a process is ending and may still hold memory. Its address space is freed in parts,
/// between which other tasks run, when `Process::mm` is already empty.
fn is_releasing(process: &Process) -> bool {
    is_ending(process) && !process.exit.is_finished()
}

/// [`kill_largest_but_init`], and if no other process can be killed, kills init, which ends the
/// machine. Returns whether the running process is ending.
pub fn kill_largest() -> bool {
    if !kill_largest_but_init() {
        always!("Out of memory and no killable processes");
        if let Some(init) = table::find_process(Process::INIT) {
            signal::kill(&init);
        }
    }
    is_ending(&current().process)
}

/// Kills the process with the highest badness, and the processes that share its memory; while an
/// earlier victim is still ending, waits for its memory instead. Returns whether memory will be
/// freed.
pub fn kill_largest_but_init() -> bool {
    let has_mm = |process: &Arc<Process>| process.mm.lock().is_some();
    if leftovers::give_back_at_once() {
        return true;
    }
    if is_ending(&current().process) || table::all_processes().any(|other| is_releasing(&other)) {
        return true;
    }
    let candidates = table::all_processes().filter(has_mm);
    let rated = candidates.filter_map(|process| Some((badness(&process)?, process)));
    let Some((_, victim)) = rated.max_by_key(|(badness, _)| *badness) else {
        return false;
    };
    log!(
        "Out of memory: killed process {} ({} pages)",
        victim.pid,
        pages(&victim)
    );
    kill_sharers(&victim);
    true
}

/// Waits until the reserve suffices for a step; the OOM killer kills one process after the other
/// until it does.
///
/// # Errors
/// `ENOMEM` if no process can be killed, or the running one is being killed.
#[cold]
pub fn wait_for_step() -> Result<(), Errno> {
    let is_dying =
        || super::try_current().is_none_or(|task| task.signals.lock().must_exit.is_some());
    while !reserve::refill() {
        if is_dying() || !kill_largest_but_init() || is_dying() {
            return Err(Errno::ENOMEM);
        }
        run_queue::pause();
    }
    reserve::begin_step();
    Ok(())
}

/// Kills a process and all others that share its address space, which would not be freed otherwise.
fn kill_sharers(victim: &Arc<Process>) {
    let mm = victim.mm();
    signal::kill(victim);
    for other in table::all_processes() {
        let same = match (&*other.mm.lock(), &mm) {
            (Some(its), Some(mm)) => Arc::ptr_eq(its, mm),
            _ => false,
        };
        if same && !other.is_init() {
            signal::kill(&other);
        }
    }
}
