//! The waiters of a wait queue (`wait.rs`), in the order of their arrival.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use super::run_queue;
use super::thread::Thread;
use super::wait::WaitQueue;
use crate::abi::errno::Errno;
use crate::abi::ready::Ready;
use crate::mm::fallible::Grow;

/// Callback of a wait queue.
pub trait Wake: Send + Sync {
    /// Called when one of `events` may have happened, with the queue locked: the callback must
    /// neither join nor leave the queue, nor use the file.
    fn wake(&self, events: Ready);
}

/// Identifies the entries of one waiter in all queues that it has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

impl Ticket {
    /// A new ticket, greater than all earlier ones.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// An entry of a wait queue.
pub(super) enum Waiter {
    /// Woken, and removed then.
    Thread(Arc<Thread>),
    /// Called for the events that it waits for; stays.
    Callback(Ready, Arc<dyn Wake>),
    /// A callback that left; removed later.
    Gone,
}

/// Progress of a wake-up in parts.
#[derive(Clone, Copy)]
pub(super) struct Round {
    /// Ticket at which the next part begins.
    from: Ticket,
    /// Later waiters joined after the first part.
    until: Ticket,
}

impl Round {
    /// Before the first part.
    pub const fn new() -> Self {
        Self {
            from: Ticket(0),
            until: Ticket(u64::MAX),
        }
    }
}

/// Waiters in the order of their tickets, the order of arrival.
pub(super) type Line = VecDeque<(Ticket, Waiter)>;

/// The waiters of a queue.
#[derive(Default)]
pub(super) struct Lines {
    /// Waiters that are woken together.
    pub shared: Line,
    /// Upper bound of the `Gone` entries of `shared`; an entry that leaves twice counts twice. They
    /// are removed together once they are half of the queue: otherwise many waiters that leave in
    /// any order would cost a move of the rest each.
    pub gone: usize,
    /// Waiters that are woken one at a time, as each consumes the event.
    pub exclusive: Line,
    /// The shared callbacks beyond the first [`PART`], as a queue of their own, which is woken
    /// later where the caller can't let others run (`late.rs`).
    pub overflow: Option<Arc<WaitQueue>>,
}

/// Shared waiters that are woken at a time.
pub(super) const PART: usize = 512;

impl Lines {
    /// Whether a thread is the only shared waiter.
    pub fn is_one_thread(&self) -> bool {
        self.shared.len() == 1 && matches!(self.shared.front(), Some((_, Waiter::Thread(_))))
    }

    /// Adds a shared waiter.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn enter(&mut self, ticket: Ticket, waiter: Waiter) -> Result<(), Errno> {
        self.shared.room_for(1)?;
        let at = self.shared.partition_point(|(other, _)| *other <= ticket);
        self.shared.insert(at, (ticket, waiter));
        Ok(())
    }

    /// Removes the shared waiters that joined with `ticket`.
    pub fn leave(&mut self, ticket: Ticket) {
        let Self { shared, gone, .. } = self;
        let start = shared.partition_point(|(other, _)| *other < ticket);
        let end = shared.partition_point(|(other, _)| *other <= ticket);
        for (_, waiter) in shared.range_mut(start..end) {
            *waiter = Waiter::Gone;
            *gone += 1;
        }
        self.remove_gone();
    }

    /// Wakes the next part of many shared waiters; true while there are more.
    pub fn wake_part(&mut self, events: Ready, round: &mut Round) -> bool {
        let Self { shared, gone, .. } = self;
        if round.until.0 == u64::MAX {
            round.until = Ticket::new();
        }
        let start = shared.partition_point(|(ticket, _)| *ticket < round.from);
        for (number, (ticket, waiter)) in shared.range_mut(start..).enumerate() {
            if *ticket >= round.until {
                break;
            }
            // All entries of a waiter are in one part.
            if number >= PART && *ticket != round.from {
                round.from = *ticket;
                return true;
            }
            round.from = *ticket;
            match waiter {
                Waiter::Thread(thread) => {
                    run_queue::wake_thread(thread);
                    *waiter = Waiter::Gone;
                    *gone += 1;
                }
                Waiter::Callback(wanted, callback) if wanted.intersects(events) => {
                    callback.wake(events);
                }
                Waiter::Callback(..) | Waiter::Gone => {}
            }
        }
        self.remove_gone();
        false
    }

    /// Removes the entries that left, once they are half of the queue.
    fn remove_gone(&mut self) {
        let Self { shared, gone, .. } = self;
        if *gone * 2 >= shared.len() {
            shared.retain(|(_, waiter)| !matches!(waiter, Waiter::Gone));
            *gone = 0;
        }
        trim(shared);
    }

    /// The line of exclusive waiters, or that of shared ones.
    pub fn choose(&mut self, exclusive: bool) -> &mut Line {
        if exclusive {
            &mut self.exclusive
        } else {
            &mut self.shared
        }
    }
}

/// Removes an entry of `ticket`; returns whether there was one.
pub(super) fn remove(line: &mut Line, ticket: Ticket) -> bool {
    let found = line.binary_search_by_key(&ticket, |(other, _)| *other);
    let is_found = found.map(|at| line.remove(at)).is_ok();
    trim(line);
    is_found
}

/// Frees the memory of an empty queue that has been long.
pub(super) fn trim(line: &mut Line) {
    if line.is_empty() && line.capacity() > 64 {
        *line = VecDeque::new();
    }
}
