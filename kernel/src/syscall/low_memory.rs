//! Calls while the kernel's reserve is not full (`mm/reserve.rs`): they wait for memory before they
//! begin, or answer `ENOMEM`.

use super::table;
use crate::abi::errno::Errno;
use crate::abi::frame::{Door, Frame};
use crate::arch::percpu::{self, work};
use crate::mm::reserve;

/// Calls that are made whatever is left. Those that end or give back must not wait for what they
/// bring, and those that only say or set a number take nothing; each is a step that ends with less
/// than it began with. What one of them takes in a loop, or for good, asks for itself
/// ([`reserve::top_up`]) before it changes anything: munmap(2), brk(2) and munlock(2) for the areas
/// that they cut (`AddressSpace::cut`).
const ADMITTED: &[&str] = &[
    // What ends.
    "exit",
    "exit_group",
    "rt_sigreturn",
    "sigreturn",
    "restart_syscall",
    // What gives back.
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
    // An ended child holds its process until it is waited for.
    "wait4",
    "waitid",
    "waitpid",
    // What can't fail.
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

/// Lets the call in `frame` begin, or not.
///
/// # Errors
/// `ENOMEM`, where it needs memory and there is nothing that can be killed for it.
pub fn admit(frame: &Frame) -> Result<(), Errno> {
    if !percpu::is_pending::<{ work::LOW_MEMORY }>() || is_admitted(frame) {
        return Ok(());
    }
    #[cfg(debug_assertions)]
    if crate::mm::injection::strikes_call() {
        percpu::clear_work(work::LOW_MEMORY);
        return Err(Errno::ENOMEM);
    }
    reserve::wait_for_step()
}

fn is_admitted(frame: &Frame) -> bool {
    let entry = Door::of(frame.entry).and_then(|door| table::lookup(door, frame.orig_rax as u32));
    // A number without a call takes nothing.
    entry.is_none_or(|entry| ADMITTED.contains(&entry.name))
}

/// Each call is a step.
#[cfg(debug_assertions)]
pub fn begin_call() {
    if !percpu::is_pending::<{ work::LOW_MEMORY }>() {
        reserve::begin_step();
    }
}
