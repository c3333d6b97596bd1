//! A lock that may be held over a copy from or to a program: who finds it taken sleeps.

use core::ops::{Deref, DerefMut};

use crate::process::wait::WaitQueue;

/// A lock whose holder may sleep. Taken while no [`Mutex`](super::Mutex) is held.
#[derive(Default)]
pub struct SleepLock<T> {
    value: spin::Mutex<T>,
    /// Woken when the lock is given up.
    turn: WaitQueue,
}

/// The right to use what a [`SleepLock`] guards.
pub struct SleepGuard<'a, T> {
    // Dropped before `_turn`.
    guard: spin::MutexGuard<'a, T>,
    _turn: WakeOnDrop<'a>,
}

struct WakeOnDrop<'a>(&'a WaitQueue);

impl Drop for WakeOnDrop<'_> {
    fn drop(&mut self) {
        self.0.wake_all();
    }
}

impl<T> SleepLock<T> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            value: spin::Mutex::new(value),
            turn: WaitQueue::new(),
        }
    }

    /// Takes the lock, after those who have it.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock(&self) -> SleepGuard<'_, T> {
        super::assert_none_held("a sleeping lock is taken");
        let guard = self.value.try_lock();
        SleepGuard {
            guard: guard.unwrap_or_else(|| self.turn.wait_for(|| self.value.try_lock())),
            _turn: WakeOnDrop(&self.turn),
        }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<SleepGuard<'_, T>> {
        Some(SleepGuard {
            guard: self.value.try_lock()?,
            _turn: WakeOnDrop(&self.turn),
        })
    }
}

impl<T> Deref for SleepGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for SleepGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
