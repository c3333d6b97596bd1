//! Signals: actions, and the signal state of threads and processes (kernel/signal.c). The numbers
//! and `siginfo_t` are in `abi/signal.rs`.
//!
//! The way of a signal: `send.rs` checks whether it is ignored, `queue.rs` queues it with its
//! information (`info.rs`) within RLIMIT_SIGPENDING (`account.rs`), and a work bit makes the thread
//! call `deliver.rs` before its return to user mode. For a handler, `frame64.rs` or `frame32.rs`
//! pushes a signal frame (`frame.rs`: placement, `fpstate.rs`: FPU state, `layout.rs`: siginfo),
//! and `restart.rs` decides whether an interrupted call is restarted. `mask.rs` blocks signals,
//! `alternate.rs` has the alternate stack, `exception.rs` the signals of exceptions.
//!
//! Left out of Linux: core files; SIGIO is sent for no file.

use super::task::Member;
use super::{Process, current};
use crate::abi::signal::{
    DEFAULT, DUMPING, IGNORE, IGNORED_BY_DEFAULT, NSIG, SIGCHLD, STOPPING, SigInfo, bit,
};
use crate::process::status::{ExitStatus, News, StopState};

pub mod account;
pub mod alternate;
mod context32;
pub mod deliver;
pub mod exception;
pub mod fpstate;
pub mod frame;
pub mod frame32;
pub mod frame64;
pub mod fsave;
mod info;
pub mod layout;
pub mod mask;
mod queue;
pub mod restart;
mod send;

use alternate::AlternateStack;

pub use queue::Pending;
pub use send::{
    end, force, forget, inherit_sent, interrupt, kill, kill_thread, send_group, send_member,
    send_process, send_self, send_task,
};

/// In [`Action::flags`]: the handler was set by a 32-bit call and gets a 32-bit frame. An internal
/// bit of Linux, which programs can't set.
pub const SA_IA32_ABI: u64 = 0x0200_0000;

/// Action of a signal (struct sigaction of either width).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Action {
    /// [`DEFAULT`], [`IGNORE`], or the handler's address.
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

/// Signal state of a thread; bit `n - 1` of a mask is signal `n`.
#[derive(Debug, Default)]
pub struct TaskSignals {
    /// Blocked signals (the mask).
    pub blocked: u64,
    /// The mask to restore after the present call (sigsuspend(2), ppoll(2)).
    pub saved: Option<u64>,
    /// Signals that rt_sigtimedwait(2) unblocks while it waits, which must not be discarded as
    /// ignored (real_blocked).
    pub awaited: u64,
    /// Signals pending for this thread.
    pub pending: Pending,
    /// Signals forced by an exception of this thread, which also kill init.
    pub forced: u64,
    /// The thread must join the group stop of its process (JOBCTL_STOP_PENDING).
    pub stop_pending: bool,
    /// The thread must end with this status: it was killed, or its process ends or calls execve(2)
    /// in another thread.
    pub must_exit: Option<ExitStatus>,
    /// Alternate stack.
    pub alternate: AlternateStack,
    /// The thread's last exception, for signal frames.
    pub trap: frame::Trap,
    /// While the thread creates a task: the signals sent to its process as one of several
    /// ([`send_member`]), which a child gets too.
    pub sent_during_clone: Option<u64>,
    /// Continuation of an interrupted call, for restart_syscall(2).
    pub restart: Option<restart::Restart>,
}

/// Signal state shared by the threads of a process.
#[derive(Debug, Default)]
pub struct SharedSignals {
    /// Signals pending for the process.
    pub pending: Pending,
    /// Progress of a group stop.
    pub stop: StopState,
    /// Change of state not yet reported to the parent by wait4(2).
    pub news: Option<News>,
}

/// Signals pending for the running task or its process, blocked ones included.
pub fn pending() -> u64 {
    let task = current();
    let own = task.signals.lock().pending.set();
    own | task.process.signals.lock().pending.set()
}

/// Dequeues a pending signal that is in `mask`, blocked or not.
pub fn take_pending(mask: u64) -> Option<SigInfo> {
    let task = current();
    let own = task.signals.lock().pending.pop(mask);
    let mut taken = own.or_else(|| task.process.signals.lock().pending.pop(mask))?;
    task.process.timers.signal_taken(&mut taken);
    Some(taken)
}

/// The signals of `set` that would end the process of `task` at once if sent and not blocked
/// (sig_fatal in kernel/signal.c, without those that dump core). None for a traced task: its tracer
/// sees signals first.
pub fn fatal(task: &Member, set: u64) -> u64 {
    let set = set & !(IGNORED_BY_DEFAULT | STOPPING | DUMPING);
    if set == 0 || task.tracing.lock().is_some() {
        return 0;
    }
    let actions = task.process.actions();
    let actions = actions.lock();
    (1..=NSIG)
        .filter(|signal| actions.get(*signal).handler == DEFAULT)
        .fold(0, |mask, signal| mask | bit(signal))
        & set
}

/// Whether the running task must exit.
pub fn is_dying() -> bool {
    current().signals.lock().must_exit.is_some()
}

/// Whether a fatal signal is pending for `task`: its exit is decided, or a pending signal
/// terminates by default. As in complete_signal (kernel/signal.c), signals that dump core don't
/// count: they take effect at delivery.
pub fn is_ending(task: &Member) -> bool {
    let waiting = {
        let own = task.signals.lock();
        if own.must_exit.is_some() {
            return true;
        }
        let shared = task.process.signals.lock();
        (own.pending.set() | shared.pending.set()) & !own.blocked
    };
    !task.process.is_init() && fatal(task, waiting) != 0
}

/// Whether children of `parent` are reaped without a wait: it ignores SIGCHLD or has set
/// SA_NOCLDWAIT.
pub fn ignores_children(parent: &Process) -> bool {
    const SA_NOCLDWAIT: u64 = 2;
    let action = parent.actions().lock().get(SIGCHLD);
    action.handler == IGNORE || action.flags & SA_NOCLDWAIT != 0
}
