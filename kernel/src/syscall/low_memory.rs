//! System calls while the kernel's reserve is not full (`mm/reserve.rs`): a call waits for memory
//! before it begins, or returns `ENOMEM`.

use super::table;
use crate::abi::errno::Errno;
use crate::abi::frame::Frame;
use crate::arch::percpu::{self, work};
#[cfg(debug_assertions)]
use crate::mm::reserve;
use crate::process::oom;

/// Calls that begin whatever the reserve holds. Those that exit or release something must not wait
/// for the memory that they free, and those that only read or set a number allocate nothing; each
/// is a step that ends with less memory in use than at its beginning. A call of the list that
/// allocates in a loop, or for good, checks the reserve itself ([`reserve::top_up`]) before it
/// changes anything: munmap(2), brk(2) and munlock(2) for the areas that they split
/// (`AddressSpace::cut`).
const ADMITTED: &[&str] = &[
    // Exit, and returns from signal handlers.
    "exit",
    "exit_group",
    "rt_sigreturn",
    "sigreturn",
    "restart_syscall",
    // Release of memory or of other objects.
    "close",
    "close_range",
    "munmap",
    "unlink",
    "unlinkat",
    "rmdir",
    "truncate",
    "truncate64",
    "ftruncate",
    "ftruncate64",
    "shutdown",
    "timer_delete",
    "munlock",
    "munlockall",
    // A zombie occupies its process until a parent waits for it.
    "wait4",
    "waitid",
    "waitpid",
    // Calls that can't fail.
    "getpid",
    "gettid",
    "getppid",
    "getpgrp",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getuid32",
    "geteuid32",
    "getgid32",
    "getegid32",
    "umask",
    "sched_yield",
    "sync",
    "set_tid_address",
    "brk",
    "personality",
    "sgetmask",
    "ssetmask",
];

/// Waits until the call in `frame` may begin.
///
/// # Errors
/// `ENOMEM` if the call needs memory and no process can be killed to free some.
pub fn admit(frame: &Frame) -> Result<(), Errno> {
    if !percpu::is_pending::<{ work::LOW_MEMORY }>() || is_admitted(frame) {
        return Ok(());
    }
    #[cfg(debug_assertions)]
    if crate::process::injection::strikes_call() {
        percpu::clear_work::<{ work::LOW_MEMORY }>();
        return Err(Errno::ENOMEM);
    }
    oom::wait_for_step()
}

fn is_admitted(frame: &Frame) -> bool {
    let table = frame.table();
    let entry = table.and_then(|table| table::lookup(table, frame.orig_rax as u32));
    // An unimplemented call allocates nothing.
    entry.is_none_or(|entry| ADMITTED.contains(&entry.name))
}

/// Begins a step of the reserve's accounting: each call is one.
#[cfg(debug_assertions)]
pub fn begin_call() {
    if !percpu::is_pending::<{ work::LOW_MEMORY }>() {
        reserve::begin_step();
    }
}
