//! Arguments of clone(2) and clone3(2), and the checks of their combinations.
//!
//! `syscall/clone.rs` reads the arguments, `fork.rs` creates the process or thread. Left out:
//! namespaces, control groups, and threads with open files or a working directory of their own.

use bitflags::bitflags;
use linux_raw_sys::general as linux;

use super::capability::capable;
use super::current;
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;
use crate::mm::layout::TASK_SIZE;
use crate::usercopy::UserPtr;

bitflags! {
    /// Flags of clone(2). `CLONE_IO` and `CLONE_SYSVSEM` (there is no such state to share) and
    /// `CLONE_DETACHED` (obsolete) are accepted without effect.
    #[derive(Clone, Copy, Debug)]
    pub struct CloneFlags: u64 {
        /// Share the address space.
        const VM = linux::CLONE_VM as u64;
        /// Share root, working directory and umask.
        const FS = linux::CLONE_FS as u64;
        /// Share the table of open files.
        const FILES = linux::CLONE_FILES as u64;
        /// Share the signal actions.
        const SIGHAND = linux::CLONE_SIGHAND as u64;
        /// Open a pidfd of the child in the parent.
        const PIDFD = linux::CLONE_PIDFD as u64;
        /// Have the caller's tracer trace the child too.
        const PTRACE = linux::CLONE_PTRACE as u64;
        /// Suspend the parent until the child execs or ends.
        const VFORK = linux::CLONE_VFORK as u64;
        /// Create a sibling, not a child.
        const PARENT = linux::CLONE_PARENT as u64;
        /// Create a thread of the same process.
        const THREAD = linux::CLONE_THREAD as u64;
        /// Share semaphore adjustments.
        const SYSVSEM = linux::CLONE_SYSVSEM as u64;
        /// Set the child's thread-local storage.
        const SETTLS = linux::CLONE_SETTLS as u64;
        /// Store the child's ID in the parent.
        const PARENT_SETTID = linux::CLONE_PARENT_SETTID as u64;
        /// Clear the child's ID in the child's memory when it ends.
        const CHILD_CLEARTID = linux::CLONE_CHILD_CLEARTID as u64;
        /// Obsolete.
        const DETACHED = linux::CLONE_DETACHED as u64;
        /// The child is not traced automatically by the caller's tracer.
        const UNTRACED = linux::CLONE_UNTRACED as u64;
        /// Store the child's ID in the child.
        const CHILD_SETTID = linux::CLONE_CHILD_SETTID as u64;
        /// Share the I/O context.
        const IO = linux::CLONE_IO as u64;
        /// Handlers become default actions in the child (clone3(2)).
        const CLEAR_SIGHAND = linux::CLONE_CLEAR_SIGHAND;
        /// Start in a control group (clone3(2)).
        const INTO_CGROUP = linux::CLONE_INTO_CGROUP;

        /// A new mount namespace.
        const NEWNS = linux::CLONE_NEWNS as u64;
        /// A new user namespace.
        const NEWUSER = linux::CLONE_NEWUSER as u64;
        /// A new PID namespace.
        const NEWPID = linux::CLONE_NEWPID as u64;
        /// The other new namespaces.
        const NEW_OTHERS = (linux::CLONE_NEWCGROUP | linux::CLONE_NEWUTS | linux::CLONE_NEWIPC
            | linux::CLONE_NEWNET | linux::CLONE_NEWTIME) as u64;
    }
}

/// Thread-local storage of the child.
#[derive(Clone, Copy, Debug, Default)]
pub enum Tls {
    /// The parent's.
    #[default]
    Inherited,
    /// A base for FS (64-bit).
    Base(u64),
    /// Index of one of the three GDT entries, and the descriptor for it (32-bit).
    Descriptor(usize, u64),
}

/// Arguments of clone(2).
#[derive(Clone, Copy, Debug)]
pub struct CloneArgs {
    /// Flags.
    pub flags: CloneFlags,
    /// Signal sent to the parent when the child ends; 0: none.
    pub exit_signal: u8,
    /// The child's stack pointer; 0: the parent's.
    pub stack: u64,
    /// Address for the pidfd, in the parent.
    pub pidfd: UserPtr<i32>,
    /// Address for the child's ID, in the parent.
    pub parent_tid: UserPtr<u32>,
    /// Address for the child's ID, in the child.
    pub child_tid: UserPtr<u32>,
    /// Thread-local storage.
    pub tls: Tls,
    /// Requested ID of the child; 0: any.
    pub set_tid: u32,
}

impl CloneArgs {
    /// The arguments of fork(2), with these flags.
    pub fn fork(flags: CloneFlags) -> Self {
        let none = UserPtr::new(0);
        Self {
            flags,
            exit_signal: crate::abi::signal::SIGCHLD,
            stack: 0,
            pidfd: UserPtr::new(0),
            parent_tid: none,
            child_tid: none,
            tls: Tls::Inherited,
            set_tid: 0,
        }
    }

    /// Checks the combination of flags (copy_process in kernel/fork.c).
    ///
    /// # Errors
    /// `EINVAL` for an invalid combination and for flags that are left out here; `EPERM` for
    /// namespaces that need CAP_SYS_ADMIN, and for a thread-local storage outside user memory.
    pub fn check(&self) -> Result<(), Errno> {
        let flags = self.flags;
        let has = |flag| flags.contains(flag);
        let is_init = current().process.is_init();
        // clone(2) has one argument for both addresses.
        let is_one_place = self.pidfd.address() == self.parent_tid.address();
        if has(CloneFlags::PIDFD | CloneFlags::PARENT_SETTID) && is_one_place
            || has(CloneFlags::PIDFD) && flags.intersects(CloneFlags::DETACHED | CloneFlags::THREAD)
            || has(CloneFlags::FS) && flags.intersects(CloneFlags::NEWNS | CloneFlags::NEWUSER)
            || has(CloneFlags::THREAD) && !has(CloneFlags::SIGHAND)
            || has(CloneFlags::SIGHAND) && !has(CloneFlags::VM)
            || has(CloneFlags::PARENT) && is_init
            || has(CloneFlags::THREAD) && flags.intersects(CloneFlags::NEWPID | CloneFlags::NEWUSER)
        {
            return Err(Errno::EINVAL);
        }
        let namespaces = CloneFlags::NEWNS | CloneFlags::NEWPID | CloneFlags::NEW_OTHERS;
        if flags.intersects(namespaces) && !has(CloneFlags::NEWUSER) {
            return Err(refuse_namespace());
        }
        let of_process = CloneFlags::FS | CloneFlags::FILES;
        if flags.intersects(CloneFlags::NEWUSER | CloneFlags::INTO_CGROUP)
            || has(CloneFlags::THREAD) && !has(of_process)
        {
            return Err(Errno::EINVAL);
        }
        match self.tls {
            Tls::Base(base) if base >= TASK_SIZE => Err(Errno::EPERM),
            _ => Ok(()),
        }
    }
}

/// The error of clone(2), unshare(2) and setns(2) on a kernel without namespaces: `EINVAL`, or
/// `EPERM` without CAP_SYS_ADMIN.
pub fn refuse_namespace() -> Errno {
    if capable(Caps::SYS_ADMIN) {
        Errno::EINVAL
    } else {
        Errno::EPERM
    }
}
