//! Signal calls. Signals themselves are in [`crate::process::signal`].
//!
//! `action.rs` sets actions, `mask.rs` blocks signals and lists pending ones, `send.rs` sends,
//! `wait.rs` waits, `stack.rs` sets the alternate stack, `back.rs` returns from a handler;
//! `info.rs` has the layouts of siginfo.
//! Structures have the layout of the call's table; a signal set is 8 bytes in both, 4 in i386's old
//! calls.

use crate::abi::errno::Errno;

mod action;
mod back;
mod info;
mod mask;
mod send;
mod stack;
mod wait;

pub use action::{rt_sigaction, sigaction, signal};
pub use back::{restart_syscall, rt_sigreturn, rt_sigreturn32, sigreturn};
pub use info::Info;
pub use mask::{rt_sigpending, rt_sigprocmask, sgetmask, sigpending, sigprocmask, ssetmask};
pub use send::{kill, pidfd_send_signal, rt_sigqueueinfo, rt_tgsigqueueinfo, tgkill, tkill};
pub use stack::sigaltstack;
pub use wait::{pause, rt_sigsuspend, rt_sigtimedwait, sigsuspend};

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
