//! Signal calls. What they act on is in [`crate::process::signal`].
//!
//! `action.rs` says what a signal does, `mask.rs` what is held back and what waits, `send.rs`
//! sends, `wait.rs` waits, `back.rs` comes back from a handler. Structures have the layout of the
//! table that the call came through; a set is 8 bytes in both, 4 in i386's oldest calls.

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

/// Bytes of a signal set in both ABIs.
const SIGSET_SIZE: usize = 8;

/// Checks the size that a program believes a set has.
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
