//! Exit of a thread, and with the last one of its process (kernel/exit.c).

use alloc::sync::Arc;

use spin::Once;

use super::hangup;
use super::notify;
use super::status::ExitStatus;
use super::{
    Process, Task, accounting, call_log, current, current_task, orphans, robust, signal, stop,
};
use crate::dev::log::always;
use crate::dev::power::{self, Exit};
use crate::process::ptrace;
use crate::process::rusage;
use crate::sched::preempt::Stride;
use crate::sched::thread::ThreadState;
use crate::sched::{leftovers, preempt, run_queue};
use crate::vfs::fdtable::FdTable;
use crate::vfs::path::FsContext;

/// Collects the sockets that only messages hold (`net/gc.rs`).
static COLLECT: Once<fn()> = Once::new();

/// Sets what collects the sockets that only messages hold, once at boot. Sockets are a floor above.
pub fn init(collect: fn()) {
    COLLECT.call_once(|| collect);
}

/// Ends the running process with all its threads.
pub fn exit_group(status: ExitStatus) -> ! {
    let task = current_task();
    let status = task.process.exit.decide(status);
    for other in task.process.threads.lock().iter() {
        if !Arc::ptr_eq(other, &task) {
            signal::kill_thread(other, status);
        }
    }
    drop(task);
    exit_thread(status)
}

/// Ends the running thread, and the process if it is the last one.
pub fn exit_thread(status: ExitStatus) -> ! {
    let task = current_task();
    let process = task.process.clone();
    ptrace::stop::before_exit(status);
    if let Some(log) = call_log::active() {
        (log.ended)(status);
    }
    robust::release(&current());
    process.usage.take_over(&task.usage, &task.switches);
    stop::leave(&task);
    ptrace::end::thread_ended(&task, status);
    if task.tid() == process.pid {
        process.exit.note_leader(status);
    }
    let is_last = {
        let mut threads = process.threads.lock();
        threads.retain(|other| !Arc::ptr_eq(other, &task));
        threads.is_empty()
    };
    if is_last {
        let comm = *task.comm.lock();
        let status = process.exit.note_last(comm, status);
        end(&process, status);
    }
    leave_cpu(task, process)
}

/// Releases the resources of a process, which becomes a zombie, and notifies its parent.
fn end(process: &Arc<Process>, status: ExitStatus) {
    if process.is_init() {
        end_machine(status);
    }
    process.timers.end();
    let size = accounting::size_of(process);
    release_mm(process);
    if let Some(size) = size {
        accounting::note(process, status, size);
    }
    let files = process.files.take();
    if let Some(files) = Arc::into_inner(files) {
        close_all(files.into_inner());
        if let Some(collect) = COLLECT.get() {
            collect();
        }
    }
    // A zombie must not keep the file system of its working directory busy.
    if Arc::strong_count(&process.fs) == 1 {
        let old = process.fs.replace(FsContext::root());
        drop(old);
    }
    // A zombie must not keep the memory of queued signals either: the OOM killer would look for
    // another victim before the parent has waited. No signal is queued any more without a thread.
    let queued = process.signals.lock().pending.take_queue();
    drop(queued);
    // The task never again reaches `exit_work`, which would do it.
    leftovers::give_back();
    hangup::disassociate(process, true);
    ptrace::end::tracer_ended(process);
    orphans::give_away(process);
    orphans::check_group(process);
    process.exit.finish(status);
    if ptrace::end::process_ended(process, status) {
        process.exit.hold_back(true);
    } else {
        notify::tell_parent(process, status);
    }
}

/// Powers the machine off after the exit of init. QEMU's exit status tells success from failure.
fn end_machine(status: ExitStatus) -> ! {
    #[cfg(debug_assertions)]
    super::injection::log_counts();
    let code = match status {
        ExitStatus::Exited(0) => Exit::Success,
        ExitStatus::Exited(code) => {
            always!("init exited with status {code}");
            Exit::Failure
        }
        ExitStatus::Killed(signal) => {
            always!("init was killed by signal {signal}");
            Exit::Failure
        }
    };
    power::debug_exit(code);
    power::power_off()
}

/// Closes the descriptors of a table that is no longer shared.
fn close_all(mut files: FdTable) {
    let mut stride = Stride::default();
    while let Some(taken) = files.take_last() {
        let weight = FdTable::weight(taken.as_ref());
        drop(taken);
        if stride.passes(weight) {
            preempt::point();
        }
    }
}

fn leave_cpu(task: Arc<Task>, process: Arc<Process>) -> ! {
    task.set_state(ThreadState::Dead);
    process.thread_ended.wake_all();
    // This stack is never switched to again: references on it must be dropped now.
    drop(process);
    drop(task);
    run_queue::schedule();
    unreachable!("a dead task is not scheduled")
}

/// Releases the address space of a process, in parts if it is large, and wakes a parent in
/// vfork(2).
pub fn release_mm(process: &Process) {
    rusage::note_peak(process);
    crate::mm::paging::activate_kernel();
    crate::vm::ldt::deactivate();
    if let Some(mm) = process.mm.take() {
        super::mm::drop_shared(mm);
    }
    leftovers::close_left();
    process.vfork.end();
}
