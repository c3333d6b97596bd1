//! Actions of signals (sigaction(2)).

use crate::abi::signal::{IGNORE, NSIG};

/// In [`Action::flags`]: the handler was set by a 32-bit call and gets a 32-bit frame. An internal
/// bit of Linux, which programs can't set.
pub const SA_IA32_ABI: u64 = 0x0200_0000;

/// Action of a signal (struct sigaction of either width).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Action {
    /// `SIG_DFL`, `SIG_IGN`, or the handler's address.
    pub handler: u64,
    /// `SA_*`.
    pub flags: u64,
    /// Address that the handler returns to, with SA_RESTORER.
    pub restorer: u64,
    /// Signals blocked while the handler runs, bit `n - 1` for signal `n`.
    pub mask: u64,
}

/// Actions of all signals.
#[derive(Clone, Debug)]
pub struct SignalActions([Action; NSIG as usize]);

impl Default for SignalActions {
    fn default() -> Self {
        Self([Action::default(); NSIG as usize])
    }
}

impl SignalActions {
    /// The action of `signal` (1 to [`NSIG`]).
    pub fn get(&self, signal: u8) -> Action {
        self.0[usize::from(signal) - 1]
    }

    /// Sets the action of `signal` (1 to [`NSIG`]).
    pub fn set(&mut self, signal: u8, action: Action) {
        self.0[usize::from(signal) - 1] = action;
    }

    /// Resets handlers to the default action, as in execve(2); ignored signals stay ignored.
    pub fn reset_handlers(&mut self) {
        for action in &mut self.0 {
            if action.handler != IGNORE {
                *action = Action::default();
            }
        }
    }
}
