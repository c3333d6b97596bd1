//! fork, vfork and clone: a process or a thread from the running one.
//!
//! What may be asked for is in `clone.rs`. What a child shares with its parent is shared by
//! reference count; everything else is copied here.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use crate::sync::Mutex;
use linux_raw_sys::general::RLIMIT_NPROC;
use linux_raw_sys::ptrace::{
    PTRACE_EVENT_CLONE, PTRACE_EVENT_FORK, PTRACE_EVENT_VFORK, PTRACE_EVENT_VFORK_DONE,
};

use super::clone::{CloneArgs, CloneFlags, Tls};
use super::{Current, Process, SharedMm, Task, current, signal, table};
use crate::abi::capability::Caps;
use crate::abi::errno::{Errno, SysResult};
use crate::arch::debug::DebugRegisters;
use crate::arch::percpu::{self, work};
use crate::arch::segments::Segments;
use crate::fs::pidfd;
use crate::mm::reserve;
use crate::process::exec_threads;
use crate::process::ptrace::{self, Options};
use crate::sched::wait::is_interrupted;
use crate::sched::{preempt, run_queue};
use crate::vfs::caller;
use crate::vm::address_space::{AddressSpace, Fork, Progress};

/// Makes a child of the running process, or a thread in it; returns its ID.
///
/// # Errors
/// Those of [`CloneArgs::check`]; `ENOMEM`; `EAGAIN` when no ID is free or the user has as many
/// processes as RLIMIT_NPROC allows; `EPERM`, `EEXIST` if a requested ID (set_tid) isn't available.
pub fn clone(args: CloneArgs) -> SysResult {
    args.check()?;
    // What is to interrupt all of a process must not miss the child (copy_process).
    if is_interrupted() {
        return Err(Errno::ERESTARTNOINTR);
    }
    check_limit()?;
    let task = current();
    let parent = task.process.clone();
    let tid = if args.set_tid == 0 {
        table::reserve()?
    } else {
        table::reserve_this(args.set_tid)?
    };
    let made = make(&task, &parent, tid, &args);
    let (new, child) = made.inspect_err(|_| table::forget(tid))?;
    if args.flags.contains(CloneFlags::PARENT_SETTID) {
        // A bad address is the caller's own trouble, as on Linux; so is one for the child.
        let _ = args.parent_tid.write(tid);
    }
    if args.flags.contains(CloneFlags::CHILD_SETTID)
        && let Some(mm) = new.mm()
    {
        let _ = mm
            .lock()
            .store(args.child_tid.address(), &tid.to_ne_bytes());
    }
    exec_threads::enter(&new);
    let (followed, event) = tracer_event(&args);
    ptrace::control::inherit(&new, followed, args.flags.contains(CloneFlags::PTRACE));
    run_queue::start(new);
    if !followed.is_empty() {
        ptrace::stop::made_child(event, tid);
    }
    if args.flags.contains(CloneFlags::VFORK)
        && let Some(child) = child
    {
        // Only death ends this wait early.
        let released = || !child.is_vfork.load(Ordering::Relaxed) || signal::is_dying();
        child.mm_released.wait_for(|| released().then_some(()));
        ptrace::stop::made_child(PTRACE_EVENT_VFORK_DONE, tid);
    }
    Ok(tid as usize)
}

/// Which of a tracer's options has the child traced, and what the tracer is told (kernel_clone).
fn tracer_event(args: &CloneArgs) -> (Options, u32) {
    if args.flags.contains(CloneFlags::UNTRACED) {
        (Options::empty(), 0)
    } else if args.flags.contains(CloneFlags::VFORK) {
        (Options::TRACEVFORK, PTRACE_EVENT_VFORK)
    } else if args.exit_signal != signal::SIGCHLD {
        (Options::TRACECLONE, PTRACE_EVENT_CLONE)
    } else {
        (Options::TRACEFORK, PTRACE_EVENT_FORK)
    }
}

/// The new task, and its process if that is new too.
fn make(
    task: &Current,
    parent: &Arc<Process>,
    tid: u32,
    args: &CloneArgs,
) -> Result<(Arc<Task>, Option<Arc<Process>>), Errno> {
    exec_threads::make_room(parent)?;
    let mut frame = task.frame();
    frame.rax = 0;
    if args.stack != 0 {
        frame.rsp = args.stack;
    }
    if args.flags.contains(CloneFlags::THREAD) {
        let new = Task::new(tid, parent.clone(), &frame)?;
        copy_state(task, &new, args);
        return Ok((new, None));
    }
    let mm = task.mm().ok_or(Errno::ESRCH)?;
    let mm = if args.flags.contains(CloneFlags::VM) {
        mm
    } else {
        Arc::new(Mutex::new(copy(&mm)?))
    };
    let mut child = Process::child_of(parent, tid)?;
    child.mm.set(Some(mm));
    share(parent, &mut child, args);
    let child = Arc::new(child);
    let new = Task::new(tid, child.clone(), &frame)?;
    copy_state(task, &new, args);
    if args.flags.contains(CloneFlags::PIDFD) {
        give_descriptor(tid, args)?;
    }
    let family = child.parent.lock().upgrade();
    if let Some(family) = family {
        family.children.lock().insert(tid, child.clone());
    }
    Ok((new, Some(child)))
}

/// Gives the parent a descriptor of its child `tid`. It comes after the copy of the descriptors:
/// the child has none of itself.
fn give_descriptor(tid: u32, args: &CloneArgs) -> Result<(), Errno> {
    reserve::top_up()?;
    let pid = table::pid(tid).ok_or(Errno::ESRCH)?;
    let file = pidfd::new(pid, 0)?;
    let fd = caller::install(file.clone(), true)?;
    // The write may sleep, and another thread use up the room that was made before.
    let written = args.pidfd.write(fd);
    let has_room = written.and_then(|()| ptrace::control::make_room());
    has_room.inspect_err(|_| {
        // Unless another thread has done so meanwhile.
        let closed = caller::with_files(|files| {
            let is_same = files
                .get_any(fd)
                .is_ok_and(|open| Arc::ptr_eq(&open, &file));
            is_same.then(|| files.remove(fd))
        });
        drop(closed);
    })
}

/// A copy of an address space, made in parts: other threads of the program may run between two.
fn copy(mm: &SharedMm) -> Result<AddressSpace, Errno> {
    /// How often it may begin anew because other threads change what is mapped; then they have to
    /// wait.
    const PATIENCE: u32 = 8;
    let mut begun = 0;
    loop {
        let mut fork = Fork::of(&mut mm.lock())?;
        begun += 1;
        loop {
            let progress = fork.share_part(&mut mm.lock())?;
            match progress {
                Progress::Done => return Ok(fork.finish()),
                Progress::Stale => break,
                Progress::More if begun <= PATIENCE => preempt::point(),
                Progress::More => {}
            }
        }
    }
}

/// What a process has in common with its parent, as far as that is not memory.
fn share(parent: &Process, child: &mut Process, args: &CloneArgs) {
    let flags = args.flags;
    if flags.contains(CloneFlags::FILES) {
        *child.files.get_mut() = parent.files.lock().clone();
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
    // clone(2) has a byte for it: an invalid exit signal means none; it does not default to
    // SIGCHLD.
    let mut exit_signal = match args.exit_signal {
        signo if signo > signal::COUNT => 0,
        signo => signo,
    };
    if flags.contains(CloneFlags::PARENT) {
        *child.parent.get_mut() = parent.parent.lock().clone();
        exit_signal = parent.exit_signal.load(Ordering::Relaxed);
    }
    child.exit_signal.store(exit_signal, Ordering::Relaxed);
    let is_vfork = flags.contains(CloneFlags::VFORK);
    child.is_vfork.store(is_vfork, Ordering::Relaxed);
}

/// Registers and what else belongs to the thread.
fn copy_state(task: &Current, new: &Task, args: &CloneArgs) {
    new.fpu.lock().save();
    let mut segments = Segments::read();
    let mut tls = *task.tls.lock();
    match args.tls {
        Tls::Inherited => {}
        Tls::Base(base) => (segments.fs, segments.fs_base) = (0, base),
        Tls::Descriptor(slot, descriptor) => {
            tls[slot] = descriptor;
            // The base that goes with the selector is the new descriptor's.
            segments.take_base(slot, descriptor);
        }
    }
    new.segments.set(segments);
    new.tls.set(tls);
    // Breakpoints are the thread's own; what its tracer reads is copied (arch_dup_task_struct).
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
        // A thread's handlers must not run on its maker's stack (sas_ss_reset).
        let shares = args.flags & (CloneFlags::VM | CloneFlags::VFORK);
        if shares.bits() != CloneFlags::VM.bits() {
            signals.alternate = alternate;
        }
    }
    // The registered area is in user memory: a copied address space has its own copy of the area, a
    // thread that shares the address space registers its own.
    if !args.flags.contains(CloneFlags::VM) {
        let registration = *task.rseq.lock();
        new.rseq.set(registration);
    }
    // The kernel's own tracer follows its program's children.
    new.work
        .store(percpu::pending_work() & work::TRACE, Ordering::Relaxed);
    if args.flags.contains(CloneFlags::CHILD_CLEARTID) {
        new.clear_child_tid
            .store(args.child_tid.address(), Ordering::Relaxed);
    }
}

/// RLIMIT_NPROC counts the threads of the real user, zombies included. Root is exempt.
fn check_limit() -> Result<(), Errno> {
    let task = current();
    let (process, cred) = (&task.process, task.cred());
    if cred.uid == 0 || cred.has(Caps::SYS_RESOURCE) || cred.has(Caps::SYS_ADMIN) {
        return Ok(());
    }
    let limit = process.limits.lock().soft(RLIMIT_NPROC);
    if threads_of(cred.uid) >= limit {
        Err(Errno::EAGAIN)
    } else {
        Ok(())
    }
}

/// Threads of a user's, ended processes that were not waited for included.
fn threads_of(uid: u32) -> u64 {
    let count: usize = table::all_processes()
        .filter(|process| process.cred().uid == uid)
        .map(|process| process.threads.lock().len().max(1))
        .sum();
    count as u64
}

/// Whether a user other than root has more threads than the running process's limit allows.
fn has_too_many(uid: u32) -> bool {
    let limit = current().process.limits.lock().soft(RLIMIT_NPROC);
    uid != 0 && threads_of(uid) > limit
}

/// Notes whether the running thread becomes a user who has too many threads: that succeeds, as
/// programs don't look whether it does, and execve(2) fails (flag_nproc_exceeded in kernel/sys.c).
pub fn note_new_user(uid: u32) {
    let has_too_many = has_too_many(uid);
    current().attributes.lock().has_too_many = has_too_many;
}

/// Checks that the user still has not too many, if [`note_new_user`] found that.
///
/// # Errors
/// `EAGAIN`.
pub fn check_new_user() -> Result<(), Errno> {
    let task = current();
    if !task.attributes.lock().has_too_many {
        return Ok(());
    }
    if has_too_many(task.cred().uid) {
        return Err(Errno::EAGAIN);
    }
    task.attributes.lock().has_too_many = false;
    Ok(())
}
