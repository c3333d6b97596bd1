//! Requeue operations: moving waiters from one word to another instead of waking them only to wait
//! for the second (kernel/futex/requeue.c).

use super::pi::{self, Taken};
use super::waiter::{Deadline, Fate, FutexWaiter, WaitKind, Word, next_serial, next_waiter};
use crate::abi::errno::Errno;
use crate::mm::reserve;
use crate::vm::fault::Access;

/// FUTEX_REQUEUE, and with `expected` FUTEX_CMP_REQUEUE: wakes up to `wake` waiters and moves up to
/// `limit` others. Returns the number of both.
///
/// # Errors
/// `EINVAL` for negative numbers, or if a thread waits for the first word with FUTEX_LOCK_PI;
/// `EAGAIN` if the first word is not `expected`; `EFAULT`.
pub fn requeue(
    words: [Word; 2],
    wake: i32,
    limit: i32,
    expected: Option<u32>,
) -> Result<usize, Errno> {
    if wake < 0 || limit < 0 {
        return Err(Errno::EINVAL);
    }
    let from = words[0].key(Access::Read)?;
    let to = words[1].key(Access::Read)?;
    if expected.is_some_and(|expected| words[0].at.read() != Ok(expected)) {
        // Distinguishes EFAULT from EAGAIN.
        words[0].at.read()?;
        return Err(Errno::EAGAIN);
    }
    let mut done = 0;
    let mut after = 0;
    // If both words are the same, moved waiters would be found again without end.
    let last = next_serial();
    while let Some(waiter) = next_waiter(&from, after) {
        after = waiter.serial();
        if after > last || done - i64::from(wake) >= i64::from(limit) {
            break;
        }
        let WaitKind::Plain(_) = waiter.kind() else {
            return Err(Errno::EINVAL);
        };
        done += 1;
        if done <= i64::from(wake) {
            waiter.release(Fate::Woken);
        } else if let Err(errno) = reserve::top_up() {
            // The waiters moved so far are reported; the program can repeat the call.
            return if done > 1 {
                Ok(done as usize - 1)
            } else {
                Err(errno)
            };
        } else {
            waiter.move_to(to.clone(), waiter.kind());
        }
    }
    Ok(done as usize)
}

/// FUTEX_WAIT_REQUEUE_PI: waits on the first word to be requeued to the second, and owns the second
/// on return.
///
/// # Errors
/// As [`super::wait`]; `EAGAIN` also if a signal arrives after the requeue.
pub fn wait_requeue_pi(words: [Word; 2], expected: u32, deadline: Deadline) -> Result<(), Errno> {
    if words[0].at.address() == words[1].at.address() {
        return Err(Errno::EINVAL);
    }
    let target = words[1].key(Access::Write)?;
    let key = words[0].key(Access::Read)?;
    if words[0].at.read()? != expected {
        return Err(Errno::EAGAIN);
    }
    if key == target {
        return Err(Errno::EINVAL);
    }
    let waiter = FutexWaiter::enqueue(key, WaitKind::ToBePi, Some(target.clone()));
    let result = pi::await_ownership(&waiter, &target, deadline);
    match (result, waiter.kind()) {
        (Err(Errno::EINTR), WaitKind::ToBePi) => Err(Errno::ERESTARTNOINTR),
        // The first word may have changed: only the program can start again.
        (Err(Errno::EINTR), _) => Err(Errno::EAGAIN),
        (result, _) => result,
    }
}

/// FUTEX_CMP_REQUEUE_PI: passes the second word to the first waiter if it is free, and moves up to
/// `limit` others to it. Returns the number of both.
///
/// # Errors
/// As [`requeue`]; `EINVAL` also if a waiter waits for a requeue to another word; those of
/// acquiring the word.
pub fn requeue_pi(words: [Word; 2], wake: i32, limit: i32, expected: u32) -> Result<usize, Errno> {
    if wake != 1 || limit < 0 || words[0].at.address() == words[1].at.address() {
        return Err(Errno::EINVAL);
    }
    let from = words[0].key(Access::Read)?;
    let to = words[1].key(Access::Write)?;
    if from == to {
        return Err(Errno::EINVAL);
    }
    if words[0].at.read()? != expected {
        return Err(Errno::EAGAIN);
    }
    let Some(first) = next_waiter(&from, 0) else {
        return Ok(0);
    };
    check(&first, &to)?;
    let mut done = 0;
    let owner = match pi::acquire(words[1], &to, &first.task, limit > 0)? {
        Taken::By(owner) => owner,
        Taken::Yes => {
            first.release(Fate::Owner);
            done = 1;
            first.task.tid()
        }
    };
    while let Some(waiter) = next_waiter(&from, 0) {
        if done > i64::from(limit) {
            break;
        }
        check(&waiter, &to)?;
        waiter.move_to(to.clone(), WaitKind::Pi(words[1].at.address()));
        pi::set_owner(&to, owner);
        done += 1;
    }
    Ok(done as usize)
}

/// Checks that a waiter waits for a requeue to `to`.
fn check(waiter: &FutexWaiter, to: &super::Key) -> Result<(), Errno> {
    if waiter.kind() == WaitKind::ToBePi && waiter.target.as_ref() == Some(to) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}
