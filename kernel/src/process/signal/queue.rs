//! Pending signals: a queue per thread and one per process (struct sigpending).
//!
//! A standard signal (1 to 31) is pending at most once. A real-time signal (32 to 64) is queued
//! each time it is sent, in order of arrival, up to RLIMIT_SIGPENDING of its user (`account.rs`).

use alloc::collections::VecDeque;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::abi::errno::Errno;
use crate::abi::signal::{Fields, SYNCHRONOUS, SigInfo, bit};
use crate::mm::fallible::Grow as _;

/// First real-time signal (SIGRTMIN as the kernel counts).
const FIRST_REAL_TIME: u8 = 32;

/// Queued signals and timers of all users.
static QUEUED: AtomicUsize = AtomicUsize::new(0);

/// Counts `count` more queued signals or timers.
pub fn note_queued(count: usize) {
    QUEUED.fetch_add(count, Relaxed);
}

/// Counts `count` fewer queued signals or timers.
pub fn note_dequeued(count: usize) {
    QUEUED.fetch_sub(count, Relaxed);
}

/// Number of queued signals and timers of all users.
pub fn all_queued() -> usize {
    QUEUED.load(Relaxed)
}

impl SigInfo {
    /// Whether the signal is queued beyond the limit: a standard signal not sent by sigqueue(3) or
    /// tgkill(2) (`si_code` below 0), and a timer's signal.
    #[inline]
    pub(super) fn always_has_place(&self) -> bool {
        self.signo < FIRST_REAL_TIME && self.code >= 0
            || matches!(self.fields, Fields::Timer { .. })
    }
}

fn is_of_timer(info: &SigInfo, timer: i32) -> bool {
    matches!(info.fields, Fields::Timer { id, .. } if id == timer)
}

/// Signals pending for a thread or a process.
#[derive(Debug, Default)]
pub struct Pending {
    /// Pending signals, bit `n - 1` for signal `n`.
    set: u64,
    /// Their information, in order of arrival. A signal in `set` without an entry arrived when none
    /// could be allocated, or during the fork of its process; it is delivered with `SI_USER` and
    /// pid 0.
    queue: VecDeque<SigInfo>,
}

impl Pending {
    /// The set of pending signals.
    #[inline]
    pub fn set(&self) -> u64 {
        self.set
    }

    /// Number of queued signals.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// The queued signals, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = &SigInfo> {
        self.queue.iter()
    }

    /// Bytes allocated for the queue.
    pub fn kept_bytes(&self) -> usize {
        self.queue.capacity() * size_of::<SigInfo>()
    }

    /// Adds a signal; `is_full`: the limit denies it a queue entry.
    ///
    /// # Errors
    /// `EAGAIN` without a queue entry for a real-time signal not sent by kill(2).
    #[inline(always)]
    pub fn push(&mut self, info: &SigInfo, is_full: bool) -> Result<(), Errno> {
        let is_real_time = info.signo >= FIRST_REAL_TIME;
        let bit = bit(info.signo);
        // A timer's signal is queued beside others of its number: the timer depends on its
        // delivery.
        let is_timer = matches!(info.fields, Fields::Timer { .. });
        if !is_real_time && !is_timer && self.set & bit != 0 {
            return Ok(());
        }
        if !is_full && self.queue.room_for(1).is_ok() {
            self.queue.push_back(*info);
            note_queued(1);
        } else if is_real_time && info.code != 0 {
            return Err(Errno::EAGAIN);
        }
        self.set |= bit;
        Ok(())
    }

    /// Adds the signals in `mask` without entries in the queue.
    pub fn add_unqueued(&mut self, mask: u64) {
        self.set |= mask;
    }

    /// Number of the next signal in `mask`: signals raised by instructions first, then the lowest
    /// number (next_signal).
    #[inline(always)]
    pub fn next(&self, mask: u64) -> Option<u8> {
        let ready = self.set & mask;
        if ready == 0 {
            return None;
        }
        let ready = match ready & SYNCHRONOUS {
            0 => ready,
            first => first,
        };
        Some(ready.trailing_zeros() as u8 + 1)
    }

    /// Dequeues signal `signo`, which is pending.
    #[inline(always)]
    pub fn take(&mut self, signo: u8) -> SigInfo {
        match self.queue.front() {
            Some(info) if info.signo == signo && self.queue.len() == 1 => {
                let info = *info;
                self.queue.clear();
                self.set &= !bit(signo);
                note_dequeued(1);
                info
            }
            _ => self.take_among(signo),
        }
    }

    /// Dequeues the next signal in `mask`.
    pub fn pop(&mut self, mask: u64) -> Option<SigInfo> {
        let signo = self.next(mask)?;
        Some(self.take(signo))
    }

    /// [`Self::take`] with a queue of any length.
    #[cold]
    fn take_among(&mut self, signo: u8) -> SigInfo {
        let is_same = |info: &SigInfo| info.signo == signo;
        let info = match self.queue.iter().position(is_same) {
            Some(0) => self.queue.pop_front(),
            Some(at) => self.queue.remove(at),
            None => None,
        };
        note_dequeued(usize::from(info.is_some()));
        if !self.queue.iter().any(is_same) {
            self.set &= !bit(signo);
        }
        info.unwrap_or_else(|| SigInfo {
            code: 0,
            ..SigInfo::kernel(signo)
        })
    }

    /// Whether a signal of timer `id` is pending.
    pub fn has_timer(&self, id: i32) -> bool {
        self.queue.iter().any(|info| is_of_timer(info, id))
    }

    /// Removes the signal of timer `id`.
    pub fn remove_timer(&mut self, id: i32) {
        let at = self.queue.iter().position(|info| is_of_timer(info, id));
        if let Some(info) = at.and_then(|at| self.queue.remove(at)) {
            note_dequeued(1);
            if !self.queue.iter().any(|other| other.signo == info.signo) {
                self.set &= !bit(info.signo);
            }
        }
    }

    /// Takes the information of all pending signals, whose memory the caller frees; the set stays.
    pub fn take_queue(&mut self) -> VecDeque<SigInfo> {
        note_dequeued(self.queue.len());
        core::mem::take(&mut self.queue)
    }

    /// Removes the signals in `mask`.
    pub fn remove(&mut self, mask: u64) {
        if self.set & mask != 0 {
            self.set &= !mask;
            let before = self.queue.len();
            self.queue.retain(|info| bit(info.signo) & mask == 0);
            note_dequeued(before - self.queue.len());
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        note_dequeued(self.queue.len());
    }
}
