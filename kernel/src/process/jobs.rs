//! Process groups as jobs of a session.

use core::sync::atomic::Ordering;

use super::{Process, table};

/// Whether the group of `process` is orphaned: none of its members has a parent in another group
/// of the same session, who could continue it (POSIX, "orphaned process group").
pub fn is_orphaned_group(process: &Process) -> bool {
    let pgid = process.pgid.load(Ordering::Relaxed);
    !table::all_processes().iter().any(|member| {
        member.pgid.load(Ordering::Relaxed) == pgid
            && member.status.lock().is_none()
            && member.parent.lock().upgrade().is_some_and(|parent| {
                parent.pgid.load(Ordering::Relaxed) != pgid
                    && parent.sid.load(Ordering::Relaxed) == member.sid.load(Ordering::Relaxed)
            })
    })
}
