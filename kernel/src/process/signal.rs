//! Signals: numbers, dispositions, and what happens when one arrives.
//!
//! A signal's default action is carried out; handlers are recorded but not called yet.

use alloc::sync::Arc;

use super::exit::{ExitStatus, exit_group};
use super::{Process, Task, current, init, sched};
use crate::arch::percpu::{self, work};
use crate::entry::frame::Frame;
use crate::syscall::errno::Errno;

/// Number of signals; they count from 1.
pub const COUNT: u8 = 64;

#[allow(missing_docs)]
mod numbers {
    pub const SIGILL: u8 = 4;
    pub const SIGTRAP: u8 = 5;
    pub const SIGBUS: u8 = 7;
    pub const SIGFPE: u8 = 8;
    pub const SIGKILL: u8 = 9;
    pub const SIGSEGV: u8 = 11;
    pub const SIGCHLD: u8 = 17;
    pub const SIGCONT: u8 = 18;
    pub const SIGSTOP: u8 = 19;
    pub const SIGTSTP: u8 = 20;
    pub const SIGTTIN: u8 = 21;
    pub const SIGTTOU: u8 = 22;
    pub const SIGURG: u8 = 23;
    pub const SIGWINCH: u8 = 28;
}
pub use numbers::*;

/// `SIG_DFL`.
pub const DEFAULT: u64 = 0;
/// `SIG_IGN`.
pub const IGNORE: u64 = 1;

/// What the program asked for, for one signal (struct sigaction, either width).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Action {
    /// [`DEFAULT`], [`IGNORE`], or the handler's address.
    pub handler: u64,
    /// `SA_*`.
    pub flags: u64,
    /// Where the handler returns to.
    pub restorer: u64,
    /// Signals blocked while it runs, bit `n - 1` for signal `n`.
    pub mask: u64,
}

/// The actions of all signals.
#[derive(Clone, Debug)]
pub struct SignalActions([Action; COUNT as usize]);

impl Default for SignalActions {
    fn default() -> Self {
        Self([Action::default(); COUNT as usize])
    }
}

impl SignalActions {
    /// The action of `signal` (1 to [`COUNT`]).
    pub fn get(&self, signal: u8) -> Action {
        self.0[usize::from(signal) - 1]
    }

    /// Sets it.
    pub fn set(&mut self, signal: u8, action: Action) {
        self.0[usize::from(signal) - 1] = action;
    }

    /// For execve(2): handlers are gone with the program, what is ignored stays so.
    pub fn reset_handlers(&mut self) {
        for action in &mut self.0 {
            if action.handler != IGNORE {
                *action = Action::default();
            }
        }
    }
}

/// A task's own signal state; bit `n - 1` stands for signal `n`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskSignals {
    /// Held back.
    pub blocked: u64,
    /// Arrived and not taken.
    pub pending: u64,
    /// The stack that handlers run on, if one was given.
    pub alternate: AlternateStack,
}

/// sigaltstack(2)'s structure; `flags` 0 is a stack in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct AlternateStack {
    pub base: u64,
    pub flags: u32,
    pub size: u64,
}

/// No alternate stack.
pub const SS_DISABLE: u32 = 2;

impl Default for AlternateStack {
    fn default() -> Self {
        Self {
            base: 0,
            flags: SS_DISABLE,
            size: 0,
        }
    }
}

/// The bit of a signal in a mask.
pub const fn bit(signal: u8) -> u64 {
    1 << (signal - 1)
}

/// Signals whose default action is to be ignored.
const IGNORED_BY_DEFAULT: u64 = bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH);
/// Signals whose default action is to stop; without job control they do nothing.
const STOPPING: u64 = bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);

/// Ends the running process by `signal`, whatever it blocked or ignored: the answer to a
/// fault that it cannot go on from.
pub fn force(signal: u8) -> ! {
    exit_group(ExitStatus::Killed(signal))
}

/// Sends `signal` to a task.
pub fn send(task: &Arc<Task>, signal: u8) {
    let action = task.process.actions.lock().get(signal);
    let ignored = action.handler == IGNORE
        || action.handler == DEFAULT && (IGNORED_BY_DEFAULT | STOPPING) & bit(signal) != 0
        // init gets only what it has a handler for (SIGNAL_UNKILLABLE).
        || task.process.pid == init::PID && action.handler == DEFAULT;
    if ignored && signal != SIGKILL {
        return;
    }
    let mut signals = task.signals.lock();
    signals.pending |= bit(signal);
    if signals.blocked & bit(signal) == 0 || signal == SIGKILL {
        task.set_work(work::SIGNAL);
        drop(signals);
        sched::wake(task);
    }
}

/// Takes the running task's next signal.
pub fn take(_frame: &mut Frame) {
    let task = current();
    let next = {
        let mut signals = task.signals.lock();
        let ready = signals.pending & (!signals.blocked | bit(SIGKILL));
        let next = (ready != 0).then(|| ready.trailing_zeros() as u8 + 1);
        if let Some(signal) = next {
            signals.pending &= !bit(signal);
        }
        if signals.pending & !signals.blocked == 0 {
            percpu::clear_work(work::SIGNAL);
        }
        next
    };
    if let Some(signal) = next {
        exit_group(ExitStatus::Killed(signal));
    }
}

/// Whether the running task is about to be killed.
pub fn is_dying() -> bool {
    current().signals.lock().pending & bit(SIGKILL) != 0
}

/// Whether children of `parent` go without being waited for: it ignores SIGCHLD, or set
/// SA_NOCLDWAIT.
pub fn ignores_children(parent: &Process) -> bool {
    const SA_NOCLDWAIT: u64 = 2;
    let action = parent.actions.lock().get(SIGCHLD);
    action.handler == IGNORE || action.flags & SA_NOCLDWAIT != 0
}

/// Checks a signal number from a program; 0 asks only whether the target exists.
///
/// # Errors
/// `EINVAL`.
pub fn check_number(signal: i32) -> Result<u8, Errno> {
    u8::try_from(signal)
        .ok()
        .filter(|s| *s <= COUNT)
        .ok_or(Errno::EINVAL)
}
