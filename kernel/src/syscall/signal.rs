//! Signal calls. Signals themselves are in [`crate::process::signal`].
//!
//! `action.rs` sets actions, `mask.rs` blocks signals and lists pending ones, `send.rs` sends,
//! `wait.rs` waits, `stack.rs` sets the alternate stack, `back.rs` returns from a handler.
//! Structures have the layout of the call's table; a signal set is 8 bytes in both, 4 in i386's old
//! calls.

use crate::abi::errno::Errno;

mod action;
mod back;
mod mask;
mod send;
mod stack;
mod wait;

pub use action::{rt_sigaction, rt_sigaction32, sigaction32, signal};
pub use back::{restart_syscall, rt_sigreturn, rt_sigreturn32, sigreturn32};
pub use mask::{rt_sigpending, rt_sigprocmask, sgetmask, sigpending32, sigprocmask32, ssetmask};
pub use send::{
    kill, pidfd_send_signal, pidfd_send_signal32, rt_sigqueueinfo, rt_sigqueueinfo32,
    rt_tgsigqueueinfo, rt_tgsigqueueinfo32, tgkill, tkill,
};
pub use stack::{sigaltstack, sigaltstack32};
pub use wait::{
    pause, rt_sigsuspend, rt_sigtimedwait, rt_sigtimedwait_time32, rt_sigtimedwait_time64,
    sigsuspend32,
};

/// Size of a signal set in bytes, in both tables.
const SIGSET_SIZE: usize = 8;

/// Checks the size of a signal set that a call passes.
///
/// # Errors
/// `EINVAL`.
fn check_size(size: usize) -> Result<(), Errno> {
    if size == SIGSET_SIZE {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}
