//! Locks.
//!
//! A [`Mutex`] is held for a moment: never over a copy from or to a program, never over a switch to
//! another task. Its type names its rank ([`rank`]); a lock is taken only while all that are held are of
//! lower ranks. A [`SleepLock`] may be held over both: who finds it taken sleeps.
//!
//! In the normal build a [`Mutex`] is `spin::Mutex` and nothing else. Where debug assertions are on,
//! `held.rs` keeps which locks are held, and panics where the rules are broken. `docs/LOCKS.md` has
//! the order, and why interrupts take no part in it.

use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

#[cfg(debug_assertions)]
mod held;
pub mod rank;
mod sleep;

use rank::Rank;
pub use sleep::{SleepGuard, SleepLock};

/// A spin lock with a rank.
pub struct Mutex<T: ?Sized, R> {
    rank: PhantomData<fn() -> R>,
    lock: spin::Mutex<T>,
}

/// The right to use what a [`Mutex`] guards.
pub struct MutexGuard<'a, T: ?Sized, R> {
    rank: PhantomData<fn() -> R>,
    guard: spin::MutexGuard<'a, T>,
    // Dropped after the lock is given up.
    #[cfg(debug_assertions)]
    _entry: held::Entry,
}

impl<T, R> Mutex<T, R> {
    /// A lock around `value`.
    #[inline(always)]
    pub const fn new(value: T) -> Self {
        Self {
            rank: PhantomData,
            lock: spin::Mutex::new(value),
        }
    }
}

impl<T, R> Mutex<T, R> {
    /// What it guards, where nothing else can reach it.
    pub fn get_mut(&mut self) -> &mut T {
        self.lock.get_mut()
    }

    /// What it guarded.
    pub fn into_inner(self) -> T {
        self.lock.into_inner()
    }
}

impl<T: ?Sized, R: Rank> Mutex<T, R> {
    /// Takes the lock.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock(&self) -> MutexGuard<'_, T, R> {
        #[cfg(debug_assertions)]
        held::check::<R>(self.address(), false);
        self.guard(self.lock.lock())
    }

    /// Takes the lock while another one of its rank may be held. The caller says why no two tasks ever
    /// wait for each other: they take both in the same order.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock_beside(&self) -> MutexGuard<'_, T, R> {
        #[cfg(debug_assertions)]
        held::check::<R>(self.address(), true);
        self.guard(self.lock.lock())
    }

    /// Takes the lock if it is free.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, R>> {
        Some(self.guard(self.lock.try_lock()?))
    }

    /// Stores `value` and returns the old one, which the caller drops with the lock released: the last
    /// reference to a file, a directory entry or an address space takes other locks as it goes.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn replace(&self, value: T) -> T
    where
        T: Sized,
    {
        core::mem::replace(&mut *self.lock(), value)
    }

    /// Stores `value`; the old one is dropped with the lock released (see [`Self::replace`]).
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn set(&self, value: T)
    where
        T: Sized,
    {
        drop(self.replace(value));
    }

    /// Moves the value out and leaves the default (see [`Self::replace`]).
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }

    /// Takes the lock from whoever holds it.
    ///
    /// # Safety
    /// The holder never runs again.
    pub unsafe fn force_unlock(&self) {
        // SAFETY: as the caller says.
        unsafe { self.lock.force_unlock() };
    }

    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    fn guard<'a>(&'a self, guard: spin::MutexGuard<'a, T>) -> MutexGuard<'a, T, R> {
        MutexGuard {
            rank: PhantomData,
            guard,
            #[cfg(debug_assertions)]
            _entry: held::Entry::new::<R>(self.address()),
        }
    }

    #[cfg(debug_assertions)]
    fn address(&self) -> usize {
        (&raw const self.lock).cast::<()>() as usize
    }
}

impl<T: Default, R> Default for Mutex<T, R> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized, R> Deref for MutexGuard<'_, T, R> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T: ?Sized, R> DerefMut for MutexGuard<'_, T, R> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// In test builds panics if a [`Mutex`] is held where `what` happens: a copy from or to a program, or a
/// switch to another task, either of which may sleep.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub fn assert_none_held(what: &str) {
    #[cfg(debug_assertions)]
    held::assert_none(what);
    #[cfg(not(debug_assertions))]
    let _ = what;
}

/// Ends the checks: a panic prints its message whatever is held.
pub fn stop_checks() {
    #[cfg(debug_assertions)]
    held::stop();
}
