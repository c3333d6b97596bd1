//! Futexes: threads sleep on a word of user memory until another thread changes it and wakes them
//! (futex(2), futex(7)).
//!
//! The word is the program's; the kernel only keeps who waits for which. `key.rs` says when two
//! addresses are the same word, `requeue.rs` moves waiters from one word to another, `pi.rs` knows
//! words that hold their owner's ID. The calls are in `syscall/futex.rs`.
//!
//! The kernel is not preempted and one CPU runs, so that between the look at a word and the
//! entry in the queue no other thread can change it: no further locking is needed.
//!
//! Left out: priorities. Who came first is served first, and an owner is not made faster for
//! those who wait for it.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::ops::Bound::{Excluded, Included};
use core::sync::atomic::{AtomicU64, Ordering};

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

/// When a wait ends by itself: at this time (ns) of this clock.
pub type Deadline = Option<(Clock, u64)>;

/// A word, and who else may mean it: other processes too (`shared`), or this one only.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// Its address.
    pub at: UserPtr<u32>,
    /// Without FUTEX_PRIVATE_FLAG.
    pub shared: bool,
}

impl Word {
    /// Whether it can be a futex at all.
    ///
    /// # Errors
    /// Those of [`Key::of`].
    pub fn check(self) -> Result<(), Errno> {
        self.key(Access::Read).map(|_| ())
    }

    fn key(self, access: Access) -> Result<Key, Errno> {
        Key::of(self.at.address(), self.shared, access)
    }

    /// Sees to it that neither reading nor writing the word faults, so that one after the other is
    /// as good as one step.
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

/// What a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A wake-up that matches these bits.
    Plain(u32),
    /// To own the word at this address (`pi.rs`).
    Pi(u64),
    /// To be moved to a word that it is to own (`requeue.rs`).
    ToBePi,
}

/// How far a wait has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waiting,
    Woken,
    /// It owns the word that it waited for.
    Owner,
}

/// A waiter's position in the queue: the word's key, and a number that grows with every arrival.
type Place = (Key, u64);

/// A thread that waits for one word.
struct Waiter {
    task: Arc<Task>,
    state: Mutex<State, rank::FutexWaiter>,
    /// Where it is to be moved, for [`Kind::ToBePi`].
    target: Option<Key>,
}

struct State {
    place: Place,
    kind: Kind,
    fate: Fate,
}

/// All who wait, by word and arrival.
static QUEUE: Mutex<BTreeMap<Place, Arc<Waiter>>, rank::FutexQueue> = Mutex::new(BTreeMap::new());

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The first waiter for `key` that came after number `after`.
fn next(key: &Key, after: u64) -> Option<Arc<Waiter>> {
    let from = Excluded((key.clone(), after));
    let to = Included((key.clone(), u64::MAX));
    let queue = QUEUE.lock();
    let (_, waiter) = queue.range((from, to)).next()?;
    Some(waiter.clone())
}

impl Waiter {
    /// The running thread, at the end of the queue for `key`.
    fn enter(key: Key, kind: Kind, target: Option<Key>) -> Arc<Self> {
        let place = (key, next_number());
        let waiter = Arc::new(Self {
            task: run_queue::current_task(),
            state: Mutex::new(State {
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

    fn kind(&self) -> Kind {
        self.state.lock().kind
    }

    fn number(&self) -> u64 {
        self.state.lock().place.1
    }

    /// Takes it out of the queue, with this to tell it.
    fn leave(&self, fate: Fate) {
        let place = {
            let mut state = self.state.lock();
            state.fate = fate;
            state.place.clone()
        };
        let gone = QUEUE.lock().remove(&place);
        drop(gone);
    }

    /// The same, and the thread goes on.
    fn release(&self, fate: Fate) {
        self.leave(fate);
        run_queue::wake(&self.task);
    }

    /// Puts it at the end of another word's queue.
    fn move_to(self: &Arc<Self>, key: Key, kind: Kind) {
        let place = (key, next_number());
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

/// Sleeps until `is_over`, or until the deadline or a signal comes first.
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
            // A new one each time: where the date was set back, the last may have rung already.
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
/// `EAGAIN` if it is something else, `ETIMEDOUT`, `EINTR` (the caller says how it goes on), and
/// those of [`Key::of`].
pub fn wait(word: Word, expected: u32, bits: u32, deadline: Deadline) -> Result<(), Errno> {
    let key = word.key(Access::Read)?;
    if word.at.read()? != expected {
        return Err(Errno::EAGAIN);
    }
    let waiter = Waiter::enter(key, Kind::Plain(bits), None);
    let result = sleep(deadline, || waiter.fate() != Fate::Waiting);
    waiter.leave(Fate::Waiting);
    result
}

/// FUTEX_WAKE: wakes up to `count` (at least one) of those who wait for one of `bits`; returns how
/// many.
///
/// # Errors
/// `EINVAL` if a thread waits for the word with FUTEX_LOCK_PI, and those of [`Key::of`].
pub fn wake(word: Word, count: i32, bits: u32) -> Result<usize, Errno> {
    wake_key(&word.key(Access::Read)?, count, bits)
}

fn wake_key(key: &Key, count: i32, bits: u32) -> Result<usize, Errno> {
    let mut woken = 0;
    let mut after = 0;
    while let Some(waiter) = next(key, after) {
        after = waiter.number();
        match waiter.kind() {
            Kind::Plain(wanted) if wanted & bits != 0 => {
                waiter.release(Fate::Woken);
                woken += 1;
                if woken >= count {
                    break;
                }
            }
            Kind::Plain(_) => {}
            Kind::Pi(_) | Kind::ToBePi => return Err(Errno::EINVAL),
        }
    }
    Ok(woken as usize)
}

/// FUTEX_WAKE_OP: changes the second word, wakes for the first, and for the second too if what that
/// was compares as asked. `change` gives the new value and whether it does.
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
