//! Events that the call log prints. Its folder, `trace/`, is on a higher floor: its functions are
//! handed over at boot. (ptrace(2) is in `ptrace/`.)

use alloc::vec::Vec;

use spin::Once;

use super::status::ExitStatus;
use crate::abi::frame::Frame;
use crate::abi::signal::SigInfo;
use crate::arch::percpu::{self, work};

/// Functions of the call log.
pub struct Events {
    /// init was loaded from a path, with arguments and a number of environment variables; its
    /// registers.
    pub started: fn(path: &[u8], args: &[Vec<u8>], variables: usize, registers: &Frame),
    /// A signal is delivered to the running thread.
    pub arrived: fn(&SigInfo),
    /// The running thread ends.
    pub ended: fn(ExitStatus),
}

static EVENTS: Once<&'static Events> = Once::new();

/// Sets the call log's functions.
pub fn init(events: &'static Events) {
    EVENTS.call_once(|| events);
}

/// Whether the running task's calls are logged: [`work::TRACE`], which `strace` on the command line
/// sets for init, a program for itself through /proc/self/trace, and children inherit.
pub fn is_on() -> bool {
    percpu::pending_work() & work::TRACE != 0
}

/// The call log's functions, whether the running task's calls are logged or not.
pub(super) fn events() -> Option<&'static Events> {
    EVENTS.get().copied()
}

/// The call log's functions, if the running task's calls are logged.
pub(super) fn active() -> Option<&'static Events> {
    if is_on() { events() } else { None }
}
