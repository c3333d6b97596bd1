//! Priority-inheriting futexes, which contain their owner's thread ID (PTHREAD_PRIO_INHERIT
//! mutexes; kernel/futex/pi.c). No priority is inherited here.
//!
//! A thread locks a free word in user mode by writing its ID. A thread that finds the word locked
//! calls the kernel, which sets FUTEX_WAITERS: then the owner has to unlock by a call too, which
//! passes the word to the thread that has waited longest. The word is never free while a thread
//! waits.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::sync::{Mutex, rank};
use linux_raw_sys::general::{FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS};

use super::Key;
use super::waiter::{Deadline, Fate, FutexWaiter, WaitKind, Word, next_waiter, sleep};
use crate::abi::errno::Errno;
use crate::process::{Task, current, table};
use crate::sched::run_queue;
use crate::sched::thread::ThreadState;
use crate::vm::fault::Access;

/// Thread IDs of the owners of all words that have waiters, by key.
static OWNERS: Mutex<BTreeMap<Key, u32>, rank::FutexOwners> = Mutex::new(BTreeMap::new());

/// Result of [`acquire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The word was free.
    Yes,
    /// The word is owned by this thread, and FUTEX_WAITERS is set.
    By(u32),
}

/// Acquires a free word for `task`, or sets FUTEX_WAITERS in an owned one. With `mark`
/// FUTEX_WAITERS is set in a free one too.
///
/// # Errors
/// `EDEADLK` if the task owns the word; `ESRCH` if its owner is not a live thread; `EPERM` if the
/// owner of a private word is in another process; `EINVAL` if the word contradicts the kernel's
/// record of it; `EFAULT`.
pub(super) fn acquire(word: Word, key: &Key, task: &Task, mark: bool) -> Result<Taken, Errno> {
    word.make_writable()?;
    let value = word.at.read()?;
    let owner = value & FUTEX_TID_MASK;
    if owner == task.tid() {
        return Err(Errno::EDEADLK);
    }
    if let Some(first) = next_waiter(key, 0) {
        let known = OWNERS.lock().get(key).copied();
        if !matches!(first.kind(), WaitKind::Pi(_)) || known != Some(owner) {
            return Err(Errno::EINVAL);
        }
        return Ok(Taken::By(owner));
    }
    if owner == 0 {
        let waiters = if mark { FUTEX_WAITERS } else { 0 };
        word.at
            .write(value & FUTEX_OWNER_DIED | task.tid() | waiters)?;
        return Ok(Taken::Yes);
    }
    // Before the checks: the owner now has to unlock by a call.
    word.at.write(value | FUTEX_WAITERS)?;
    let holder = table::find(owner)
        .filter(|holder| holder.state() != ThreadState::Dead)
        .ok_or(Errno::ESRCH)?;
    let is_here = match (holder.mm(), task.mm()) {
        (Some(theirs), Some(ours)) => Arc::ptr_eq(&theirs, &ours),
        _ => false,
    };
    if word.shared || is_here {
        Ok(Taken::By(owner))
    } else {
        Err(Errno::EPERM)
    }
}

/// Records the owner of a word that has waiters.
pub(super) fn set_owner(key: &Key, tid: u32) {
    OWNERS.lock().insert(key.clone(), tid);
}

/// FUTEX_LOCK_PI: acquires the word. FUTEX_TRYLOCK_PI (`try_only`) doesn't wait.
///
/// # Errors
/// Those of [`acquire`]; `EAGAIN` if the word is owned and `try_only`; `ETIMEDOUT`, `EINTR`.
pub fn lock_pi(word: Word, deadline: Deadline, try_only: bool) -> Result<(), Errno> {
    let key = word.key(Access::Write)?;
    let owner = match acquire(word, &key, &current(), false)? {
        Taken::Yes => return Ok(()),
        Taken::By(_) if try_only => return Err(Errno::EAGAIN),
        Taken::By(owner) => owner,
    };
    set_owner(&key, owner);
    let waiter = FutexWaiter::enqueue(key.clone(), WaitKind::Pi(word.at.address()), None);
    await_ownership(&waiter, &key, deadline)
}

/// Sleeps until the ownership of the word is passed to the waiter.
pub(super) fn await_ownership(
    waiter: &Arc<FutexWaiter>,
    key: &Key,
    deadline: Deadline,
) -> Result<(), Errno> {
    let result = sleep(deadline, || waiter.fate() == Fate::Owner);
    if result.is_err() {
        waiter.dequeue(Fate::Waiting);
        if next_waiter(key, 0).is_none() {
            OWNERS.lock().remove(key);
        }
    }
    result
}

/// Makes `heir` the owner in the kernel's record; returns the new value of the word, which the
/// caller writes.
fn pass_ownership(key: &Key, heir: &FutexWaiter) -> u32 {
    let tid = heir.task.tid();
    heir.dequeue(Fate::Owner);
    if next_waiter(key, 0).is_some() {
        set_owner(key, tid);
    } else {
        OWNERS.lock().remove(key);
    }
    tid | FUTEX_WAITERS
}

/// FUTEX_UNLOCK_PI: passes the word to the thread that has waited longest, or frees it.
///
/// # Errors
/// `EPERM` if the caller doesn't own the word; `EINVAL` if a thread waits for the word by another
/// operation; `EFAULT`.
pub fn unlock_pi(word: Word) -> Result<(), Errno> {
    let me = current().tid();
    if word.at.read()? & FUTEX_TID_MASK != me {
        return Err(Errno::EPERM);
    }
    let key = word.key(Access::Write)?;
    word.make_writable()?;
    let Some(heir) = next_waiter(&key, 0) else {
        return word.at.write(0);
    };
    let known = OWNERS.lock().get(&key).copied();
    if !matches!(heir.kind(), WaitKind::Pi(_)) || known != Some(me) {
        return Err(Errno::EINVAL);
    }
    let value = pass_ownership(&key, &heir);
    word.at.write(value)?;
    run_queue::wake(&heir.task);
    Ok(())
}

/// Passes all words that the ending thread `tid` owns to their next waiters, with FUTEX_OWNER_DIED
/// (exit_pi_state_list).
pub fn owner_died(tid: u32) {
    loop {
        let owners = OWNERS.lock();
        let Some(key) = owners
            .iter()
            .find(|(_, owner)| **owner == tid)
            .map(|(key, _)| key.clone())
        else {
            return;
        };
        drop(owners);
        let Some(heir) = next_waiter(&key, 0) else {
            OWNERS.lock().remove(&key);
            continue;
        };
        let value = pass_ownership(&key, &heir) | FUTEX_OWNER_DIED;
        // Written to the heir's memory: the word may not be mapped here any more. If it isn't
        // mapped there either, no thread can see the ownership.
        if let WaitKind::Pi(address) = heir.kind()
            && let Some(mm) = heir.task.mm()
        {
            let _ = mm.lock().store(address, &value.to_ne_bytes());
        }
        run_queue::wake(&heir.task);
    }
}
