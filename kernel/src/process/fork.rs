//! fork, vfork and clone: a second process from the running one.
//!
//! What clone(2) can share here is the address space, for as long as vfork(2) needs it.
//! Threads (`CLONE_THREAD`) and namespaces are refused with `EINVAL`.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use bitflags::bitflags;
use linux_raw_sys::general as linux;
use linux_raw_sys::ptrace::{PTRACE_EVENT_FORK, PTRACE_EVENT_VFORK, PTRACE_EVENT_VFORK_DONE};
use spin::Mutex;

use super::{Process, Task, current, sched, signal, table, threads};
use crate::arch::percpu::{self, work};
use crate::arch::segments::Segments;
use crate::ptrace::{self, Options};
use crate::syscall::errno::{Errno, SysResult};
use crate::usercopy::UserPtr;

bitflags! {
    /// clone(2)'s flags that are understood here.
    #[derive(Clone, Copy, Debug)]
    pub struct CloneFlags: u64 {
        /// Share the address space.
        const VM = linux::CLONE_VM as u64;
        /// Hold the parent until the child execs or ends.
        const VFORK = linux::CLONE_VFORK as u64;
        /// Store the child's ID in the parent.
        const PARENT_SETTID = linux::CLONE_PARENT_SETTID as u64;
        /// Store the child's ID in the child.
        const CHILD_SETTID = linux::CLONE_CHILD_SETTID as u64;
        /// Clear that again when the child ends.
        const CHILD_CLEARTID = linux::CLONE_CHILD_CLEARTID as u64;
        /// Give the child this FS base (64-bit).
        const SETTLS = linux::CLONE_SETTLS as u64;
    }
}

/// The arguments of clone(2).
#[derive(Clone, Copy, Debug)]
pub struct CloneArgs {
    /// Flags, without the exit signal in the low byte.
    pub flags: CloneFlags,
    /// The child's stack pointer; 0: the parent's.
    pub stack: u64,
    /// Where the parent wants the ID.
    pub parent_tid: UserPtr<u32>,
    /// Where the child wants it.
    pub child_tid: UserPtr<u32>,
    /// FS base.
    pub tls: u64,
}

impl CloneArgs {
    /// Those of fork(2).
    pub fn fork() -> Self {
        let none = UserPtr::new(0);
        Self {
            flags: CloneFlags::empty(),
            stack: 0,
            parent_tid: none,
            child_tid: none,
            tls: 0,
        }
    }
}

/// Makes a child of the running process; returns its ID.
///
/// # Errors
/// `ENOMEM`, `EAGAIN` when no ID is free, `EFAULT` for a bad `parent_tid`.
pub fn clone(args: CloneArgs) -> SysResult {
    let task = current();
    let parent = sched::current_task().process.clone();
    let mm = task.mm().ok_or(Errno::ESRCH)?;
    let child_mm = if args.flags.contains(CloneFlags::VM) {
        mm
    } else {
        let copy = mm.lock().fork()?;
        Arc::new(Mutex::new(copy))
    };
    let pid = table::reserve()?;
    let child = Process::child_of(&parent, pid);
    *child.mm.lock() = Some(child_mm);
    let is_vfork = args.flags.contains(CloneFlags::VFORK);
    child.is_vfork.store(is_vfork, Ordering::Relaxed);
    let child = Arc::new(child);
    let mut frame = task.frame().clone();
    frame.rax = 0;
    if args.stack != 0 {
        frame.rsp = args.stack;
    }
    let new = Task::new(pid, child.clone(), &frame).inspect_err(|_| table::forget(pid))?;
    new.fpu.lock().save();
    let mut segments = Segments::read();
    if args.flags.contains(CloneFlags::SETTLS) {
        segments.fs_base = args.tls;
    }
    *new.segments.lock() = segments;
    *new.tls.lock() = *task.tls.lock();
    *new.comm.lock() = *task.comm.lock();
    new.signals.lock().blocked = task.signals.lock().blocked;
    // The tracer follows its program's children.
    new.work
        .store(percpu::pending_work() & work::TRACE, Ordering::Relaxed);
    if args.flags.contains(CloneFlags::CHILD_CLEARTID) {
        new.clear_child_tid
            .store(args.child_tid.address(), Ordering::Relaxed);
    }
    if args.flags.contains(CloneFlags::CHILD_SETTID)
        && let Some(mm) = new.mm()
    {
        // A bad address is the child's own trouble, as on Linux.
        let _ = mm
            .lock()
            .store(args.child_tid.address(), &pid.to_ne_bytes());
    }
    if args.flags.contains(CloneFlags::PARENT_SETTID) {
        args.parent_tid.write(pid)?;
    }
    parent.children.lock().insert(pid, child.clone());
    threads::enter(&new);
    let (followed, kind) = if is_vfork {
        (Options::TRACEVFORK, PTRACE_EVENT_VFORK)
    } else {
        (Options::TRACEFORK, PTRACE_EVENT_FORK)
    };
    ptrace::control::inherit(&new, followed, false);
    sched::start(new);
    ptrace::stop::made_child(kind, pid);
    if is_vfork {
        // Only death ends this wait early.
        let released = || !child.is_vfork.load(Ordering::Relaxed) || signal::is_dying();
        child.mm_released.wait_for(|| released().then_some(()));
        ptrace::stop::made_child(PTRACE_EVENT_VFORK_DONE, pid);
    }
    Ok(pid as usize)
}
