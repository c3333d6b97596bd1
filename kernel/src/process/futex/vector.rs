//! Waiting for several words at once (futex_waitv(2)).

use super::{ANY, Deadline, Fate, Kind, Waiter, Word, sleep};
use crate::abi::errno::Errno;
use crate::mm::fallible;
use crate::vm::fault::Access;

/// A word, and what it must be to be waited for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The word.
    pub word: Word,
    /// What it must be.
    pub expected: u32,
}

/// Sleeps if all words are what they must be, until one is woken; returns which.
///
/// # Errors
/// `EAGAIN` if one isn't, `ETIMEDOUT`, `EINTR`, and those of [`super::Key::of`].
pub fn wait_for_any(wanted: &[Wanted], deadline: Deadline) -> Result<usize, Errno> {
    let mut keys = fallible::with_capacity(wanted.len())?;
    let mut waiters = fallible::with_capacity(wanted.len())?;
    for one in wanted {
        keys.push(one.word.key(Access::Read)?);
    }
    // All are looked at before any waits. A look may sleep for memory, but then the page stays, and
    // the second round doesn't.
    for _ in 0..2 {
        for one in wanted {
            if one.word.at.read()? != one.expected {
                return Err(Errno::EAGAIN);
            }
        }
    }
    for key in keys {
        waiters.push(Waiter::enter(key, Kind::Plain(ANY), None));
    }
    let woken = || waiters.iter().position(|one| one.fate() == Fate::Woken);
    let result = sleep(deadline, || woken().is_some());
    let answer = woken();
    for waiter in &waiters {
        waiter.leave(Fate::Waiting);
    }
    match answer {
        Some(index) => Ok(index),
        None => result.map(|()| 0),
    }
}
