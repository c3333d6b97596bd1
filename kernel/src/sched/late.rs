//! Wake-ups that are made later, in parts.
//!
//! A program may have a file in any number of epoll instances. A call that has no lock wakes them
//! in parts itself (`WaitQueue::wake_in_parts`); a signal, a timer or an instance that another one
//! watches wakes the first part at once, and notes the rest here. The task that made the call wakes
//! it before its return to user mode. Until then, and after an interrupt, it goes on where the CPU
//! has nothing else to do, and a part at each tick (`leftovers.rs`).

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use super::wait::WaitQueue;
use super::waiters::Round;
use super::{preempt, run_queue};
use crate::abi::ready::Ready;
use crate::arch::percpu::{self, work};
use crate::mm::fallible::TryPush as _;
use crate::sync::{Mutex, rank};

/// A wake-up to be made.
struct Late {
    queue: Weak<WaitQueue>,
    events: Ready,
    round: Round,
    /// Address of the thread whose call made it; 0: an interrupt.
    by: usize,
}

static LATE: Mutex<Vec<Late>, rank::LateWakes> = Mutex::new(Vec::new());

/// Notes that all in `queue` are to be woken for `events`. Without memory for the note, they are
/// woken now.
pub(super) fn add(queue: &Arc<WaitQueue>, events: Ready) {
    let by = if run_queue::is_by_clock() {
        0
    } else {
        percpu::current().addr()
    };
    let mut late = LATE.lock();
    let is_same = |other: &&mut Late| other.queue.as_ptr() == Arc::as_ptr(queue);
    if let Some(noted) = late.iter_mut().find(is_same) {
        noted.events |= events;
        noted.round = Round::new();
        noted.by = by;
        return;
    }
    let note = Late {
        queue: Arc::downgrade(queue),
        events,
        round: Round::new(),
        by,
    };
    let noted = late.try_push(note);
    drop(late);
    if noted.is_ok() {
        percpu::set_work(work::LEFTOVERS);
    } else {
        let mut round = Round::new();
        while queue.wake_part(events, &mut round) {}
    }
}

/// Whether there are wake-ups to be made. Called by the timer interrupt.
pub(super) fn are_noted() -> bool {
    LATE.try_lock().is_some_and(|late| !late.is_empty())
}

/// Makes the wake-ups that the running task has caused, and a part of the others: these go on at
/// the next tick, or while the CPU is idle. The caller holds no lock.
pub(super) fn settle() {
    let own = Some(percpu::current().addr());
    while wake_part(own) {
        preempt::point();
    }
    wake_part(None);
}

/// Wakes a part of what is noted, by the thread at an address or by any; returns whether there is
/// more. The caller holds no lock.
pub(super) fn wake_part(by: Option<usize>) -> bool {
    let is_chosen = |late: &Late| by.is_none_or(|by| late.by == by);
    let note = {
        let late = LATE.lock();
        let chosen = late.iter().rev().find(|late| is_chosen(late));
        chosen.map(|late| (late.queue.clone(), late.events, late.round))
    };
    let Some((weak, events, mut round)) = note else {
        return false;
    };
    let queue = weak.upgrade();
    let is_over = queue.is_none_or(|queue| !queue.wake_part(events, &mut round));
    let mut late = LATE.lock();
    // The part may have noted more.
    if let Some(at) = late.iter().position(|late| late.queue.ptr_eq(&weak)) {
        if is_over {
            late.swap_remove(at);
        } else {
            late[at].round = round;
        }
    }
    late.iter().any(is_chosen)
}
