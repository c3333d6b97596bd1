//! What is pending for a thread: dequeued by a waiting call, or about to end the thread.

use crate::abi::signal::{DEFAULT, DUMPING, IGNORED_BY_DEFAULT, NSIG, STOPPING, SigInfo, bit};
use crate::process::task::{Member, current};

/// Signals pending for the running task or its process, blocked ones included.
pub fn pending() -> u64 {
    let task = current();
    let own = task.signals.lock().pending.set();
    own | task.process.pending_signals()
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
