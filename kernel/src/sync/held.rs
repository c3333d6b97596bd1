//! Lock checker of test builds: the list of held locks.
//!
//! One list suffices: there is one CPU, no lock is held over a task switch, and interrupts occur
//! only with none held (`docs/LOCKS.md`).

use core::panic::Location;
use core::sync::atomic::{AtomicBool, Ordering};

use super::rank::{self, Rank};

/// Maximum number of locks held at once.
const MOST: usize = 16;

#[derive(Clone, Copy)]
struct Held {
    /// Address of the lock.
    lock: usize,
    rank: usize,
    taken_at: &'static Location<'static>,
}

// A plain spin lock: the list's lock can't be in the list.
static HELD: spin::Mutex<[Option<Held>; MOST]> = spin::Mutex::new([None; MOST]);
static IS_STOPPED: AtomicBool = AtomicBool::new(false);

/// A lock's entry in the list, removed when dropped.
pub struct Entry(usize);

impl Entry {
    /// Adds the lock at address `lock`.
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
        let mut list = HELD.lock();
        let is_this = |slot: &&mut Option<Held>| slot.is_some_and(|held| held.lock == self.0);
        if let Some(slot) = list.iter_mut().find(is_this) {
            *slot = None;
        }
    }
}

/// Panics if taking the lock at `lock` violates the order: it is held, or another of its rank or
/// above is. With `beside` another of the same rank may be held.
#[track_caller]
pub fn check<R: Rank>(lock: usize, beside: bool) {
    let refusing = refuses::<R>(&*HELD.lock(), lock, beside);
    if let Some(held) = refusing {
        let (name, place) = (rank::NAMES[held.rank], held.taken_at);
        fail(format_args!(
            "{} is taken while {name} is held, from {place}",
            R::NAME
        ));
    }
}

/// The held lock that forbids taking the one at `lock`.
fn refuses<R: Rank>(list: &[Option<Held>], lock: usize, beside: bool) -> Option<Held> {
    let refuses = |held: &&Held| {
        held.lock == lock || held.rank > R::ORDER || held.rank == R::ORDER && !beside
    };
    list.iter().flatten().find(refuses).copied()
}

/// Panics if a lock is held.
#[track_caller]
pub fn assert_none(what: &str) {
    let held = HELD.lock().iter().flatten().next().copied();
    if let Some(held) = held {
        fail(format_args!(
            "{what} while {} is held, from {}",
            rank::NAMES[held.rank],
            held.taken_at
        ));
    }
}

/// Disables the checks.
pub fn stop() {
    IS_STOPPED.store(true, Ordering::Relaxed);
}

#[track_caller]
fn fail(message: core::fmt::Arguments<'_>) {
    #[cfg(test)]
    if tests::is_expected() {
        return;
    }
    // Once: the panic itself takes locks.
    if !IS_STOPPED.swap(true, Ordering::Relaxed) {
        panic!("lock: {message}");
    }
}

#[cfg(test)]
pub mod tests {
    use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::super::{Mutex, rank};
    use super::{HELD, refuses};
    use crate::kernel_test;

    /// A test breaks a rule on purpose; and whether that was noticed.
    static IS_EXPECTED: AtomicBool = AtomicBool::new(false);
    static IS_NOTICED: AtomicBool = AtomicBool::new(false);

    /// Called where the checker would panic.
    pub(super) fn is_expected() -> bool {
        IS_NOTICED.store(true, Relaxed);
        IS_EXPECTED.load(Relaxed)
    }

    /// Whether the checker notices that `f` breaks a rule.
    pub fn is_noticed(f: impl FnOnce()) -> bool {
        IS_NOTICED.store(false, Relaxed);
        IS_EXPECTED.store(true, Relaxed);
        f();
        IS_EXPECTED.store(false, Relaxed);
        IS_NOTICED.load(Relaxed)
    }

    kernel_test!(
        fn a_lock_taken_out_of_order_is_noticed() {
            let outer = Mutex::<_, rank::Directory>::new(());
            let inner = [const { Mutex::<_, rank::FileData>::new(()) }; 2];
            let held = inner[0].lock();
            assert!(is_noticed(|| drop(outer.lock())));
            assert!(is_noticed(|| drop(outer.lock_beside())));
            assert!(is_noticed(|| outer.replace(())));
            assert!(is_noticed(|| drop(inner[1].lock())));
            assert!(!is_noticed(|| drop(inner[1].lock_beside())));
            drop(held);
            assert!(!is_noticed(|| drop(outer.lock())));
        }
    );

    kernel_test!(
        fn locks_are_taken_in_the_order_of_their_ranks() {
            let outer = Mutex::<_, rank::Directory>::new(());
            let middle = [const { Mutex::<_, rank::FileData>::new(()) }; 2];
            let address = |lock: &Mutex<(), rank::FileData>| lock.address();
            let list = || *HELD.lock();
            let refused = |lock: &Mutex<(), _>, beside| {
                refuses::<rank::FileData>(&list(), address(lock), beside).map(|held| held.rank)
            };
            // Under a lower rank, and not under itself, its equal or a higher one.
            let first = outer.lock();
            assert_eq!(refused(&middle[0], false), None);
            let second = middle[0].lock();
            let own = Some(<rank::FileData as rank::Rank>::ORDER);
            assert_eq!(refused(&middle[0], true), own);
            assert_eq!(refused(&middle[1], false), own);
            assert_eq!(refused(&middle[1], true), None);
            assert!(refuses::<rank::Directory>(&list(), 0, true).is_some());
            // Released in any order.
            drop(first);
            assert!(refuses::<rank::Directory>(&list(), 0, true).is_some());
            drop(second);
            assert!(list().iter().all(|slot| slot.is_none()));
            assert!(middle[0].try_lock().is_some());
        }
    );

    kernel_test!(
        fn the_page_on_locks_has_the_same_order() {
            let page = include_str!("../../../docs/LOCKS.md");
            let (_, table) = page.split_once("| Rank |").expect("a table");
            let rows = table
                .lines()
                .skip(2)
                .map_while(|line| line.strip_prefix("| "))
                .filter_map(|line| line.split_once(" |"));
            assert!(rows.map(|(name, _)| name).eq(rank::NAMES.iter().copied()));
        }
    );
}
