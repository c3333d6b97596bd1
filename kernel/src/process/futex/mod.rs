//! Futexes: threads sleep on a word of user memory until another thread changes it and wakes them
//! (futex(2), futex(7), kernel/futex/).
//!
//! The kernel has only the queue of waiters by word. Reading order: this file (wait and wake),
//! `waiter.rs` (the queue), `key.rs` (when two addresses are the same word), `requeue.rs` (moving
//! waiters from one word to another), `pi.rs` (words that contain their owner's ID), `vector.rs`
//! (waiting for several words). The calls are in `syscall/futex.rs` and `syscall/futex2.rs`;
//! `robust.rs` marks the futexes of a thread that ends.
//!
//! The kernel is not preempted and has one CPU: between the read of a word and the entry in the
//! queue no other thread can change the word, without further locking.
//!
//! Left out: priorities. Waiters are woken in order of arrival, and the owner of a
//! priority-inheriting futex inherits no priority.

use crate::abi::errno::Errno;
use crate::vm::fault::Access;

mod key;
mod pi;
mod requeue;
mod vector;
mod waiter;

pub use key::Key;
pub use pi::{lock_pi, owner_died, unlock_pi};
pub use requeue::{requeue, requeue_pi, wait_requeue_pi};
pub use vector::{Wanted, wait_for_any};
pub use waiter::{ANY, Deadline, Word};

use waiter::{Fate, FutexWaiter, WaitKind, next_waiter, sleep};

/// FUTEX_WAIT: sleeps if the word is `expected`, until woken for one of `bits`.
///
/// # Errors
/// `EAGAIN` if the word has another value, `ETIMEDOUT`, `EINTR` (the caller decides on a restart),
/// and those of [`Key::of`].
pub fn wait(word: Word, expected: u32, bits: u32, deadline: Deadline) -> Result<(), Errno> {
    let key = word.key(Access::Read)?;
    if word.at.read()? != expected {
        return Err(Errno::EAGAIN);
    }
    let waiter = FutexWaiter::enqueue(key, WaitKind::Plain(bits), None);
    let result = sleep(deadline, || waiter.fate() != Fate::Waiting);
    waiter.dequeue(Fate::Waiting);
    result
}

/// FUTEX_WAKE: wakes up to `count` (at least one) waiters whose bits intersect `bits`; returns the
/// number.
///
/// # Errors
/// `EINVAL` if a thread waits for the word with FUTEX_LOCK_PI, and those of [`Key::of`].
pub fn wake(word: Word, count: i32, bits: u32) -> Result<usize, Errno> {
    wake_key(&word.key(Access::Read)?, count, bits)
}

fn wake_key(key: &Key, count: i32, bits: u32) -> Result<usize, Errno> {
    let mut woken = 0;
    let mut after = 0;
    while let Some(waiter) = next_waiter(key, after) {
        after = waiter.serial();
        match waiter.kind() {
            WaitKind::Plain(wanted) if wanted & bits != 0 => {
                waiter.release(Fate::Woken);
                woken += 1;
                if woken >= count {
                    break;
                }
            }
            WaitKind::Plain(_) => {}
            WaitKind::Pi(_) | WaitKind::ToBePi => return Err(Errno::EINVAL),
        }
    }
    Ok(woken as usize)
}

/// FUTEX_WAKE_OP: changes the second word, wakes waiters of the first, and of the second too if the
/// comparison with its old value holds. `change` gets the old value; returns the new value and the
/// result of the comparison.
///
/// # Errors
/// Those of [`wake`] and of `change`.
pub fn wake_op(
    words: [Word; 2],
    counts: [i32; 2],
    change: impl Fn(u32) -> (Option<u32>, Result<bool, Errno>),
) -> Result<usize, Errno> {
    let keys = [words[0].key(Access::Read)?, words[1].key(Access::Write)?];
    words[1].make_writable()?;
    let (new, matches) = change(words[1].at.read()?);
    if let Some(new) = new {
        words[1].at.write(new)?;
    }
    let matches = matches?;
    let mut woken = wake_key(&keys[0], counts[0], ANY)?;
    if matches {
        woken += wake_key(&keys[1], counts[1], ANY)?;
    }
    Ok(woken)
}
