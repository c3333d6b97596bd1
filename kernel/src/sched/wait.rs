//! Wait queues (include/linux/wait.h): sleeping tasks and callbacks that wait for an event.
//!
//! A callback ([`Wake`]) is for poll(2), select(2) and epoll(7), which wait for several files at
//! once and are in the queues of all of them. A wake-up removes a task from the queue; a callback
//! stays until it is removed by [`WaitQueue::leave`]. Timeouts are timers of `time/timer.rs`.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use super::waiters::{Lines, PART, Round, Waiter, remove, trim};
use crate::abi::errno::Errno;
use crate::abi::ready::Ready;
use crate::arch::percpu::{self, work};
use crate::mm::fallible::TryPush;
use crate::mm::reserve;
use crate::sched::sleep::Alarm;
use crate::sched::thread::ThreadState;
use crate::sched::{late, preempt, run_queue};
use crate::sync::{Mutex, rank};
use crate::time::timer::Clock;

pub use super::waiters::{Ticket, Wake};

/// Waiters for one event.
#[derive(Default)]
pub struct WaitQueue(Mutex<Lines, rank::WaitQueue>);

/// What remains after a part of a wake-up.
enum Rest {
    Nothing,
    /// Waiters of the queue itself.
    Own,
    /// Those beyond.
    Overflow(Arc<WaitQueue>),
}

impl WaitQueue {
    /// A queue without waiters.
    pub const fn new() -> Self {
        Self(Mutex::new(Lines {
            shared: VecDeque::new(),
            gone: 0,
            exclusive: VecDeque::new(),
            overflow: None,
        }))
    }

    /// Sleeps until `condition` returns a value. The condition is evaluated again after every
    /// wake-up; no event is lost between the evaluation and the sleep, since the kernel is not
    /// preemptible. A signal wakes the task too: a condition that should end the wait then tests
    /// [`is_interrupted`].
    pub fn wait_for<T>(&self, mut condition: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(value) = condition() {
                return value;
            }
            self.sleep(false);
        }
    }

    /// [`wait_for`](Self::wait_for) with a deadline in ns of CLOCK_MONOTONIC: `None` if it passes
    /// first.
    pub fn wait_until<T>(
        &self,
        deadline: Option<u64>,
        condition: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        wait_until(deadline, condition, || {
            self.sleep(false);
        })
    }

    /// [`wait_until`](Self::wait_until) for a waiter that consumes the event, such as a connection:
    /// [`wake_one`](Self::wake_one) wakes only one of these.
    pub fn wait_exclusively<T>(
        &self,
        deadline: Option<u64>,
        condition: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let mut was_woken = false;
        let value = wait_until(deadline, condition, || was_woken = self.sleep(true));
        // A waiter that gives up passes an unused wake-up on to the next.
        if was_woken && (value.is_none() || is_interrupted()) {
            self.wake_one();
        }
        value
    }

    /// Sleeps until woken by any source. Returns whether this queue was the source.
    fn sleep(&self, exclusive: bool) -> bool {
        let ticket = Ticket::new();
        let task = run_queue::current_thread();
        task.set_state(ThreadState::Blocked);
        let is_entered = {
            let mut lines = self.0.lock();
            let line = lines.choose(exclusive);
            line.try_push((ticket, Waiter::Thread(task))).is_ok()
        };
        // Without memory for the entry, the caller's loop polls the condition.
        if !is_entered {
            run_queue::current_thread().set_state(ThreadState::Runnable);
            run_queue::pause();
            reserve::after_sleep();
            return false;
        }
        run_queue::schedule();
        // A wake-up by another source, a signal or a timer, leaves the entry in the queue.
        !remove(self.0.lock().choose(exclusive), ticket)
    }

    /// Adds a callback, to be called when one of `events` may have happened.
    ///
    /// # Errors
    /// `ENOMEM`: programs decide the number of callbacks.
    pub fn join(
        &self,
        ticket: Ticket,
        events: Ready,
        callback: Arc<dyn Wake>,
    ) -> Result<(), Errno> {
        let waiter = Waiter::Callback(events, callback);
        let mut lines = self.0.lock();
        if lines.shared.len() < PART {
            return lines.enter(ticket, waiter);
        }
        // Only its own queue's callers know the overflow: its lock is taken after that of the
        // queue.
        let overflow = lines.overflow.get_or_insert_default();
        overflow.0.lock_beside().enter(ticket, waiter)
    }

    /// Removes all callbacks that joined with `ticket`.
    pub fn leave(&self, ticket: Ticket) {
        let mut lines = self.0.lock();
        lines.leave(ticket);
        let Some(overflow) = &lines.overflow else {
            return;
        };
        let mut beyond = overflow.0.lock_beside();
        beyond.leave(ticket);
        let is_empty = beyond.shared.is_empty();
        drop(beyond);
        if is_empty {
            lines.overflow = None;
        }
    }

    /// Whether anything is in the queue. Most wake-ups find it empty.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    fn has_waiters(&self) -> bool {
        let lines = self.0.lock_beside();
        !(lines.shared.is_empty() && lines.exclusive.is_empty()) || lines.overflow.is_some()
    }

    /// Wakes all waiters.
    #[inline]
    pub fn wake_all(&self) {
        self.wake(Ready::all(), usize::MAX);
    }

    /// Wakes all shared waiters and the first exclusive one.
    pub fn wake_one(&self) {
        self.wake(Ready::all(), 1);
    }

    /// Wakes all shared tasks, the callbacks for any of `events`, and at most `exclusive` of the
    /// exclusive waiters.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn wake(&self, events: Ready, exclusive: usize) {
        if self.has_waiters() {
            self.wake_waiters(events, exclusive);
        }
    }

    fn wake_waiters(&self, events: Ready, exclusive: usize) {
        let mut round = Round::new();
        loop {
            match self.next_part(events, exclusive, &mut round) {
                Rest::Own => {}
                Rest::Overflow(beyond) => return late::add(&beyond, events),
                Rest::Nothing => return,
            }
        }
    }

    /// [`wake`](Self::wake) by a call on a file, which programs may have in any number of epoll
    /// instances: with a preemption point between two parts.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn wake_in_parts(&self, events: Ready, exclusive: usize) {
        if !self.has_waiters() {
            return;
        }
        let mut round = Round::new();
        loop {
            match self.next_part(events, exclusive, &mut round) {
                Rest::Own => {}
                Rest::Overflow(beyond) => {
                    let mut round = Round::new();
                    while beyond.wake_part(events, &mut round) {
                        preempt::point();
                    }
                    return;
                }
                Rest::Nothing => return,
            }
            preempt::point();
        }
    }

    /// Wakes the next part of an overflow; true while there are more.
    pub(super) fn wake_part(&self, events: Ready, round: &mut Round) -> bool {
        matches!(self.next_part(events, 0, round), Rest::Own)
    }

    /// Wakes the next part of the waiters; returns what remains.
    fn next_part(&self, events: Ready, exclusive: usize, round: &mut Round) -> Rest {
        // The caller may hold the lock of another queue: a watched file's queue calls back an epoll
        // instance, which wakes its own queue. Epoll instances don't watch each other in a circle
        // (`vfs/epoll/nesting.rs`).
        let mut lines = self.0.lock_beside();
        if lines.shared.len() > PART {
            if lines.wake_part(events, round) {
                return Rest::Own;
            }
        } else if lines.is_one_thread() {
            // The most frequent case, without a pass over the line.
            if let Some((_, Waiter::Thread(thread))) = lines.shared.pop_front() {
                run_queue::wake_thread(&thread);
            }
            lines.gone = 0;
            trim(&mut lines.shared);
        } else if !lines.shared.is_empty() {
            lines.shared.retain(|(_, waiter)| match waiter {
                Waiter::Thread(thread) => {
                    run_queue::wake_thread(thread);
                    false
                }
                Waiter::Callback(wanted, callback) => {
                    if wanted.intersects(events) {
                        callback.wake(events);
                    }
                    true
                }
                Waiter::Gone => false,
            });
            lines.gone = 0;
            trim(&mut lines.shared);
        }
        for _ in 0..exclusive {
            let Some((_, waiter)) = lines.exclusive.pop_front() else {
                break;
            };
            if let Waiter::Thread(thread) = waiter {
                run_queue::wake_thread(&thread);
            }
        }
        trim(&mut lines.exclusive);
        match &lines.overflow {
            Some(beyond) => Rest::Overflow(beyond.clone()),
            None => Rest::Nothing,
        }
    }
}

/// Sleeps outside any queue until `condition` returns a value, or until `deadline` (ns of
/// CLOCK_MONOTONIC): `None`. The condition is evaluated again at each [`run_queue::wake`].
pub fn until<T>(deadline: Option<u64>, condition: impl FnMut() -> Option<T>) -> Option<T> {
    wait_until(deadline, condition, block)
}

/// Blocks the running task until it is woken.
pub fn block() {
    run_queue::current_thread().set_state(ThreadState::Blocked);
    run_queue::schedule();
}

fn wait_until<T>(
    deadline: Option<u64>,
    mut condition: impl FnMut() -> Option<T>,
    mut sleep: impl FnMut(),
) -> Option<T> {
    let mut alarm = None;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if let Some(deadline) = deadline {
            if Clock::Monotonic.has_reached(deadline) {
                return None;
            }
            // One alarm is enough: CLOCK_MONOTONIC can't be set.
            alarm.get_or_insert_with(|| Alarm::new(Clock::Monotonic, deadline));
        }
        sleep();
    }
}

/// Whether a signal is pending for the running task (signal_pending).
pub fn is_interrupted() -> bool {
    percpu::is_pending::<{ work::SIGNAL }>()
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use crate::sync::{Mutex, rank};

    use super::{PART, Ticket, WaitQueue, Wake};
    use crate::abi::ready::Ready;
    use crate::kernel_test;
    use crate::sched::late;

    #[derive(Default)]
    struct Log(Mutex<Vec<Ready>, rank::TestLog>);

    impl Wake for Log {
        fn wake(&self, events: Ready) {
            self.0.lock().push(events);
        }
    }

    kernel_test!(
        fn callbacks_get_their_events_until_they_leave() {
            let (first, second) = (WaitQueue::new(), WaitQueue::new());
            let logs: [Arc<Log>; 2] = Default::default();
            let tickets = [Ticket::new(), Ticket::new()];
            // The second waiter is in both queues, and twice in one of them.
            second
                .join(tickets[1], Ready::WRITE, logs[1].clone())
                .unwrap();
            second
                .join(tickets[1], Ready::WRITE, logs[1].clone())
                .unwrap();
            first
                .join(tickets[1], Ready::READ, logs[1].clone())
                .unwrap();
            // Later, but with an earlier ticket.
            first
                .join(tickets[0], Ready::READ | Ready::HANGUP, logs[0].clone())
                .unwrap();
            let heard = || {
                let take = |log: &Arc<Log>| log.0.take().len();
                [take(&logs[0]), take(&logs[1])]
            };
            first.wake(Ready::WRITE, 1);
            assert_eq!(heard(), [0, 0]);
            first.wake(Ready::READ, 1);
            assert_eq!(heard(), [1, 1]);
            first.wake(Ready::HANGUP, 1);
            assert_eq!(heard(), [1, 0]);
            second.wake_all();
            assert_eq!(heard(), [0, 2]);
            second.leave(tickets[1]);
            first.leave(tickets[0]);
            first.wake_all();
            second.wake_all();
            assert_eq!(heard(), [0, 1]);
        }
    );

    kernel_test!(
        fn a_crowd_is_woken_in_parts() {
            const CROWD: usize = 3 * PART + 10;
            let queue = WaitQueue::new();
            let (log, after) = (Arc::new(Log::default()), Arc::new(Log::default()));
            let mut tickets = Vec::new();
            for _ in 0..CROWD {
                let ticket = Ticket::new();
                queue.join(ticket, Ready::READ, log.clone()).unwrap();
                tickets.push(ticket);
            }
            let heard = || log.0.take().len();
            queue.wake(Ready::READ, 0);
            assert_eq!(heard(), PART);
            // Twice: the rest hears of it from the beginning.
            assert!(late::wake_part(None));
            assert_eq!(heard(), PART);
            queue.wake(Ready::READ, 0);
            assert_eq!(heard(), PART);
            let mut sizes = Vec::new();
            while late::wake_part(None) {
                sizes.push(heard());
                // Who joins after the first part isn't woken.
                let joined = queue.join(Ticket::new(), Ready::READ, after.clone());
                joined.unwrap();
            }
            assert_eq!(sizes, [PART, PART]);
            assert_eq!((heard(), after.0.take().len()), (10, 0));
            queue.wake(Ready::WRITE, 0);
            while late::wake_part(None) {}
            assert_eq!((heard(), after.0.take().len()), (0, 0));
            // Those beyond stay when the first ones leave, and the other way round.
            let (first, beyond) = tickets.split_at(PART);
            first.iter().for_each(|ticket| queue.leave(*ticket));
            queue.wake(Ready::READ, 0);
            assert_eq!(heard(), 0);
            while late::wake_part(None) {}
            assert_eq!((heard(), after.0.take().len()), (CROWD - PART, 2));
            beyond.iter().for_each(|ticket| queue.leave(*ticket));
            queue.wake(Ready::READ, 0);
            while late::wake_part(None) {}
            assert_eq!((heard(), after.0.take().len()), (0, 2));
            // A queue that goes takes its late wake-ups with it.
            queue.wake(Ready::READ, 0);
            drop(queue);
            assert!(!late::wake_part(None));
        }
    );

    kernel_test!(
        fn many_callbacks_leave_in_any_order() {
            const CROWD: usize = 100;
            let queue = WaitQueue::new();
            let logs: Vec<Arc<Log>> = (0..CROWD).map(|_| Arc::default()).collect();
            let tickets: Vec<Ticket> = (0..CROWD).map(|_| Ticket::new()).collect();
            for (ticket, log) in tickets.iter().zip(&logs) {
                queue.join(*ticket, Ready::READ, log.clone()).unwrap();
            }
            let mut staying = [true; CROWD];
            for turn in 0..CROWD {
                // 37 and 100 have no common divisor: each leaves once. Some leave again.
                let leaving = turn * 37 % CROWD;
                staying[leaving] = false;
                queue.leave(tickets[leaving]);
                queue.leave(tickets[turn / 2 * 37 % CROWD]);
                // A wake-up removes `Gone` entries: most rounds go without one.
                if turn % 3 > 0 {
                    continue;
                }
                queue.wake(Ready::READ, 0);
                for (log, stays) in logs.iter().zip(staying) {
                    let heard = log.0.take().len();
                    assert_eq!(heard, usize::from(stays));
                }
            }
            assert!(queue.0.lock().shared.is_empty());
        }
    );
}
