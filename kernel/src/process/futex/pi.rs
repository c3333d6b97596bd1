//! Futexes that hold their owner's thread ID (PTHREAD_PRIO_INHERIT mutexes).
//!
//! A thread locks a free word in user mode, by writing its ID. A thread that finds the word taken
//! calls the kernel, which sets FUTEX_WAITERS: from then on the owner has to unlock by a call too,
//! and the word is handed to the thread that has waited longest. The word is never free while a
//! thread waits (kernel/futex/pi.c).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::sync::{Mutex, rank};
use linux_raw_sys::general::{FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS};

use super::{Deadline, Fate, Key, Kind, Waiter, Word, next, sleep};
use crate::abi::errno::Errno;
use crate::process::{Task, TaskState, current, table};
use crate::sched::run_queue;
use crate::vm::fault::Access;

/// Owners' thread IDs, by the key of each word that has waiters.
static OWNERS: Mutex<BTreeMap<Key, u32>, rank::FutexOwners> = Mutex::new(BTreeMap::new());

/// Whether [`take`] got the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was free.
    Yes,
    /// This thread owns it, and FUTEX_WAITERS is set.
    By(u32),
}

/// Takes a free word for `task`, or marks a taken one. `mark` marks it in any case.
///
/// # Errors
/// `EDEADLK` if the task has it; `ESRCH` if its owner is no thread; `EPERM` if a private word's is
/// another process's; `EINVAL` if the word is not what the kernel knows of it; `EFAULT`.
pub(super) fn take(word: Word, key: &Key, task: &Task, mark: bool) -> Result<Taken, Errno> {
    word.make_writable()?;
    let value = word.at.read()?;
    let owner = value & FUTEX_TID_MASK;
    if owner == task.tid() {
        return Err(Errno::EDEADLK);
    }
    if let Some(first) = next(key, 0) {
        let known = OWNERS.lock().get(key).copied();
        if !matches!(first.kind(), Kind::Pi(_)) || known != Some(owner) {
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
    // First of all: an owner that frees it has to ask the kernel from now on.
    word.at.write(value | FUTEX_WAITERS)?;
    let holder = table::find(owner)
        .filter(|holder| holder.state() != TaskState::Dead)
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

/// Notes whose word it is that others wait for.
pub(super) fn set_owner(key: &Key, tid: u32) {
    OWNERS.lock().insert(key.clone(), tid);
}

/// FUTEX_LOCK_PI: owns the word on return. FUTEX_TRYLOCK_PI (`try_only`) doesn't wait.
///
/// # Errors
/// Those of [`take`]; `EAGAIN` if it is taken and `try_only`; `ETIMEDOUT`, `EINTR`.
pub fn lock_pi(word: Word, deadline: Deadline, try_only: bool) -> Result<(), Errno> {
    let key = word.key(Access::Write)?;
    let owner = match take(word, &key, &current(), false)? {
        Taken::Yes => return Ok(()),
        Taken::By(_) if try_only => return Err(Errno::EAGAIN),
        Taken::By(owner) => owner,
    };
    set_owner(&key, owner);
    let waiter = Waiter::enter(key.clone(), Kind::Pi(word.at.address()), None);
    await_ownership(&waiter, &key, deadline)
}

/// Sleeps until the word is handed over.
pub(super) fn await_ownership(
    waiter: &Arc<Waiter>,
    key: &Key,
    deadline: Deadline,
) -> Result<(), Errno> {
    let result = sleep(deadline, || waiter.fate() == Fate::Owner);
    if result.is_err() {
        waiter.leave(Fate::Waiting);
        if next(key, 0).is_none() {
            OWNERS.lock().remove(key);
        }
    }
    result
}

/// The next owner, and the word's value for it; everybody's knowledge of the word is up to date
/// after this.
fn hand_over(key: &Key, heir: &Waiter) -> u32 {
    let tid = heir.task.tid();
    heir.leave(Fate::Owner);
    if next(key, 0).is_some() {
        set_owner(key, tid);
    } else {
        OWNERS.lock().remove(key);
    }
    tid | FUTEX_WAITERS
}

/// FUTEX_UNLOCK_PI: hands the word to the thread that waited longest, or frees it.
///
/// # Errors
/// `EPERM` if the caller doesn't own the word; `EINVAL` if a thread waits for it by another
/// operation; `EFAULT`.
pub fn unlock_pi(word: Word) -> Result<(), Errno> {
    let me = current().tid();
    if word.at.read()? & FUTEX_TID_MASK != me {
        return Err(Errno::EPERM);
    }
    let key = word.key(Access::Write)?;
    word.make_writable()?;
    let Some(heir) = next(&key, 0) else {
        return word.at.write(0);
    };
    let known = OWNERS.lock().get(&key).copied();
    if !matches!(heir.kind(), Kind::Pi(_)) || known != Some(me) {
        return Err(Errno::EINVAL);
    }
    let value = hand_over(&key, &heir);
    word.at.write(value)?;
    run_queue::wake(&heir.task);
    Ok(())
}

/// Hands over what the ending thread `tid` owns, with FUTEX_OWNER_DIED (exit_pi_state_list).
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
        let Some(heir) = next(&key, 0) else {
            OWNERS.lock().remove(&key);
            continue;
        };
        let value = hand_over(&key, &heir) | FUTEX_OWNER_DIED;
        // In the heir's own memory: the word need not be mapped here any more. If it isn't there
        // either, the heir owns nothing that could be told from something.
        if let Kind::Pi(address) = heir.kind()
            && let Some(mm) = heir.task.mm()
        {
            let _ = mm.lock().store(address, &value.to_ne_bytes());
        }
        run_queue::wake(&heir.task);
    }
}
