//! Out of memory: the largest process is killed so that the others can go on.

use alloc::sync::Arc;

use super::{Task, current, init, signal, table};
use crate::log;

/// Picks the process with the most pages, init only if there is no other, and kills it. Returns
/// whether that is the running one.
pub fn kill_largest() -> bool {
    let size = |task: &Arc<Task>| task.mm().map_or(0, |mm| mm.lock().page_counts().1);
    let tasks = table::all();
    let killable = tasks.iter().filter(|task| task.process.pid != init::PID);
    let Some(victim) = killable.max_by_key(|task| size(task)) else {
        return true;
    };
    log!(
        "Out of memory: killed process {} ({} pages)",
        victim.process.pid,
        size(victim)
    );
    signal::kill(&victim.process);
    victim.process.pid == current().process.pid
}
