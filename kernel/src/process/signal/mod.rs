//! Signals: numbers, actions, and the signal state of threads and processes (kernel/signal.c).
//!
//! The way of a signal: `send.rs` checks whether it is ignored, `queue.rs` queues it with its
//! information (`info.rs`) within RLIMIT_SIGPENDING (`account.rs`), and a work bit makes the thread
//! call `deliver.rs` before its return to user mode. For a handler, `frame64.rs` or `frame32.rs`
//! pushes a signal frame (`frame.rs`: placement, `fpstate.rs`: FPU state, `layout.rs`: siginfo),
//! and `restart.rs` decides whether an interrupted call is restarted. `mask.rs` blocks signals,
//! `alternate.rs` has the alternate stack, `exception.rs` the signals of exceptions.
//!
//! Left out of Linux: core files; SIGIO is sent for no file.

use super::exit::ExitStatus;
use super::task::Member;
use super::{Process, current, init, stop};
use crate::abi::errno::Errno;

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

pub use info::{Fields, SigInfo};
pub use queue::Pending;
pub use send::{
    end, force, forget, inherit_sent, interrupt, kill, kill_thread, send_group, send_member,
    send_process, send_self, send_task,
};

/// Number of signals; they count from 1.
pub const COUNT: u8 = 64;

// All signals of signal(7), also those that the kernel doesn't name elsewhere.
#[allow(missing_docs, dead_code)]
mod numbers {
    pub const SIGHUP: u8 = 1;
    pub const SIGINT: u8 = 2;
    pub const SIGQUIT: u8 = 3;
    pub const SIGILL: u8 = 4;
    pub const SIGTRAP: u8 = 5;
    pub const SIGABRT: u8 = 6;
    pub const SIGBUS: u8 = 7;
    pub const SIGFPE: u8 = 8;
    pub const SIGKILL: u8 = 9;
    pub const SIGUSR1: u8 = 10;
    pub const SIGSEGV: u8 = 11;
    pub const SIGUSR2: u8 = 12;
    pub const SIGPIPE: u8 = 13;
    pub const SIGALRM: u8 = 14;
    pub const SIGTERM: u8 = 15;
    pub const SIGSTKFLT: u8 = 16;
    pub const SIGCHLD: u8 = 17;
    pub const SIGCONT: u8 = 18;
    pub const SIGSTOP: u8 = 19;
    pub const SIGTSTP: u8 = 20;
    pub const SIGTTIN: u8 = 21;
    pub const SIGTTOU: u8 = 22;
    pub const SIGURG: u8 = 23;
    pub const SIGXCPU: u8 = 24;
    pub const SIGXFSZ: u8 = 25;
    pub const SIGVTALRM: u8 = 26;
    pub const SIGPROF: u8 = 27;
    pub const SIGWINCH: u8 = 28;
    pub const SIGIO: u8 = 29;
    pub const SIGPWR: u8 = 30;
    pub const SIGSYS: u8 = 31;
}
pub use numbers::*;

/// `SIG_DFL`.
pub const DEFAULT: u64 = 0;
/// `SIG_IGN`.
pub const IGNORE: u64 = 1;

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

    /// Sets the action of `signal` (1 to [`COUNT`]).
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
    pub stop: stop::StopState,
    /// Change of state not yet reported to the parent by wait4(2).
    pub news: Option<stop::News>,
}

/// The bit of a signal in a mask.
pub const fn bit(signal: u8) -> u64 {
    1 << (signal - 1)
}

/// Signals whose default action is to be ignored.
pub const IGNORED_BY_DEFAULT: u64 = bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH);
/// Signals whose default action is to stop.
pub const STOPPING: u64 = bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);
/// Signals whose default action is to dump core (SIG_KERNEL_COREDUMP_MASK).
pub const DUMPING: u64 = SYNCHRONOUS | bit(SIGQUIT) | bit(SIGABRT) | bit(SIGXCPU) | bit(SIGXFSZ);

/// Signals raised by instructions, delivered before others (SYNCHRONOUS_MASK).
pub const SYNCHRONOUS: u64 =
    bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGFPE) | bit(SIGSYS);
/// Signals that can be neither blocked nor handled.
pub const UNBLOCKABLE: u64 = bit(SIGKILL) | bit(SIGSTOP);

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
    (1..=COUNT)
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
    task.process.pid != init::PID && fatal(task, waiting) != 0
}

/// Whether children of `parent` are reaped without a wait: it ignores SIGCHLD or has set
/// SA_NOCLDWAIT.
pub fn ignores_children(parent: &Process) -> bool {
    const SA_NOCLDWAIT: u64 = 2;
    let action = parent.actions().lock().get(SIGCHLD);
    action.handler == IGNORE || action.flags & SA_NOCLDWAIT != 0
}

/// Checks a signal number from a program, 0 (a test of the target's existence) to [`COUNT`].
///
/// # Errors
/// `EINVAL` for any other.
pub fn check_number(signal: i32) -> Result<u8, Errno> {
    u8::try_from(signal)
        .ok()
        .filter(|s| *s <= COUNT)
        .ok_or(Errno::EINVAL)
}
