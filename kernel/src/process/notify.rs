//! Notification of a parent or tracer of changes of state, by SIGCHLD (do_notify_parent in
//! kernel/signal.c). `children.rs` reports the changes to wait4(2).

use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering;

use super::status::{Event, ExitStatus};
use super::{Process, rusage, signal, table};
use crate::abi::signal::{IGNORE, SIGCHLD, SigInfo};

/// Notifies a parent or a tracer that a child stopped or was continued: sends SIGCHLD, unless
/// ignored or suppressed by SA_NOCLDSTOP, and wakes its waits (do_notify_parent_cldstop).
pub fn tell_change(parent: &Arc<Process>, info: &SigInfo) {
    const SA_NOCLDSTOP: u64 = 1;
    let action = parent.actions().lock().get(SIGCHLD);
    if action.handler != IGNORE && action.flags & SA_NOCLDSTOP == 0 {
        let _ = signal::send_process(parent, info);
    }
    parent.child_changed.wake_all();
}

/// Notifies the parent that `process` has ended (do_notify_parent): sends the exit signal and wakes
/// its waits. Reaps the process if the parent ignores SIGCHLD.
pub fn tell_parent(process: &Arc<Process>, status: ExitStatus) {
    process.exit.hold_back(false);
    let Some(parent) = process.parent.lock().upgrade() else {
        return;
    };
    let signo = process.exit_signal.load(Ordering::Relaxed);
    let (code, status) = Event::Ended(status).code_and_status();
    let is_ignored = signo == SIGCHLD && ignores_children(&parent);
    let handler = parent.actions().lock().get(SIGCHLD).handler;
    if signo != 0 && (signo != SIGCHLD || handler != IGNORE) {
        let info = SigInfo {
            signo,
            ..SigInfo::child(process, code, status)
        };
        // A standard signal never fails for lack of memory.
        let _ = signal::send_process(&parent, &info);
    }
    if is_ignored {
        parent.children.lock().remove(&process.pid);
        reap(&parent, process);
    }
    parent.child_changed.wake_all();
}

/// Whether children of `parent` are reaped without a wait: it ignores SIGCHLD or has set
/// SA_NOCLDWAIT.
fn ignores_children(parent: &Process) -> bool {
    const SA_NOCLDWAIT: u64 = 2;
    let action = parent.actions().lock().get(SIGCHLD);
    action.handler == IGNORE || action.flags & SA_NOCLDWAIT != 0
}

/// Reaps a child: frees its ID and adds its resource usage to the parent's.
pub(super) fn reap(parent: &Process, child: &Process) {
    let used = rusage::of_process(child).with(child.usage.children());
    parent.usage.add_child(used);
    child.parent.set(Weak::new());
    table::forget(child.pid);
}
