//! Creation of processes and threads: fork(2), vfork(2), clone(2) and clone3(2) (kernel/fork.c).
//!
//! `clone.rs` checks the arguments. State that a child shares with its parent is reference-counted;
//! all other state is copied here.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use crate::abi::signal::{NSIG, SIGCHLD};
use linux_raw_sys::ptrace::{
    PTRACE_EVENT_CLONE, PTRACE_EVENT_FORK, PTRACE_EVENT_VFORK, PTRACE_EVENT_VFORK_DONE,
};

use super::clone::{CloneArgs, CloneFlags, Tls};
use super::mm::drop_shared;
use super::{Current, Mm, Process, SharedMm, Task, current, nproc, pidfd, signal, stop, table};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::frame::Frame;
use crate::arch::debug::DebugRegisters;
use crate::arch::percpu::{self, work};
use crate::arch::segments::Segments;
use crate::mm::reserve;
use crate::process::caller;
use crate::process::exec_threads;
use crate::process::ptrace::{self, Options};
use crate::sched::wait::is_interrupted;
use crate::sched::{preempt, run_queue};
use crate::vm::copying::{Fork, Progress};

/// Creates a child of the running process, or a thread in it; returns its ID.
///
/// # Errors
/// Those of [`CloneArgs::check`]; `ENOMEM`; `EAGAIN` when no ID is free or the user has as many
/// processes as RLIMIT_NPROC allows; `EPERM`, `EEXIST` if a requested ID (set_tid) isn't available.
pub fn clone(args: CloneArgs) -> SysResult {
    args.check()?;
    // A signal to a whole process group must not miss the child (copy_process).
    if is_interrupted() {
        return Err(Errno::ERESTARTNOINTR);
    }
    nproc::check_limit()?;
    let task = current();
    let parent = task.process.clone();
    let tid = if args.set_tid == 0 {
        table::reserve()?
    } else {
        table::reserve_this(args.set_tid)?
    };
    task.signals.lock().sent_during_clone = Some(0);
    let made = create(&task, &parent, tid, &args);
    let sent = task.signals.lock().sent_during_clone.take();
    let new = made.inspect_err(|_| table::forget(tid))?;
    publish(&new, &parent, sent.unwrap_or(0), &args);
    if args.flags.contains(CloneFlags::PARENT_SETTID) {
        // As on Linux, a bad address is no error, here and for the child's.
        let _ = args.parent_tid.write(tid);
    }
    if args.flags.contains(CloneFlags::CHILD_SETTID)
        && let Some(mm) = new.mm()
    {
        let _ = mm
            .lock()
            .store(args.child_tid.address(), &tid.to_ne_bytes());
    }
    let (followed, event) = tracer_event(&args);
    ptrace::control::inherit(&new, followed, args.flags.contains(CloneFlags::PTRACE));
    let child = new.process.clone();
    run_queue::start(new);
    if !followed.is_empty() {
        ptrace::stop::made_child(event, tid);
    }
    if args.flags.contains(CloneFlags::VFORK) && !args.flags.contains(CloneFlags::THREAD) {
        // Only a fatal signal ends this wait early.
        child.vfork.wait(signal::is_dying);
        ptrace::stop::made_child(PTRACE_EVENT_VFORK_DONE, tid);
    }
    Ok(tid as usize)
}

/// The tracer's option that makes the child traced, and the event reported to it (kernel_clone).
fn tracer_event(args: &CloneArgs) -> (Options, u32) {
    if args.flags.contains(CloneFlags::UNTRACED) {
        (Options::empty(), 0)
    } else if args.flags.contains(CloneFlags::VFORK) {
        (Options::TRACEVFORK, PTRACE_EVENT_VFORK)
    } else if args.exit_signal != SIGCHLD {
        (Options::TRACECLONE, PTRACE_EVENT_CLONE)
    } else {
        (Options::TRACEFORK, PTRACE_EVENT_FORK)
    }
}

/// Creates the task, and its process unless it is a thread of the running one. Only [`publish`]
/// makes task and process known to other tasks.
fn create(
    task: &Current,
    parent: &Arc<Process>,
    tid: u32,
    args: &CloneArgs,
) -> Result<Arc<Task>, Errno> {
    // ANCHOR: child-frame
    let mut frame = task.frame();
    frame.rax = 0;
    if args.stack != 0 {
        frame.rsp = args.stack;
    }
    // ANCHOR_END: child-frame
    if args.flags.contains(CloneFlags::THREAD) {
        let new = Task::new(tid, parent.clone(), &frame)?;
        copy_state(task, &new, args);
        prepare_to_publish(&new)?;
        return Ok(new);
    }
    let mm = task.mm().ok_or(Errno::ESRCH)?;
    if args.flags.contains(CloneFlags::VM) {
        return create_process(parent, tid, mm, &frame, args);
    }
    let copy = copy_mm(&mm)?;
    let made = create_process(parent, tid, copy.clone(), &frame, args);
    drop_shared(copy);
    made
}

/// Creates a process with the address space `mm`, and its first task.
fn create_process(
    parent: &Arc<Process>,
    tid: u32,
    mm: SharedMm,
    frame: &Frame,
    args: &CloneArgs,
) -> Result<Arc<Task>, Errno> {
    let mut child = Process::child_of(parent, tid)?;
    child.mm.set(Some(mm));
    share_state(parent, &mut child, args);
    let new = Task::new(tid, Arc::new(child), frame)?;
    copy_state(&current(), &new, args);
    if args.flags.contains(CloneFlags::PIDFD) {
        with_pidfd(tid, args, || prepare_to_publish(&new))?;
    } else {
        prepare_to_publish(&new)?;
    }
    Ok(new)
}

/// Does all of [`publish`] that can fail. The caller must not sleep between the two.
///
/// # Errors
/// `ENOMEM`; `EINTR` if a fatal signal has arrived since the call began: the task would escape a
/// signal to the whole process or group (copy_process).
fn prepare_to_publish(new: &Task) -> Result<(), Errno> {
    reserve::top_up()?;
    exec_threads::make_room(&new.process)?;
    if signal::is_ending(&current()) {
        return Err(Errno::EINTR);
    }
    Ok(())
}

/// Makes a new task known to its process and to its parent, and by its IDs. What other tasks change
/// meanwhile is taken from the creator here, in one step: a look through all processes finds no
/// child or a whole one (the part of copy_process under tasklist_lock).
fn publish(new: &Arc<Task>, creator: &Process, sent: u64, args: &CloneArgs) {
    let process = &new.process;
    if args.flags.contains(CloneFlags::THREAD) {
        stop::include(new);
    } else {
        process.set_group_and_session(creator.group(), creator.session());
        let terminal = creator.terminal.lock().inherited();
        process.terminal.set(terminal);
        if args.flags.contains(CloneFlags::PARENT) {
            let signal = creator.exit_signal.load(Ordering::Relaxed);
            process.exit_signal.store(signal, Ordering::Relaxed);
            let parent = creator.parent.lock().clone();
            process.parent.set(parent);
        }
        let family = process.parent.lock().upgrade();
        if let Some(family) = family {
            family.children.lock().insert(process.pid, process.clone());
        }
        signal::inherit_sent(new, sent);
    }
    exec_threads::enter(new);
}

/// Opens a pidfd of the child `tid` in the parent (CLONE_PIDFD), and closes it again if `last_step`
/// fails. Called after the copy of the descriptors: the child doesn't inherit it.
fn with_pidfd(
    tid: u32,
    args: &CloneArgs,
    last_step: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    reserve::top_up()?;
    let pid = table::pid(tid).ok_or(Errno::ESRCH)?;
    let file = pidfd::new(pid, 0)?;
    let fd = caller::install(file.clone(), true)?;
    // The write may sleep.
    let done = args.pidfd.write(fd).and_then(|()| last_step());
    done.inspect_err(|_| {
        // Unless another thread has closed the descriptor meanwhile.
        let closed = caller::with_files(|files| {
            let is_same = files
                .get_any(fd)
                .is_ok_and(|open| Arc::ptr_eq(&open, &file));
            is_same.then(|| files.remove(fd))
        });
        drop(closed);
    })
}

/// Copies an address space in parts; other threads of the process run between two parts, without
/// changing areas.
fn copy_mm(mm: &Mm) -> Result<SharedMm, Errno> {
    let _turn = mm.turn();
    let (mut fork, child) = Fork::of(&mm.lock())?;
    let child = Mm::new(child)?;
    loop {
        let progress = fork.share_part(&mut mm.lock(), &mut child.lock_beside());
        match progress {
            Ok(Progress::More) => preempt::point(),
            Ok(Progress::Done) => return Ok(child),
            Err(errno) => {
                drop_shared(child);
                return Err(errno);
            }
        }
    }
}

/// Shares or copies the state of the parent process, except for its memory.
fn share_state(parent: &Process, child: &mut Process, args: &CloneArgs) {
    let flags = args.flags;
    if flags.contains(CloneFlags::FILES) {
        *child.files.get_mut() = parent.files();
    }
    if flags.contains(CloneFlags::FS) {
        child.fs = parent.fs.clone();
    }
    if flags.contains(CloneFlags::SIGHAND) {
        *child.actions.get_mut() = parent.actions();
    }
    if flags.contains(CloneFlags::CLEAR_SIGHAND) {
        child.actions().lock().reset_handlers();
    }
    let is_dumpable = parent.is_dumpable.load(Ordering::Relaxed);
    child.is_dumpable.store(is_dumpable, Ordering::Relaxed);
    // clone(2) has a byte for the exit signal. An invalid one means none; it does not default to
    // SIGCHLD.
    let exit_signal = match args.exit_signal {
        signo if signo > NSIG => 0,
        signo => signo,
    };
    child.exit_signal.store(exit_signal, Ordering::Relaxed);
    if flags.contains(CloneFlags::VFORK) {
        child.vfork.begin();
    }
}

/// Copies the registers and other state of the thread.
fn copy_state(task: &Current, new: &Task, args: &CloneArgs) {
    new.fpu.lock().save();
    let mut segments = Segments::read();
    let mut tls = *task.tls.lock();
    match args.tls {
        Tls::Inherited => {}
        Tls::Base(base) => (segments.fs, segments.fs_base) = (0, base),
        Tls::Descriptor(slot, descriptor) => {
            tls[slot] = descriptor;
            // The selector's base is the new descriptor's.
            segments.take_base(slot, descriptor);
        }
    }
    new.segments.set(segments);
    new.tls.set(tls);
    // Breakpoints are not inherited; DR6 and DR7 as a tracer reads them are (arch_dup_task_struct).
    let status = task.debug_status.load(Ordering::Relaxed);
    new.debug_status.store(status, Ordering::Relaxed);
    new.set_debug_registers(DebugRegisters {
        control: task.debug_registers().control,
        ..DebugRegisters::default()
    });
    let ports = task.ports().lock().clone();
    new.set_ports(ports);
    new.set_tsc_traps(task.tsc_traps());
    let comm = *task.comm.lock();
    new.comm.set(comm);
    new.set_cred(task.cred());
    let attributes = task.attributes.lock().for_child();
    new.attributes.set(attributes);
    let (blocked, alternate) = {
        let own = task.signals.lock();
        (own.blocked, own.alternate)
    };
    {
        let mut signals = new.signals.lock();
        signals.blocked = blocked;
        // Handlers of a thread must not run on its creator's alternate stack (sas_ss_reset).
        let shares = args.flags & (CloneFlags::VM | CloneFlags::VFORK);
        if shares.bits() != CloneFlags::VM.bits() {
            signals.alternate = alternate;
        }
    }
    // The registered area is in user memory: a copied address space has its own copy of the
    // area, a thread that shares the address space registers its own.
    if !args.flags.contains(CloneFlags::VM) {
        new.set_rseq(task.rseq());
    }
    // The call log follows children.
    new.work
        .store(percpu::pending_work() & work::TRACE, Ordering::Relaxed);
    if args.flags.contains(CloneFlags::CHILD_CLEARTID) {
        new.clear_child_tid
            .store(args.child_tid.address(), Ordering::Relaxed);
    }
}
