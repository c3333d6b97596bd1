//! Locks: a ranked lock and a sleeping lock.
//!
//! A [`Mutex`] is held briefly: never during a copy to or from user memory, never over a task
//! switch. Its type names its rank ([`rank`]); a lock may be taken only if all held locks have
//! lower ranks. A [`SleepLock`](crate::sched::sleep_lock::SleepLock) may be held over both; a task
//! that finds it taken sleeps.
//!
//! One CPU runs, with interrupts disabled while a lock is held: taking a [`Mutex`] is a load, a
//! test and a store, without a locked instruction, and one that is found taken is an error of the
//! kernel: its holder would never run again. With debug assertions `held.rs` tracks the held locks
//! and panics on a violation of the order. `docs/LOCKS.md` has the order, and why an interrupt
//! handler may take any lock.

use core::cell::{Cell, UnsafeCell};
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

#[cfg(debug_assertions)]
mod held;
pub mod rank;

#[cfg(all(test, debug_assertions))]
pub use held::tests::is_noticed;

use rank::Rank;

/// A lock with a rank, for one CPU.
pub struct Mutex<T: ?Sized, R> {
    rank: PhantomData<fn() -> R>,
    is_held: Cell<bool>,
    value: UnsafeCell<T>,
}

// SAFETY: one CPU runs, and no code is interrupted while it takes or releases a lock: interrupts
// are enabled only in user mode, in the idle loop and at preemption points, none of which is in
// this file. So `is_held` is read and written as by one thread, and admits one holder at a time to
// the value, which may pass from one task to another (`T: Send`).
unsafe impl<T: ?Sized + Send, R> Sync for Mutex<T, R> {}

/// Guard of a [`Mutex`]: access to the value until dropped.
pub struct MutexGuard<'a, T: ?Sized, R> {
    lock: &'a Mutex<T, R>,
    // Shared and sent between tasks as the reference that it stands for.
    value: PhantomData<&'a mut T>,
    // Dropped after the lock is released.
    #[cfg(debug_assertions)]
    _entry: held::Entry,
}

impl<T, R> Mutex<T, R> {
    /// Wraps `value` in a lock that is free.
    #[inline(always)]
    pub const fn new(value: T) -> Self {
        Self {
            rank: PhantomData,
            is_held: Cell::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, by exclusive reference, without locking.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Unwraps the value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized, R: Rank> Mutex<T, R> {
    /// Takes the lock.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock(&self) -> MutexGuard<'_, T, R> {
        #[cfg(debug_assertions)]
        held::check::<R>(self.address(), false);
        self.take_or_panic()
    }

    /// Takes the lock while another of its rank may be held. Each caller states why two tasks can't
    /// deadlock: all take the two in the same order.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock_beside(&self) -> MutexGuard<'_, T, R> {
        #[cfg(debug_assertions)]
        held::check::<R>(self.address(), true);
        self.take_or_panic()
    }

    /// Takes the lock if it is free.
    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, R>> {
        if self.is_held.get() {
            return None;
        }
        self.is_held.set(true);
        Some(MutexGuard {
            lock: self,
            value: PhantomData,
            #[cfg(debug_assertions)]
            _entry: held::Entry::new::<R>(self.address()),
        })
    }

    #[inline(always)]
    #[cfg_attr(debug_assertions, track_caller)]
    fn take_or_panic(&self) -> MutexGuard<'_, T, R> {
        match self.try_lock() {
            Some(guard) => guard,
            None => taken_twice(R::NAME),
        }
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
        self.is_held.set(false);
    }

    #[cfg(debug_assertions)]
    fn address(&self) -> usize {
        (&raw const self.is_held) as usize
    }
}

/// A lock is taken that its holder can't release any more: on one CPU a task doesn't wait for it.
#[cold]
#[inline(never)]
#[cfg_attr(debug_assertions, track_caller)]
fn taken_twice(name: &str) -> ! {
    panic!("lock: {name} is taken while it is held")
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
        // SAFETY: `is_held` is set for this guard alone, which lends the value no longer than
        // itself.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized, R> DerefMut for MutexGuard<'_, T, R> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the reference to the guard is exclusive.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized, R> Drop for MutexGuard<'_, T, R> {
    #[inline(always)]
    fn drop(&mut self) {
        self.lock.is_held.set(false);
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
