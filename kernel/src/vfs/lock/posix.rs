//! Record locks of fcntl(2): set, wait and query.
//!
//! A wait that would close a cycle of waiting owners fails with `EDEADLK`; as on Linux, only for
//! locks owned by processes, as an open file description doesn't wait.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::sync::{Mutex, rank};

use super::record::{self, Record};
use super::{Held, Owner, Range, tidy, with};
use crate::abi::errno::Errno;
use crate::mm::fallible::TryPush as _;
use crate::mm::frame;
use crate::sched::wait::{Ticket, is_interrupted};
use crate::vfs::inode::Inode;

/// A requested lock.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The range to lock.
    pub range: Range,
    /// Whether it is a write lock.
    pub exclusive: bool,
    /// The owner of the lock.
    pub owner: Owner,
    /// The requesting process.
    pub pid: u32,
}

impl Wanted {
    fn record(&self) -> Record {
        Record {
            range: self.range,
            exclusive: self.exclusive,
            pid: self.pid,
        }
    }
}

/// A wait, the owner of the lock it requests, and the owner of the lock in conflict.
type Wait = (Ticket, Owner, Owner);

/// The waits for locks owned by processes.
static WAITING: Mutex<Vec<Wait>, rank::LockWaiters> = Mutex::new(Vec::new());

/// Longest chain of waits searched (MAX_DEADLK_ITERATIONS).
const CHAIN_MAX: usize = 10;

/// Whether `holder` waits for `waiter`, directly or through a chain of owners.
fn would_deadlock(waiter: Owner, mut holder: Owner) -> bool {
    let waiting = WAITING.lock();
    for _ in 0..CHAIN_MAX {
        let Some((_, _, next)) = waiting.iter().find(|(_, who, _)| *who == holder) else {
            return false;
        };
        holder = *next;
        if holder == waiter {
            return true;
        }
    }
    false
}

/// The first lock that conflicts with `wanted`, if any (F_GETLK).
pub fn conflict(inode: &Arc<dyn Inode>, wanted: &Wanted) -> Option<Held> {
    let found = with(inode, |locks| {
        record::conflict(&locks.records, wanted.owner, &wanted.record())
    });
    tidy(inode);
    found.map(|(_, held)| held)
}

/// Releases the locks of `owner` within `range`.
///
/// # Errors
/// `ENOLCK` without memory to split a lock.
pub fn unlock(inode: &Arc<dyn Inode>, range: Range, owner: Owner) -> Result<(), Errno> {
    let result = with(inode, |locks| {
        let result = record::unlock(&mut locks.records, range, owner);
        if result == Ok(true) {
            locks.changed.wake_all();
        }
        result
    });
    tidy(inode);
    result.map(|_| ())
}

/// Acquires a lock; with `wait`, waits until no other owner's lock conflicts.
///
/// # Errors
/// `EAGAIN` instead of waiting, `EDEADLK`, `ENOLCK` without memory, `ERESTARTSYS`.
pub fn lock(inode: &Arc<dyn Inode>, wanted: &Wanted, wait: bool) -> Result<(), Errno> {
    if frame::is_low() {
        return Err(Errno::ENOLCK);
    }
    let ticket = Ticket::new();
    let queue = with(inode, |locks| locks.changed.clone());
    let result = queue.wait_for(|| {
        WAITING.lock().retain(|(wait, ..)| *wait != ticket);
        let blocker = with(inode, |locks| {
            let blocker = record::conflict(&locks.records, wanted.owner, &wanted.record());
            if let Some((blocker, _)) = blocker {
                return Ok(Some(blocker));
            }
            record::lock(&mut locks.records, wanted.owner, wanted.record())?;
            // Turning a write lock into a read lock lets other readers in.
            locks.changed.wake_all();
            Ok(None)
        });
        let blocker = match blocker {
            Ok(Some(blocker)) => blocker,
            done => return Some(done.map(|_| ())),
        };
        if !wait {
            return Some(Err(Errno::EAGAIN));
        }
        if matches!(wanted.owner, Owner::Table(_)) {
            if would_deadlock(wanted.owner, blocker) {
                return Some(Err(Errno::EDEADLK));
            }
            let wait = (ticket, wanted.owner, blocker);
            if WAITING.lock().try_push(wait).is_err() {
                return Some(Err(Errno::ENOLCK));
            }
        }
        is_interrupted().then_some(Err(Errno::ERESTARTSYS))
    });
    WAITING.lock().retain(|(wait, ..)| *wait != ticket);
    drop(queue);
    tidy(inode);
    result
}
