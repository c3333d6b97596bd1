//! Signals that have arrived and wait to be taken: one queue a thread and one a process.
//!
//! A standard signal (1 to 31) waits once however often it is sent; a real-time signal (32 to
//! 64) as often as it was sent, in that order, up to RLIMIT_SIGPENDING of its user (`account.rs`).

use alloc::collections::VecDeque;

use super::{Fields, SYNCHRONOUS, SigInfo, account, bit};
use crate::abi::errno::Errno;
use crate::mm::fallible::Grow as _;

/// First real-time signal (SIGRTMIN as the kernel counts).
const FIRST_REAL_TIME: u8 = 32;

impl SigInfo {
    /// Whether it waits with its details whatever the limit: a standard signal that no program sent
    /// with a value, and a timer's.
    #[inline]
    pub(super) fn always_has_place(&self) -> bool {
        self.signo < FIRST_REAL_TIME && self.code >= 0
            || matches!(self.fields, Fields::Timer { .. })
    }
}

fn is_of_timer(info: &SigInfo, timer: i32) -> bool {
    matches!(info.fields, Fields::Timer { id, .. } if id == timer)
}

/// What waits in one place.
#[derive(Debug, Default)]
pub struct Pending {
    /// Which signals wait: bit `n - 1` for signal `n`.
    set: u64,
    /// Their details, in the order of arrival. A signal in `set` without an entry here came when
    /// none could be kept; it is told as sent by the kernel's idle hand (`SI_USER`, pid 0).
    queue: VecDeque<SigInfo>,
}

impl Pending {
    /// The set of those that wait.
    pub fn set(&self) -> u64 {
        self.set
    }

    /// How many wait with their details.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Those that wait with their details, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = &SigInfo> {
        self.queue.iter()
    }

    /// Bytes of the kernel's that it takes.
    pub fn kept_bytes(&self) -> usize {
        self.queue.capacity() * size_of::<SigInfo>()
    }

    /// Adds one; `is_full`: it finds no place with its details.
    ///
    /// # Errors
    /// `EAGAIN` if that is a real-time signal with a value.
    pub fn push(&mut self, info: &SigInfo, is_full: bool) -> Result<(), Errno> {
        let is_real_time = info.signo >= FIRST_REAL_TIME;
        let bit = bit(info.signo);
        // A timer's signal waits beside others of its number: only taking it tells the timer.
        let is_timer = matches!(info.fields, Fields::Timer { .. });
        if !is_real_time && !is_timer && self.set & bit != 0 {
            return Ok(());
        }
        if !is_full && self.queue.room_for(1).is_ok() {
            self.queue.push_back(*info);
            account::add(1);
        } else if is_real_time && info.code != 0 {
            return Err(Errno::EAGAIN);
        }
        self.set |= bit;
        Ok(())
    }

    /// Takes the next of those in `mask`: what an instruction caused first, then the lowest number.
    pub fn pop(&mut self, mask: u64) -> Option<SigInfo> {
        let ready = self.set & mask;
        if ready == 0 {
            return None;
        }
        let ready = match ready & SYNCHRONOUS {
            0 => ready,
            first => first,
        };
        let signo = ready.trailing_zeros() as u8 + 1;
        let is_same = |info: &SigInfo| info.signo == signo;
        if self.queue.len() == 1 && self.queue.front().is_some_and(is_same) {
            self.set &= !bit(signo);
            account::remove(1);
            return self.queue.pop_front();
        }
        let info = match self.queue.iter().position(is_same) {
            Some(0) => self.queue.pop_front(),
            Some(at) => self.queue.remove(at),
            None => None,
        };
        account::remove(usize::from(info.is_some()));
        if !self.queue.iter().any(is_same) {
            self.set &= !bit(signo);
        }
        Some(info.unwrap_or_else(|| SigInfo {
            code: 0,
            ..SigInfo::kernel(signo)
        }))
    }

    /// Whether the signal of timer `id` waits.
    pub fn has_timer(&self, id: i32) -> bool {
        self.queue.iter().any(|info| is_of_timer(info, id))
    }

    /// Forgets the signal of timer `id`.
    pub fn remove_timer(&mut self, id: i32) {
        let at = self.queue.iter().position(|info| is_of_timer(info, id));
        if let Some(info) = at.and_then(|at| self.queue.remove(at)) {
            account::remove(1);
            if !self.queue.iter().any(|other| other.signo == info.signo) {
                self.set &= !bit(info.signo);
            }
        }
    }

    /// Forgets those in `mask`.
    pub fn remove(&mut self, mask: u64) {
        if self.set & mask != 0 {
            self.set &= !mask;
            let before = self.queue.len();
            self.queue.retain(|info| bit(info.signo) & mask == 0);
            account::remove(before - self.queue.len());
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        account::remove(self.queue.len());
    }
}
