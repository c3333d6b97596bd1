//! Allocation of IDs, and lookup of tasks by thread ID and of processes by process ID, group and
//! session.

use alloc::collections::{BTreeMap, btree_map};
use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering;

use crate::sync::{Mutex, rank};

use super::pid::Pid;
use super::{Process, Task, current};
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::sched::thread::ThreadState;

/// Highest ID (PID_MAX_DEFAULT).
pub const PID_MAX: u32 = 32768;

static TASKS: Mutex<Tasks, rank::TaskTable> = Mutex::new(Tasks {
    by_tid: BTreeMap::new(),
    groups: Members::new(),
    sessions: Members::new(),
    last: 0,
    reserved: 0,
});

/// All processes by (group or session, process ID).
type Members = BTreeMap<(u32, u32), Weak<Process>>;

struct Tasks {
    by_tid: BTreeMap<u32, IdEntry>,
    groups: Members,
    sessions: Members,
    /// The ID allocated last.
    last: u32,
    /// Number of IDs allocated since boot.
    reserved: u64,
}

/// Thread and process of an ID; both empty while the ID is only reserved.
#[derive(Default)]
pub(super) struct IdEntry {
    /// Number of IDs allocated so far, this one included.
    serial: u64,
    /// The thread, while it lives.
    pub task: Weak<Task>,
    /// The process, until it is reaped.
    pub process: Weak<Process>,
}

impl Tasks {
    /// Whether an ID is unused. A group or a session keeps its leader's ID in use after the leader
    /// has ended.
    fn is_free(&self, id: u32) -> bool {
        !self.by_tid.contains_key(&id)
            && members(&self.groups, id, 0).next().is_none()
            && members(&self.sessions, id, 0).next().is_none()
    }

    fn reserve(&mut self, id: u32) {
        self.reserved += 1;
        let entry = IdEntry {
            serial: self.reserved,
            ..IdEntry::default()
        };
        self.by_tid.insert(id, entry);
    }

    fn insert_ids(&mut self, process: &Process, this: &Weak<Process>) {
        let (group, session) = (process.group(), process.session());
        self.groups.insert((group, process.pid), this.clone());
        self.sessions.insert((session, process.pid), this.clone());
    }

    /// Returns the reference to the process that was entered.
    fn remove_ids(&mut self, process: &Process) -> Weak<Process> {
        let this = self.groups.remove(&(process.group(), process.pid));
        self.sessions.remove(&(process.session(), process.pid));
        this.unwrap_or_default()
    }
}

/// The processes of group or session `id` with an ID from `from` on.
fn members(of: &Members, id: u32, from: u32) -> btree_map::Range<'_, (u32, u32), Weak<Process>> {
    of.range((id, from)..=(id, u32::MAX))
}

/// Allocates an ID: the next free one after the last allocated, starting again from 2 at the end
/// (alloc_pid in kernel/pid.c).
///
/// # Errors
/// `EAGAIN` when all are taken.
pub fn reserve() -> Result<u32, Errno> {
    let mut tasks = TASKS.lock();
    for _ in 1..PID_MAX {
        tasks.last = if tasks.last + 1 >= PID_MAX {
            2
        } else {
            tasks.last + 1
        };
        let tid = tasks.last;
        if tasks.is_free(tid) {
            tasks.reserve(tid);
            return Ok(tid);
        }
    }
    Err(Errno::EAGAIN)
}

/// The ID allocated last, and the number of IDs allocated since boot.
pub fn reserved() -> (u32, u64) {
    let tasks = TASKS.lock();
    (tasks.last, tasks.reserved)
}

/// Allocates the ID `tid` (clone3(2)'s set_tid).
///
/// # Errors
/// `EEXIST` if it is taken.
pub fn reserve_this(tid: u32) -> Result<u32, Errno> {
    let mut tasks = TASKS.lock();
    if !tasks.is_free(tid) {
        return Err(Errno::EEXIST);
    }
    tasks.reserve(tid);
    Ok(tid)
}

/// Adds a task under its allocated ID; for a thread group leader, also the process with its group
/// and session.
pub fn enter(task: &Arc<Task>) {
    let mut tasks = TASKS.lock();
    let process = if task.tid() == task.process.pid {
        let this = Arc::downgrade(&task.process);
        tasks.insert_ids(&task.process, &this);
        this
    } else {
        Weak::new()
    };
    let entry = tasks.by_tid.entry(task.tid()).or_default();
    entry.task = Arc::downgrade(task);
    entry.process = process;
}

/// Frees an ID, which then refers to no process or thread.
pub fn forget(tid: u32) {
    let mut tasks = TASKS.lock();
    let Some(entry) = tasks.by_tid.remove(&tid) else {
        return;
    };
    let process = entry.process.upgrade();
    if let Some(process) = &process {
        tasks.remove_ids(process);
    }
    // `process` may be the last reference: its drop takes other locks.
    drop(tasks);
}

/// Moves a process to another group and session.
pub fn move_to(process: &Process, group: u32, session: u32) {
    let mut tasks = TASKS.lock();
    let this = tasks.remove_ids(process);
    process.set_group_and_session(group, session);
    tasks.insert_ids(process, &this);
}

/// Iterates by calling `find` with the lowest ID to consider. Each item is a separate lookup, so
/// that the iteration allocates nothing and holds no lock between two items.
fn walk<T>(mut find: impl FnMut(&Tasks, u32) -> Option<(u32, T)>) -> impl Iterator<Item = T> {
    let mut from = 0;
    core::iter::from_fn(move || {
        let (id, found) = find(&TASKS.lock(), from)?;
        from = id + 1;
        Some(found)
    })
}

/// The processes of group or session `id`, by process ID. Some are looked up at a time, so that the
/// iteration allocates nothing and holds no lock between two items; `is_member` tells those that
/// have left meanwhile.
fn members_of(
    set: fn(&Tasks) -> &Members,
    id: u32,
    is_member: fn(&Process, u32) -> bool,
) -> impl Iterator<Item = Arc<Process>> {
    /// Processes looked up at a time, after the first one: often no other is needed.
    const AT_ONCE: usize = 16;
    let mut found: [Option<Arc<Process>>; AT_ONCE] = Default::default();
    let (mut size, mut next) = (1, AT_ONCE);
    let mut from = Some(0);
    core::iter::from_fn(move || {
        loop {
            while let Some(slot) = found.get_mut(next) {
                next += 1;
                let process = slot.take();
                if let Some(process) = process.filter(|process| is_member(process, id)) {
                    return Some(process);
                }
            }
            let start = from.take()?;
            let tasks = TASKS.lock();
            let mut slots = found[..size].iter_mut();
            for ((_, pid), process) in members(set(&tasks), id, start) {
                let Some(slot) = slots.next() else {
                    from = Some(*pid);
                    break;
                };
                *slot = process.upgrade();
            }
            (size, next) = (AT_ONCE, 0);
        }
    })
}

/// The processes of a group, zombies included, by process ID.
pub fn group_members(group: u32) -> impl Iterator<Item = Arc<Process>> {
    members_of(
        |tasks| &tasks.groups,
        group,
        |process, group| process.group() == group,
    )
}

/// The processes of a session, zombies included, by process ID.
pub fn session_members(session: u32) -> impl Iterator<Item = Arc<Process>> {
    members_of(
        |tasks| &tasks.sessions,
        session,
        |process, session| process.session() == session,
    )
}

/// The task with this ID, if it lives.
pub fn find(tid: u32) -> Option<Arc<Task>> {
    TASKS.lock().by_tid.get(&tid)?.task.upgrade()
}

/// All tasks, by thread ID.
pub fn all() -> impl Iterator<Item = Arc<Task>> {
    walk(|tasks, from| {
        let mut entries = tasks.by_tid.range(from..);
        entries.find_map(|(id, entry)| Some((*id, entry.task.upgrade()?)))
    })
}

/// Number of tasks that haven't ended.
pub fn count() -> usize {
    let tasks = TASKS.lock();
    let live = |entry: &&IdEntry| {
        // Never the last reference: the holder of another one doesn't run now.
        let task = entry.task.upgrade();
        task.is_some_and(|task| task.state() != ThreadState::Dead)
    };
    tasks.by_tid.values().filter(live).count()
}

/// The process with this ID; a zombie is found until it is reaped.
pub fn find_process(pid: u32) -> Option<Arc<Process>> {
    TASKS.lock().by_tid.get(&pid)?.process.upgrade()
}

/// The new parent of the children of `process`, which ends: the nearest subreaper among its
/// ancestors (PR_SET_CHILD_SUBREAPER), else init (find_new_reaper in kernel/exit.c).
pub fn reaper_of(process: &Process) -> Option<Arc<Process>> {
    let mut next = process.parent.lock().upgrade();
    while let Some(ancestor) = next {
        if ancestor.is_subreaper.load(Ordering::Relaxed) && ancestor.has_threads() {
            return Some(ancestor);
        }
        next = ancestor.parent.lock().upgrade();
    }
    find_process(Process::INIT)
}

/// Reference to the process or thread that has this ID now.
pub fn pid(id: u32) -> Option<Pid> {
    let tasks = TASKS.lock();
    let serial = tasks.by_tid.get(&id)?.serial;
    Some(Pid { number: id, serial })
}

/// Calls `f` with the table entry of an ID, unless the process or thread it referred to is gone.
pub(super) fn with_entry<T>(pid: Pid, f: impl FnOnce(&IdEntry) -> T) -> Option<T> {
    let tasks = TASKS.lock();
    let entry = tasks.by_tid.get(&pid.number);
    entry.filter(|entry| entry.serial == pid.serial).map(f)
}

/// Whether an ID is in use by a thread, a process (zombies included), a group or a session.
pub fn is_used(id: u32) -> bool {
    !TASKS.lock().is_free(id)
}

/// The process with a thread of this ID (find_task_by_vpid in kernel/pid.c), a zombie by its
/// process ID; 0 is the running process.
///
/// # Errors
/// `ESRCH`.
pub fn named(id: i32) -> Result<Arc<Process>, Errno> {
    match u32::try_from(id).map_err(|_| Errno::ESRCH)? {
        0 => Ok(current().process.clone()),
        id => {
            let of_thread = || find(id).map(|task| task.process.clone());
            find_process(id).or_else(of_thread).ok_or(Errno::ESRCH)
        }
    }
}

/// The credentials of a thread, or of a zombie.
///
/// # Errors
/// `ESRCH`.
pub fn credentials(id: u32) -> Result<Arc<Credentials>, Errno> {
    let of_process = || find_process(id).map(|process| process.cred());
    let of_thread = find(id).map(|task| task.cred());
    of_thread.or_else(of_process).ok_or(Errno::ESRCH)
}

/// The process with the lowest ID from `from` on, zombies included.
pub fn next_process(from: u32) -> Option<Pid> {
    let tasks = TASKS.lock();
    let mut rest = tasks.by_tid.range(from..);
    let (id, entry) = rest.find(|(_, entry)| entry.process.strong_count() > 0)?;
    Some(Pid {
        number: *id,
        serial: entry.serial,
    })
}

/// All processes, zombies included, by ID.
pub fn all_processes() -> impl Iterator<Item = Arc<Process>> {
    walk(|tasks, from| {
        let mut entries = tasks.by_tid.range(from..);
        entries.find_map(|(id, entry)| Some((*id, entry.process.upgrade()?)))
    })
}
