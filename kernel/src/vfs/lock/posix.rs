//! Record locks of fcntl(2): set, waited for, asked about.
//!
//! A wait that could never end, because the holders wait for one another, is refused with `EDEADLK`
//! (processes' locks only, as in Linux: an open file doesn't wait, a thread does).

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::sync::{Mutex, rank};

use super::record::{self, Record};
use super::{Held, Owner, Range, tidy, with};
use crate::abi::errno::Errno;
use crate::mm::fallible::TryPush as _;
use crate::mm::frame;
use crate::process::current;
use crate::sched::wait::is_interrupted;
use crate::vfs::inode::Inode;

/// A lock that somebody wants.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What it covers.
    pub range: Range,
    /// For writing.
    pub exclusive: bool,
    /// Whose it will be.
    pub owner: Owner,
    /// The process that asks.
    pub pid: u32,
}

impl Wanted {
    fn record(&self) -> Record {
        Record {
            range: self.range,
            exclusive: self.exclusive,
            owner: self.owner,
            pid: self.pid,
        }
    }
}

/// A thread, the owner it waits for a lock as, and the one that holds it.
type Wait = (u32, Owner, Owner);

/// Who waits for whom.
static WAITING: Mutex<Vec<Wait>, rank::LockWaiters> = Mutex::new(Vec::new());

/// Longest chain of waits that is looked along (MAX_DEADLK_ITERATIONS).
const CHAIN_MAX: usize = 10;

/// Whether `holder` waits, through any number of others, for `waiter`.
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

/// The lock that stands in the way of `wanted`, if one does (F_GETLK).
pub fn conflict(inode: &Arc<dyn Inode>, wanted: &Wanted) -> Option<Held> {
    let found = with(inode, |locks| {
        record::conflict(&locks.records, &wanted.record())
    });
    tidy(inode);
    found.map(|record| record.held())
}

/// Takes the owner's locks off `range`.
///
/// # Errors
/// `ENOLCK` without memory, where a lock is cut in two.
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

/// Locks; with `wait`, once nobody else's lock is in the way.
///
/// # Errors
/// `EAGAIN` instead of waiting, `EDEADLK`, `ENOLCK` without memory, `ERESTARTSYS`.
pub fn lock(inode: &Arc<dyn Inode>, wanted: &Wanted, wait: bool) -> Result<(), Errno> {
    if frame::is_low() {
        return Err(Errno::ENOLCK);
    }
    let tid = current().tid();
    let queue = with(inode, |locks| locks.changed.clone());
    let result = queue.wait_for(|| {
        WAITING.lock().retain(|(thread, ..)| *thread != tid);
        let blocker = with(inode, |locks| {
            let blocker = record::conflict(&locks.records, &wanted.record());
            if blocker.is_some() {
                return Ok(blocker);
            }
            record::lock(&mut locks.records, wanted.record())?;
            // A lock for writing that became one for reading lets others in.
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
            if would_deadlock(wanted.owner, blocker.owner) {
                return Some(Err(Errno::EDEADLK));
            }
            let wait = (tid, wanted.owner, blocker.owner);
            if WAITING.lock().try_push(wait).is_err() {
                return Some(Err(Errno::ENOLCK));
            }
        }
        is_interrupted().then_some(Err(Errno::ERESTARTSYS))
    });
    WAITING.lock().retain(|(thread, ..)| *thread != tid);
    drop(queue);
    tidy(inode);
    result
}
