//! Timers of CPU time, and RLIMIT_CPU, at a tick (kernel/time/posix-cpu-timers.c).

use linux_raw_sys::general::RLIMIT_CPU;

use crate::abi::limits::INFINITY;
use crate::abi::signal::{SIGKILL, SIGPROF, SIGVTALRM, SIGXCPU, SigInfo};
use crate::process::{current, current_task, rusage, signal};

/// Checks RLIMIT_CPU and the CPU-time timers of the running task's process; no others can expire.
/// Called at each tick while a task runs.
pub fn tick() {
    check_limit();
    let task = current();
    let process = &task.process;
    let expired = {
        let mut timers = process.timers.cpu.lock();
        let is_on = timers.iter().any(|timer| timer.next.is_some());
        is_on.then(|| {
            let (user, all) = (rusage::user_time(process), rusage::cpu_time(process));
            [timers[0].expire(user) > 0, timers[1].expire(all) > 0]
        })
    };
    for (expired, signo) in expired.into_iter().flatten().zip([SIGVTALRM, SIGPROF]) {
        if expired {
            // A standard signal never fails for lack of memory.
            let _ = signal::send_process(process, &SigInfo::kernel(signo));
        }
    }
    let mut from = Some(i32::MIN);
    while let Some(first) = from {
        let next = {
            let timers = process.timers.posix_of_cpu.lock();
            let next = timers.range(first..).next();
            next.map(|(id, timer)| (*id, timer.clone()))
        };
        let Some((id, timer)) = next else {
            break;
        };
        timer.tick(&task);
        from = id.checked_add(1);
    }
}

/// RLIMIT_CPU: SIGXCPU at the soft limit and then every second, SIGKILL at the hard one
/// (check_process_timers).
fn check_limit() {
    let task = current_task();
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
    let seconds = rusage::cpu_time(&task.process) / 1_000_000_000;
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
