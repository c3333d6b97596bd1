//! Waiting for several words at once (futex_waitv(2)).

use super::waiter::{ANY, Deadline, Fate, FutexWaiter, WaitKind, Word, sleep};
use crate::abi::errno::Errno;
use crate::mm::fallible;
use crate::vm::fault::Access;

/// A word to wait for, and its expected value (struct futex_waitv).
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The word.
    pub word: Word,
    /// The value that the word must have.
    pub expected: u32,
}

/// Sleeps if all words have their expected values, until a waiter of one is woken; returns the
/// word's index.
///
/// # Errors
/// `EAGAIN` if a word has another value, `ETIMEDOUT`, `EINTR`, and those of [`super::Key::of`].
pub fn wait_for_any(wanted: &[Wanted], deadline: Deadline) -> Result<usize, Errno> {
    let mut keys = fallible::with_capacity(wanted.len())?;
    let mut waiters = fallible::with_capacity(wanted.len())?;
    for one in wanted {
        keys.push(one.word.key(Access::Read)?);
    }
    // All words are read before the first entry in the queue. A read may sleep for memory, after
    // which the page stays: the reads of the second round don't sleep.
    for _ in 0..2 {
        for one in wanted {
            if one.word.at.read()? != one.expected {
                return Err(Errno::EAGAIN);
            }
        }
    }
    for key in keys {
        waiters.push(FutexWaiter::enqueue(key, WaitKind::Plain(ANY), None));
    }
    let woken = || waiters.iter().position(|one| one.fate() == Fate::Woken);
    let result = sleep(deadline, || woken().is_some());
    let answer = woken();
    for waiter in &waiters {
        waiter.dequeue(Fate::Waiting);
    }
    match answer {
        Some(index) => Ok(index),
        None => result.map(|()| 0),
    }
}
