//! CPU-time clocks by clock ID: CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, and the clocks
//! of other processes and threads (clock_getcpuclockid(3)). `sched/cputime.rs` counts the time.

use alloc::sync::Arc;

use crate::abi::errno::Errno;
use crate::process::{Process, Task, current_task, rusage, table};
use crate::sched::cputime;

/// CLOCK_PROCESS_CPUTIME_ID.
const PROCESS_CPUTIME: i32 = 2;
/// CLOCK_THREAD_CPUTIME_ID.
const THREAD_CPUTIME: i32 = 3;

/// A CPU-time clock: the process or thread whose time it counts.
pub struct CpuClock {
    /// The process: all its threads if `thread` is `None`.
    pub process: Arc<Process>,
    /// The thread, for the clock of one thread.
    pub thread: Option<Arc<Task>>,
}

/// The clock of a CPU-time clock ID: a constant, or a negative number of a process or thread ID (0:
/// the caller's) and three bits of kind (include/linux/posix-timers.h). A thread's clock is visible
/// in its own process only.
///
/// # Errors
/// `EINVAL`.
pub fn cpu_clock(id: i32) -> Result<CpuClock, Errno> {
    let of_thread = match id {
        PROCESS_CPUTIME => false,
        THREAD_CPUTIME => true,
        0.. => return Err(Errno::EINVAL),
        // Kind 3 is a descriptor's clock (dynamic), kinds 0 to 2 are three views of CPU time.
        _ if id & 3 == 3 => return Err(Errno::EINVAL),
        _ => id & 4 != 0,
    };
    let pid = if id < 0 { !(id >> 3) as u32 } else { 0 };
    let own = current_task();
    let task = match pid {
        0 => Some(own.clone()),
        pid if of_thread || pid == own.tid() => {
            table::find(pid).filter(|task| Arc::ptr_eq(&task.process, &own.process))
        }
        _ => None,
    };
    let (process, thread) = match (task, of_thread) {
        (Some(task), true) => (task.process.clone(), Some(task)),
        (Some(task), false) => (task.process.clone(), None),
        (None, true) => return Err(Errno::EINVAL),
        (None, false) => (table::find_process(pid).ok_or(Errno::EINVAL)?, None),
    };
    Ok(CpuClock { process, thread })
}

/// CPU time of a CPU-time clock ID, in nanoseconds.
///
/// # Errors
/// `EINVAL`.
pub fn cpu_time(id: i32) -> Result<u64, Errno> {
    let clock = cpu_clock(id)?;
    Ok(match clock.thread {
        Some(task) => cputime::used(&*task),
        None => rusage::cpu_time(&clock.process),
    })
}
