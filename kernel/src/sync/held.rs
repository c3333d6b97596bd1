//! Which locks are held, in test builds.
//!
//! One list is enough: one CPU runs, no lock is held over a switch of tasks, and an interrupt finds
//! none held (`docs/LOCKS.md`).

use core::panic::Location;
use core::sync::atomic::{AtomicBool, Ordering};

use super::rank::{self, Rank};

/// Most locks held at once.
const MOST: usize = 16;

#[derive(Clone, Copy)]
struct Held {
    /// Address of the lock.
    lock: usize,
    rank: usize,
    taken_at: &'static Location<'static>,
}

// Spin's own: what keeps the list cannot be in it.
static HELD: spin::Mutex<[Option<Held>; MOST]> = spin::Mutex::new([None; MOST]);
static IS_STOPPED: AtomicBool = AtomicBool::new(false);

/// A lock's place in the list; leaves it when dropped.
pub struct Entry(usize);

impl Entry {
    /// Enters the lock at this address.
    #[track_caller]
    pub fn new<R: Rank>(lock: usize) -> Self {
        let held = Held {
            lock,
            rank: R::ORDER,
            taken_at: Location::caller(),
        };
        let free = {
            let mut list = HELD.lock();
            let free = list.iter_mut().find(|slot| slot.is_none());
            free.map(|slot| *slot = Some(held)).is_some()
        };
        if !free {
            fail(format_args!("more than {MOST} locks are held"));
        }
        Self(lock)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let is_this = |held: &Held| held.lock == self.0;
        if let Some(slot) = HELD
            .lock()
            .iter_mut()
            .find(|slot| slot.is_some_and(|held| is_this(&held)))
        {
            *slot = None;
        }
    }
}

/// Panics if the lock at `lock` must not be taken now: it is held, or one of its rank or above is. With
/// `beside` another one of its rank may be held.
#[track_caller]
pub fn check<R: Rank>(lock: usize, beside: bool) {
    let highest = {
        let list = HELD.lock();
        if let Some(same) = list.iter().flatten().find(|held| held.lock == lock) {
            let place = same.taken_at;
            drop(list);
            fail(format_args!("{} is taken twice, first at {place}", R::NAME));
            return;
        }
        list.iter().flatten().max_by_key(|held| held.rank).copied()
    };
    if let Some(held) = highest
        && R::ORDER != rank::UNRANKED
        && (held.rank > R::ORDER || (held.rank == R::ORDER && !beside))
    {
        fail(format_args!(
            "{} is taken while {} is held, from {}",
            R::NAME,
            rank::name(held.rank),
            held.taken_at
        ));
    }
}

/// Panics if a lock is held.
#[track_caller]
pub fn assert_none(what: &str) {
    let held = HELD.lock().iter().flatten().next().copied();
    if let Some(held) = held {
        fail(format_args!(
            "{what} while {} is held, from {}",
            rank::name(held.rank),
            held.taken_at
        ));
    }
}

/// Ends the checks.
pub fn stop() {
    IS_STOPPED.store(true, Ordering::Relaxed);
}

#[track_caller]
fn fail(message: core::fmt::Arguments<'_>) {
    // Once: the panic itself takes locks.
    if !IS_STOPPED.swap(true, Ordering::Relaxed) {
        panic!("lock: {message}");
    }
}
