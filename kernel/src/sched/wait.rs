//! Wait queues: who is to be told when something happens.
//!
//! In a queue stand tasks that sleep, and [`Wake`] callbacks: poll(2), select(2) and epoll(7) wait
//! for several files at once, and so stand in the queues of all of them. A task leaves the queue as
//! it is woken; a callback stays until it is taken out. Timeouts come from `crate::time::timer`.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::sync::{Mutex, rank};

use crate::abi::errno::Errno;
use crate::abi::ready::Ready;
use crate::arch::percpu::{self, work};
use crate::mm::fallible::{Grow, TryPush};
use crate::mm::reserve;
use crate::process::task::{Task, TaskState};
use crate::sched::run_queue;
use crate::sched::sleep::Alarm;
use crate::time::timer::Clock;

/// An entry of a wait queue that isn't a task.
pub trait Wake: Send + Sync {
    /// Called when one of `events` may have happened. The queue is locked meanwhile: neither join
    /// nor leave it, and don't look at the file.
    fn wake(&self, events: Ready);
}

/// Identifies the entries of one waiter, in every queue that it has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

impl Ticket {
    /// A new one, greater than all before.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

enum Waiter {
    Task(Arc<Task>),
    Callback(Ready, Arc<dyn Wake>),
    /// A callback that left.
    Gone,
}

/// Waiters in the order of their tickets, which is that of their coming.
type Line = VecDeque<(Ticket, Waiter)>;

/// Those who wait for one thing.
#[derive(Default)]
pub struct WaitQueue(Mutex<Lines, rank::WaitQueue>);

#[derive(Default)]
struct Lines {
    /// Woken together.
    shared: Line,
    /// Entries of `shared` that left, counted again where one leaves again. They go when they are
    /// as many as the others: a crowd that leaves in any order does not move the rest up for each.
    gone: usize,
    /// Woken one at a time: each uses up what it is woken for.
    exclusive: Line,
}

impl WaitQueue {
    /// A queue without waiters.
    pub const fn new() -> Self {
        Self(Mutex::new(Lines {
            shared: VecDeque::new(),
            gone: 0,
            exclusive: VecDeque::new(),
        }))
    }

    /// Sleeps until `condition` gives a value. It is asked again after every wake-up; nothing
    /// can happen between asking and sleeping, since the kernel is not preemptible. A signal
    /// wakes the task too: a condition that should end the wait then asks
    /// [`is_interrupted`].
    pub fn wait_for<T>(&self, mut condition: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(value) = condition() {
                return value;
            }
            self.sleep(false);
        }
    }

    /// The same until CLOCK_MONOTONIC says `deadline` (ns): `None` if that came first.
    pub fn wait_until<T>(
        &self,
        deadline: Option<u64>,
        condition: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        wait_until(deadline, condition, || {
            self.sleep(false);
        })
    }

    /// As [`wait_until`](Self::wait_until), for a waiter that uses up what it waits for (a
    /// connection, an event): [`wake_one`](Self::wake_one) wakes a single one of those.
    pub fn wait_exclusively<T>(
        &self,
        deadline: Option<u64>,
        condition: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let mut was_woken = false;
        let value = wait_until(deadline, condition, || was_woken = self.sleep(true));
        // It may have given up with the wake-up unused: another one should have it.
        if was_woken && (value.is_none() || is_interrupted()) {
            self.wake_one();
        }
        value
    }

    /// Sleeps until woken by any source. Returns whether this queue was the source.
    fn sleep(&self, exclusive: bool) -> bool {
        let task = run_queue::current_task();
        let ticket = Ticket::new();
        let is_entered = {
            let mut lines = self.0.lock();
            let line = lines.choose(exclusive);
            line.try_push((ticket, Waiter::Task(task.clone()))).is_ok()
        };
        // A crowd for which there is no memory asks again and again.
        if !is_entered {
            drop(task);
            run_queue::pause();
            reserve::after_sleep();
            return false;
        }
        task.set_state(TaskState::Blocked);
        drop(task);
        run_queue::schedule();
        // A wake-up from another source, a signal or a timer, leaves the entry behind.
        !remove(self.0.lock().choose(exclusive), ticket)
    }

    /// Enters a callback, to be called when one of `events` may have happened.
    ///
    /// # Errors
    /// `ENOMEM`: a program decides how many there are.
    pub fn join(
        &self,
        ticket: Ticket,
        events: Ready,
        callback: Arc<dyn Wake>,
    ) -> Result<(), Errno> {
        let mut lines = self.0.lock();
        lines.shared.room_for(1)?;
        let at = lines.shared.partition_point(|(other, _)| *other <= ticket);
        let waiter = Waiter::Callback(events, callback);
        lines.shared.insert(at, (ticket, waiter));
        Ok(())
    }

    /// Takes out all callbacks that joined with `ticket`.
    pub fn leave(&self, ticket: Ticket) {
        let mut lines = self.0.lock();
        let start = lines.shared.partition_point(|(other, _)| *other < ticket);
        let end = lines.shared.partition_point(|(other, _)| *other <= ticket);
        let Lines { shared, gone, .. } = &mut *lines;
        for (_, waiter) in shared.range_mut(start..end) {
            *waiter = Waiter::Gone;
            *gone += 1;
        }
        if *gone * 2 >= shared.len() {
            shared.retain(|(_, waiter)| !matches!(waiter, Waiter::Gone));
            *gone = 0;
        }
        trim(shared);
    }

    /// Wakes every waiter.
    pub fn wake_all(&self) {
        self.wake(Ready::all(), usize::MAX);
    }

    /// Wakes every waiter, but of those that wait exclusively only the one that came first.
    pub fn wake_one(&self) {
        self.wake(Ready::all(), 1);
    }

    /// Wakes the sleeping tasks and the callbacks that are for one of `events`; `exclusive`: at
    /// most so many of the exclusive waiters.
    pub fn wake(&self, events: Ready, exclusive: usize) {
        // Another queue may be locked: that of a file which an epoll instance watches, whose own
        // queue this is. What watches what has no circles (`vfs/epoll/nesting.rs`).
        let mut lines = self.0.lock_beside();
        if !lines.shared.is_empty() {
            lines.shared.retain(|(_, waiter)| match waiter {
                Waiter::Task(task) => {
                    run_queue::wake(task);
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
            if let Waiter::Task(task) = waiter {
                run_queue::wake(&task);
            }
        }
        trim(&mut lines.exclusive);
    }
}

impl Lines {
    fn choose(&mut self, exclusive: bool) -> &mut Line {
        if exclusive {
            &mut self.exclusive
        } else {
            &mut self.shared
        }
    }
}

/// Takes one entry of `ticket` out; whether there was one.
fn remove(line: &mut Line, ticket: Ticket) -> bool {
    let found = line.binary_search_by_key(&ticket, |(other, _)| *other);
    found.map(|at| line.remove(at)).is_ok()
}

/// Gives back the room of a crowd that is gone.
fn trim(line: &mut Line) {
    if line.is_empty() && line.capacity() > 64 {
        *line = VecDeque::new();
    }
}

/// Sleeps in no queue until `condition` gives a value, which [`run_queue::wake`] has to make it ask
/// for, or until `deadline` (ns of CLOCK_MONOTONIC): `None`.
pub fn until<T>(deadline: Option<u64>, condition: impl FnMut() -> Option<T>) -> Option<T> {
    wait_until(deadline, condition, block)
}

/// Gives up the CPU until the running task is woken.
pub fn block() {
    run_queue::current_task().set_state(TaskState::Blocked);
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
            // Set once: it rings when the deadline is reached, and not before.
            alarm.get_or_insert_with(|| Alarm::new(Clock::Monotonic, deadline));
        }
        sleep();
    }
}

/// Whether a signal waits for the running task.
pub fn is_interrupted() -> bool {
    percpu::is_pending::<{ work::SIGNAL }>()
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use crate::sync::{Mutex, rank};

    use super::{Ticket, WaitQueue, Wake};
    use crate::abi::ready::Ready;
    use crate::kernel_test;

    #[derive(Default)]
    struct Log(Mutex<Vec<Ready>, rank::TestLog>);

    impl Wake for Log {
        fn wake(&self, events: Ready) {
            self.0.lock().push(events);
        }
    }

    kernel_test!(
        fn callbacks_hear_what_they_asked_for_until_they_leave() {
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
        fn a_crowd_leaves_in_any_order() {
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
                // Waking clears away what left: without it more is there to pass over.
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
