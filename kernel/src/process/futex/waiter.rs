//! Futex words, the queue of waiters, and the sleep of one.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::ops::Bound::{Excluded, Included};
use core::sync::atomic::{AtomicU64, Ordering};

use crate::sync::{Mutex, rank};

use super::Key;
use crate::abi::errno::Errno;
use crate::process::{Task, current, current_task};
use crate::sched::run_queue;
use crate::sched::sleep::Alarm;
use crate::sched::wait::{block, is_interrupted};
use crate::time::timer::Clock;
use crate::usercopy::UserPtr;
use crate::vm::fault::Access;

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

    pub(super) fn key(self, access: Access) -> Result<Key, Errno> {
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
pub(super) enum WaitKind {
    /// For a wake-up that matches these bits.
    Plain(u32),
    /// For the ownership of the word at this address (`pi.rs`).
    Pi(u64),
    /// For a requeue to a word whose ownership is then waited for (`requeue.rs`).
    ToBePi,
}

/// State of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Waiting,
    Woken,
    /// The waiter owns the word.
    Owner,
}

/// A waiter's position in the queue: the word's key, and a serial number in order of arrival.
type Position = (Key, u64);

/// A thread that waits for a word (struct futex_q).
pub(super) struct FutexWaiter {
    pub(super) task: Arc<Task>,
    pub(super) state: Mutex<WaiterState, rank::FutexWaiter>,
    /// The word to requeue to, for [`WaitKind::ToBePi`].
    pub(super) target: Option<Key>,
}

pub(super) struct WaiterState {
    place: Position,
    kind: WaitKind,
    fate: Fate,
}

/// All waiters, by word and arrival.
static QUEUE: Mutex<BTreeMap<Position, Arc<FutexWaiter>>, rank::FutexQueue> =
    Mutex::new(BTreeMap::new());

pub(super) fn next_serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The first waiter for `key` with a serial number above `after`.
pub(super) fn next_waiter(key: &Key, after: u64) -> Option<Arc<FutexWaiter>> {
    let from = Excluded((key.clone(), after));
    let to = Included((key.clone(), u64::MAX));
    let queue = QUEUE.lock();
    let (_, waiter) = queue.range((from, to)).next()?;
    Some(waiter.clone())
}

impl FutexWaiter {
    /// Adds the running thread at the end of the queue for `key`.
    pub(super) fn enqueue(key: Key, kind: WaitKind, target: Option<Key>) -> Arc<Self> {
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

    pub(super) fn fate(&self) -> Fate {
        self.state.lock().fate
    }

    pub(super) fn kind(&self) -> WaitKind {
        self.state.lock().kind
    }

    pub(super) fn serial(&self) -> u64 {
        self.state.lock().place.1
    }

    /// Removes the waiter from the queue and sets its state.
    pub(super) fn dequeue(&self, fate: Fate) {
        let place = {
            let mut state = self.state.lock();
            state.fate = fate;
            state.place.clone()
        };
        let gone = QUEUE.lock().remove(&place);
        drop(gone);
    }

    /// Removes the waiter from the queue, sets its state and wakes its thread.
    pub(super) fn release(&self, fate: Fate) {
        self.dequeue(fate);
        run_queue::wake(&self.task);
    }

    /// Moves the waiter to the end of the queue for `key`.
    pub(super) fn move_to(self: &Arc<Self>, key: Key, kind: WaitKind) {
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
pub(super) fn sleep(deadline: Deadline, is_over: impl Fn() -> bool) -> Result<(), Errno> {
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
