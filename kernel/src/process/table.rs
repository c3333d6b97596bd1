//! All tasks by thread ID.

use alloc::collections::{BTreeMap, btree_map};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use spin::Mutex;

use super::{Process, Task, TaskState};
use crate::syscall::errno::Errno;

/// Highest ID (PID_MAX_DEFAULT).
const PID_MAX: u32 = 32768;

static TASKS: Mutex<Tasks> = Mutex::new(Tasks { by_tid: BTreeMap::new(), last: 0 });

struct Tasks {
    by_tid: BTreeMap<u32, Entry>,
    last: u32,
}

/// A reserved ID, and its task once that is made.
type Entry = Option<Weak<Task>>;

/// Reserves a thread ID: the next one free, round and round as on Linux.
///
/// # Errors
/// `EAGAIN` when all are taken.
pub fn reserve() -> Result<u32, Errno> {
    let mut tasks = TASKS.lock();
    for _ in 1..PID_MAX {
        tasks.last = if tasks.last + 1 >= PID_MAX { 2 } else { tasks.last + 1 };
        let tid = tasks.last;
        if let btree_map::Entry::Vacant(slot) = tasks.by_tid.entry(tid) {
            slot.insert(None);
            return Ok(tid);
        }
    }
    Err(Errno::EAGAIN)
}

/// Enters a task under its ID.
pub fn enter(task: &Arc<Task>) {
    TASKS.lock().by_tid.insert(task.tid, Some(Arc::downgrade(task)));
}

/// Frees an ID.
pub fn forget(tid: u32) {
    TASKS.lock().by_tid.remove(&tid);
}

/// The task with this ID.
pub fn find(tid: u32) -> Option<Arc<Task>> {
    TASKS.lock().by_tid.get(&tid)?.as_ref()?.upgrade()
}

/// All tasks, by ID.
pub fn all() -> Vec<Arc<Task>> {
    TASKS.lock().by_tid.values().filter_map(|entry| entry.as_ref()?.upgrade()).collect()
}

/// How many tasks there are that haven't ended.
pub fn count() -> usize {
    let tasks = TASKS.lock();
    let live = |entry: &&Entry| {
        // Never the last reference: whoever holds another doesn't run now.
        let task = entry.as_ref().and_then(Weak::upgrade);
        task.is_some_and(|task| task.state() != TaskState::Dead)
    };
    tasks.by_tid.values().filter(live).count()
}

/// The process with this ID.
pub fn find_process(pid: u32) -> Option<Arc<Process>> {
    find(pid).map(|task| task.process.clone())
}
