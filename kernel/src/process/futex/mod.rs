//! Futexes: threads sleep on a word of user memory until another thread changes it and wakes them
//! (futex(2), futex(7), kernel/futex/).
//!
//! The kernel has only the queue of waiters by word. Reading order: this file (wait and wake),
//! `key.rs` (when two addresses are the same word), `requeue.rs` (moving waiters from one word to
//! another), `pi.rs` (words that contain their owner's ID), `vector.rs` (waiting for several
//! words). The calls are in `syscall/futex.rs` and `syscall/futex2.rs`; `robust.rs` marks the
//! futexes of a thread that ends.
//!
//! The kernel is not preempted and has one CPU: between the read of a word and the entry in the
//! queue no other thread can change the word, without further locking.
//!
//! Left out: priorities. Waiters are woken in order of arrival, and the owner of a
//! priority-inheriting futex inherits no priority.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::ops::Bound::{Excluded, Included};
use core::sync::atomic::{AtomicU64, Ordering};

use crate::process::current_task;
use crate::sync::{Mutex, rank};

use super::{Task, current};
use crate::abi::errno::Errno;
use crate::sched::run_queue;
use crate::sched::sleep::Alarm;
use crate::sched::wait::{block, is_interrupted};
use crate::time::timer::Clock;
use crate::usercopy::UserPtr;
use crate::vm::fault::Access;

mod key;
mod pi;
mod requeue;
mod vector;

pub use key::Key;
pub use pi::{lock_pi, owner_died, unlock_pi};
pub use requeue::{requeue, requeue_pi, wait_requeue_pi};
pub use vector::{Wanted, wait_for_any};

/// Matches every waiter (FUTEX_BITSET_MATCH_ANY).
pub const ANY: u32 = u32::MAX;

/// Deadline of a wait: a time (ns) of a clock; `None` waits without limit.
pub type Deadline = Option<(Clock, u64)>;

/// A futex word.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// Address of the word.
    pub at: UserPtr<u32>,
    /// Other processes may use the word too: FUTEX_PRIVATE_FLAG is not set.
    pub shared: bool,
}

impl Word {
    /// Checks that the address can be a futex's.
    ///
    /// # Errors
    /// Those of [`Key::of`].
    pub fn check(self) -> Result<(), Errno> {
        self.key(Access::Read).map(|_| ())
    }

    fn key(self, access: Access) -> Result<Key, Errno> {
        Key::of(self.at.address(), self.shared, access)
    }

    /// Faults the word in for writing, so that a read and a write after it don't fault: together
    /// they are atomic.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn make_writable(self) -> Result<(), Errno> {
        let mm = current().mm().ok_or(Errno::EFAULT)?;
        mm.lock()
            .fault(self.at.address(), Access::Write)
            .map_err(|_| Errno::EFAULT)
    }
}

/// Kind of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitKind {
    /// For a wake-up that matches these bits.
    Plain(u32),
    /// For the ownership of the word at this address (`pi.rs`).
    Pi(u64),
    /// For a requeue to a word whose ownership is then waited for (`requeue.rs`).
    ToBePi,
}

/// State of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waiting,
    Woken,
    /// The waiter owns the word.
    Owner,
}

/// A waiter's position in the queue: the word's key, and a serial number in order of arrival.
type Position = (Key, u64);

/// A thread that waits for a word (struct futex_q).
struct FutexWaiter {
    task: Arc<Task>,
    state: Mutex<WaiterState, rank::FutexWaiter>,
    /// The word to requeue to, for [`WaitKind::ToBePi`].
    target: Option<Key>,
}

struct WaiterState {
    place: Position,
    kind: WaitKind,
    fate: Fate,
}

/// All waiters, by word and arrival.
static QUEUE: Mutex<BTreeMap<Position, Arc<FutexWaiter>>, rank::FutexQueue> =
    Mutex::new(BTreeMap::new());

fn next_serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The first waiter for `key` with a serial number above `after`.
fn next_waiter(key: &Key, after: u64) -> Option<Arc<FutexWaiter>> {
    let from = Excluded((key.clone(), after));
    let to = Included((key.clone(), u64::MAX));
    let queue = QUEUE.lock();
    let (_, waiter) = queue.range((from, to)).next()?;
    Some(waiter.clone())
}

impl FutexWaiter {
    /// Adds the running thread at the end of the queue for `key`.
    fn enqueue(key: Key, kind: WaitKind, target: Option<Key>) -> Arc<Self> {
        let place = (key, next_serial());
        let waiter = Arc::new(Self {
            task: current_task(),
            state: Mutex::new(WaiterState {
                place: place.clone(),
                kind,
                fate: Fate::Waiting,
            }),
            target,
        });
        QUEUE.lock().insert(place, waiter.clone());
        waiter
    }

    fn fate(&self) -> Fate {
        self.state.lock().fate
    }

    fn kind(&self) -> WaitKind {
        self.state.lock().kind
    }

    fn serial(&self) -> u64 {
        self.state.lock().place.1
    }

    /// Removes the waiter from the queue and sets its state.
    fn dequeue(&self, fate: Fate) {
        let place = {
            let mut state = self.state.lock();
            state.fate = fate;
            state.place.clone()
        };
        let gone = QUEUE.lock().remove(&place);
        drop(gone);
    }

    /// Removes the waiter from the queue, sets its state and wakes its thread.
    fn release(&self, fate: Fate) {
        self.dequeue(fate);
        run_queue::wake(&self.task);
    }

    /// Moves the waiter to the end of the queue for `key`.
    fn move_to(self: &Arc<Self>, key: Key, kind: WaitKind) {
        let place = (key, next_serial());
        let old = {
            let mut state = self.state.lock();
            state.kind = kind;
            core::mem::replace(&mut state.place, place.clone())
        };
        let mut queue = QUEUE.lock();
        queue.remove(&old);
        queue.insert(place, self.clone());
    }
}

/// Sleeps until `is_over`, the deadline or a signal.
///
/// # Errors
/// `ETIMEDOUT`, `EINTR`.
fn sleep(deadline: Deadline, is_over: impl Fn() -> bool) -> Result<(), Errno> {
    let mut alarm = None;
    loop {
        if is_over() {
            return Ok(());
        }
        if let Some((clock, time)) = deadline {
            if clock.has_reached(time) {
                return Err(Errno::ETIMEDOUT);
            }
            // A new alarm each time: the last one may have expired before the date was set back.
            drop(alarm.replace(Alarm::new(clock, time)));
        }
        if is_interrupted() {
            return Err(Errno::EINTR);
        }
        block();
    }
}

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
