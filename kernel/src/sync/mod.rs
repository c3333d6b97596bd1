//! Locks: a ranked spin lock and a sleeping lock.
//!
//! A [`Mutex`] is held briefly: never during a copy to or from user memory, never over a task
//! switch. Its type names its rank ([`rank`]); a lock may be taken only if all held locks have
//! lower ranks. A [`SleepLock`](crate::sched::sleep_lock::SleepLock) may be held over both; a task
//! that finds it taken sleeps.
//!
//! In the normal build a [`Mutex`] is just a `spin::Mutex`. With debug assertions `held.rs` tracks
//! the held locks and panics on a violation. `docs/LOCKS.md` has the order, and why an interrupt
//! handler may take any lock.

use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

#[cfg(debug_assertions)]
mod held;
pub mod rank;

#[cfg(all(test, debug_assertions))]
pub use held::tests::is_noticed;

use rank::Rank;

/// A spin lock with a rank.
pub struct Mutex<T: ?Sized, R> {
    rank: PhantomData<fn() -> R>,
    lock: spin::Mutex<T>,
}

/// Guard of a [`Mutex`]: access to the value until dropped.
pub struct MutexGuard<'a, T: ?Sized, R> {
    rank: PhantomData<fn() -> R>,
    guard: spin::MutexGuard<'a, T>,
    // Dropped after the lock is released.
    #[cfg(debug_assertions)]
    _entry: held::Entry,
}

impl<T, R> Mutex<T, R> {
    /// Wraps `value` in an unlocked lock.
    #[inline(always)]
    pub const fn new(value: T) -> Self {
        Self {
            rank: PhantomData,
            lock: spin::Mutex::new(value),
        }
    }
}

impl<T, R> Mutex<T, R> {
    /// The value, by exclusive reference, without locking.
    pub fn get_mut(&mut self) -> &mut T {
        self.lock.get_mut()
    }

    /// Unwraps the value.
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

    /// Takes the lock while another of its rank may be held. Each caller states why two tasks can't
    /// deadlock: all take the two in the same order.
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

    /// Stores `value` and returns the old one, for the caller to drop with the lock released:
    /// dropping the last reference to a file, a directory entry or an address space takes other
    /// locks.
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

    /// Moves the value out and leaves the default value (see [`Self::replace`]).
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }

    /// Releases the lock regardless of its holder.
    ///
    /// # Safety
    /// The holder never runs again.
    pub unsafe fn force_unlock(&self) {
        // SAFETY: the holder never runs again, as the caller promises.
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

/// Asserts in test builds that no [`Mutex`] is held at `what`: a user copy, a preemption point, a
/// task switch or an interrupt.
#[inline(always)]
#[cfg_attr(debug_assertions, track_caller)]
pub fn assert_none_held(what: &str) {
    #[cfg(debug_assertions)]
    held::assert_none(what);
    #[cfg(not(debug_assertions))]
    let _ = what;
}

/// Disables the checks, for a panic's message.
pub fn stop_checks() {
    #[cfg(debug_assertions)]
    held::stop();
}
