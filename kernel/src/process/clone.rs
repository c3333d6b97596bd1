//! What clone(2) and clone3(2) are asked for, and which of it makes sense together.
//!
//! `fork.rs` does it; `syscall/clone.rs` reads the arguments. Left out: namespaces, control
//! groups, and threads with files or a working directory of their own.

use bitflags::bitflags;
use linux_raw_sys::general as linux;

use super::capability::capable;
use super::{current, init};
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;
use crate::mm::layout::TASK_SIZE;
use crate::usercopy::UserPtr;

bitflags! {
    /// clone(2)'s flags. Those that say nothing here (`CLONE_IO`, `CLONE_SYSVSEM`: neither of what
    /// they share exists; `CLONE_DETACHED`: long without a meaning) are accepted.
    #[derive(Clone, Copy, Debug)]
    pub struct CloneFlags: u64 {
        /// Share the address space.
        const VM = linux::CLONE_VM as u64;
        /// Share root, working directory and umask.
        const FS = linux::CLONE_FS as u64;
        /// Share the table of open files.
        const FILES = linux::CLONE_FILES as u64;
        /// Share what signals do.
        const SIGHAND = linux::CLONE_SIGHAND as u64;
        /// Give the parent a descriptor of the child.
        const PIDFD = linux::CLONE_PIDFD as u64;
        /// Have the caller's tracer trace the child too.
        const PTRACE = linux::CLONE_PTRACE as u64;
        /// Hold the parent until the child execs or ends.
        const VFORK = linux::CLONE_VFORK as u64;
        /// A sibling, not a child.
        const PARENT = linux::CLONE_PARENT as u64;
        /// A thread of the same process.
        const THREAD = linux::CLONE_THREAD as u64;
        /// Share semaphore adjustments.
        const SYSVSEM = linux::CLONE_SYSVSEM as u64;
        /// Give the child this thread-local storage.
        const SETTLS = linux::CLONE_SETTLS as u64;
        /// Store the child's ID in the parent.
        const PARENT_SETTID = linux::CLONE_PARENT_SETTID as u64;
        /// Clear the child's ID in the child's memory when it ends.
        const CHILD_CLEARTID = linux::CLONE_CHILD_CLEARTID as u64;
        /// Nothing any more.
        const DETACHED = linux::CLONE_DETACHED as u64;
        /// No tracer may trace the child because of `PTRACE`.
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

/// The thread-local storage that the child gets.
#[derive(Clone, Copy, Debug, Default)]
pub enum Tls {
    /// The parent's.
    #[default]
    Inherited,
    /// A base for FS (64-bit).
    Base(u64),
    /// A descriptor for this of the three GDT entries (32-bit).
    Descriptor(usize, u64),
}

/// The arguments of clone(2).
#[derive(Clone, Copy, Debug)]
pub struct CloneArgs {
    /// What to share and to store.
    pub flags: CloneFlags,
    /// What the parent gets at the child's end; 0: nothing.
    pub exit_signal: u8,
    /// The child's stack pointer; 0: the parent's.
    pub stack: u64,
    /// Where the parent wants the number of its descriptor of the child.
    pub pidfd: UserPtr<i32>,
    /// Where the parent wants the ID.
    pub parent_tid: UserPtr<u32>,
    /// Where the child wants it.
    pub child_tid: UserPtr<u32>,
    /// Thread-local storage.
    pub tls: Tls,
    /// The ID that the child is to have; 0: any.
    pub set_tid: u32,
}

impl CloneArgs {
    /// Those of fork(2), with these flags.
    pub fn fork(flags: CloneFlags) -> Self {
        let none = UserPtr::new(0);
        Self {
            flags,
            exit_signal: super::signal::SIGCHLD,
            stack: 0,
            pidfd: UserPtr::new(0),
            parent_tid: none,
            child_tid: none,
            tls: Tls::Inherited,
            set_tid: 0,
        }
    }

    /// Whether the flags go together (copy_process in kernel/fork.c).
    ///
    /// # Errors
    /// `EINVAL` if not, or for what is left out here; `EPERM` for namespaces that only root may
    /// make.
    pub fn check(&self) -> Result<(), Errno> {
        let flags = self.flags;
        let has = |flag| flags.contains(flag);
        let is_init = current().process.pid == init::PID;
        // clone(2) has one place for both.
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

/// The answer of a kernel that has no namespaces, as clone(2), unshare(2) and setns(2) give it.
pub fn refuse_namespace() -> Errno {
    if capable(Caps::SYS_ADMIN) {
        Errno::EINVAL
    } else {
        Errno::EPERM
    }
}
