//! Which threads may be traced, and looked at in /proc (__ptrace_may_access in kernel/ptrace.c).

use core::sync::atomic::Ordering;

use crate::abi::capability::Caps;
use crate::abi::cred::Credentials;
use crate::process::{Process, Task, current};

/// The caller's IDs in an access check (PTRACE_MODE_FSCREDS, PTRACE_MODE_REALCREDS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// File-system IDs and effective capabilities, for /proc.
    FileSystem,
    /// Real IDs and permitted capabilities, for system calls.
    Real,
}

/// Whether the running thread may read and change the state of `target`.
pub fn may_access(target: &Task, ids: Ids) -> bool {
    may_access_process(&target.process, &target.cred(), ids)
}

/// Whether the running thread may read and change the state of a process with the credentials `its`
/// (__ptrace_may_access in kernel/ptrace.c, cap_ptrace_access_check). Allowed are: threads of the
/// process itself; a thread whose IDs equal all of the target's user and group IDs and that has all
/// of its permitted capabilities, if the target is dumpable (PR_SET_DUMPABLE); CAP_SYS_PTRACE.
pub fn may_access_process(target: &Process, its: &Credentials, ids: Ids) -> bool {
    let me = current();
    if core::ptr::eq(&raw const *me.process, target) {
        return true;
    }
    let mine = me.cred();
    let (caller, capabilities) = match ids {
        Ids::FileSystem => ((mine.fsuid, mine.fsgid), mine.effective),
        Ids::Real => ((mine.uid, mine.gid), mine.permitted),
    };
    mine.has(Caps::SYS_PTRACE)
        || target.is_dumpable.load(Ordering::Relaxed)
            && its.is_all(caller)
            && capabilities.contains(its.permitted)
}
