//! Sleeping lock (Linux's struct mutex): may be held over a copy to or from user memory; a task
//! that finds it taken sleeps.

use core::ops::{Deref, DerefMut};

use crate::sched::wait::WaitQueue;

/// Lock whose holder may sleep. Must be taken without holding a [`Mutex`](crate::sync::Mutex).
#[derive(Default)]
pub struct SleepLock<T> {
    value: spin::Mutex<T>,
    /// Tasks that wait for the lock; woken at release.
    turn: WaitQueue,
}

/// Guard of a [`SleepLock`]: access to the value until dropped.
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
    /// Wraps `value` in an unlocked lock.
    pub const fn new(value: T) -> Self {
        Self {
            value: spin::Mutex::new(value),
            turn: WaitQueue::new(),
        }
    }

    /// Takes the lock; sleeps while it is taken.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock(&self) -> SleepGuard<'_, T> {
        crate::sync::assert_none_held("a sleeping lock is taken");
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
