//! Timer queues: for each clock one of sleeps and one of events, in order of expiry.
//!
//! The timer interrupt calls [`run_due`], which calls the owners of due timers with no lock held.
//! `oneshot.rs` programs the interrupt for the earliest timer. No timer expires early. Programs may
//! have any number of events due at once, such as timerfds: one interrupt runs a part of them,
//! after all due sleeps.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicU64, Ordering};

use crate::sync::{Mutex, rank};
use vdso::reader::{MONOTONIC, REALTIME};

use super::{as_nanos, now, oneshot};
use crate::arch::tsc;

/// Clock of a timer. Setting the date moves the expiry of CLOCK_REALTIME's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// CLOCK_MONOTONIC; CLOCK_BOOTTIME is the same here, where nothing suspends.
    Monotonic,
    /// CLOCK_REALTIME.
    Realtime,
}

impl Clock {
    /// The time in nanoseconds.
    pub fn now(self) -> u64 {
        let id = match self {
            Self::Monotonic => MONOTONIC,
            Self::Realtime => REALTIME,
        };
        now(id as i32).map_or(0, as_nanos)
    }

    /// Whether the clock has reached `time` (ns).
    pub fn has_reached(self, time: u64) -> bool {
        self.now() >= time
    }
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The end of a thread's sleep.
    Sleep,
    /// An event for a program: a signal, or a descriptor that becomes ready.
    Event,
}

/// A queue: all timers of one clock and purpose.
type QueueId = (Clock, Purpose);

/// The owner of a [`Timer`].
pub trait Expire: Send + Sync {
    /// Called at expiry. The timer is disarmed by then and may be set again.
    fn expire(self: Arc<Self>);
}

/// Expiry in ns of the clock, and a sequence number for timers of the same expiry.
type QueueKey = (u64, u64);
type QueueByExpiry = BTreeMap<QueueKey, Weak<dyn Expire>>;

/// The queues, indexed by [`Clock`] and [`Purpose`].
static QUEUES: [[Mutex<QueueByExpiry, rank::TimerQueue>; 2]; 2] =
    [const { [const { Mutex::new(BTreeMap::new()) }; 2] }; 2];

const CLOCKS: [Clock; 2] = [Clock::Monotonic, Clock::Realtime];

fn queue((clock, purpose): QueueId) -> &'static Mutex<QueueByExpiry, rank::TimerQueue> {
    &QUEUES[clock as usize][purpose as usize]
}

fn enqueue(id: QueueId, time: u64, owner: Weak<dyn Expire>) -> QueueKey {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let key = (time, NEXT.fetch_add(1, Ordering::Relaxed));
    let mut queue = queue(id).lock();
    queue.insert(key, owner);
    let is_first = queue
        .first_key_value()
        .is_some_and(|(first, _)| *first == key);
    drop(queue);
    if is_first {
        oneshot::request(time.saturating_sub(id.0.now()));
    }
    key
}

fn dequeue(id: QueueId, key: QueueKey) {
    let owner = queue(id).lock().remove(&key);
    drop(owner);
}

/// A timer that calls its owner.
#[derive(Default)]
pub struct Timer(Mutex<Option<(QueueId, QueueKey)>, rank::TimerPlace>);

impl Timer {
    /// A disarmed timer.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Arms the timer of an event, or moves its expiry: `owner` is called when `clock` reaches
    /// `time` (ns).
    pub fn set(&self, clock: Clock, time: u64, owner: Weak<dyn Expire>) {
        self.set_for(Purpose::Event, clock, time, owner);
    }

    /// [`set`](Self::set) for a given purpose.
    pub fn set_for(&self, purpose: Purpose, clock: Clock, time: u64, owner: Weak<dyn Expire>) {
        let id = (clock, purpose);
        let key = enqueue(id, time, owner);
        let old = self.0.lock().replace((id, key));
        if let Some((id, key)) = old {
            dequeue(id, key);
        }
    }

    /// Disarms the timer.
    pub fn stop(&self) {
        let old = self.0.take();
        if let Some((id, key)) = old {
            dequeue(id, key);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Events that one interrupt runs: what is due beyond them waits for the next one.
const EVENTS: usize = 128;

/// Calls the owners of due timers, those of each clock in order of expiry: of all sleeps, and of as
/// many events as an interrupt may run.
pub fn run_due() {
    for clock in CLOCKS {
        run_queue((clock, Purpose::Sleep), usize::MAX);
    }
    // Without a usable TSC, the next interrupt is the next tick.
    let mut left = if tsc::hertz() == 0 {
        usize::MAX
    } else {
        EVENTS
    };
    for clock in CLOCKS {
        left = run_queue((clock, Purpose::Event), left);
    }
}

/// Calls the owners of at most `most` due timers of a queue; returns how many more it might have
/// called.
fn run_queue(id: QueueId, most: usize) -> usize {
    let queue = queue(id);
    let is_empty = queue.lock().is_empty();
    if is_empty {
        return most;
    }
    // The clock is read once: an owner that rearms its timer each time must not keep the loop
    // running.
    let now = id.0.now();
    for left in (0..most).rev() {
        let owner = {
            let mut queue = queue.lock();
            let first = queue.first_entry();
            match first.filter(|first| first.key().0 <= now) {
                Some(first) => first.remove(),
                None => return left + 1,
            }
        };
        if let Some(owner) = owner.upgrade() {
            owner.expire();
        }
    }
    0
}

/// Nanoseconds until the earliest timer is due; `None` without timers.
pub fn next_in() -> Option<u64> {
    let left = |id: QueueId| {
        let queue = queue(id).lock();
        let time = queue.first_key_value().map(|((time, _), _)| *time)?;
        drop(queue);
        Some(time.saturating_sub(id.0.now()))
    };
    let ids = CLOCKS.map(|clock| [(clock, Purpose::Sleep), (clock, Purpose::Event)]);
    ids.into_iter().flatten().filter_map(left).min()
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use crate::sync::{Mutex, rank};

    use super::{Clock, EVENTS, Expire, Purpose, Timer, next_in, run_due};
    use crate::kernel_test;
    use crate::time::{as_nanos, now, set_realtime};
    use vdso::math::Time;
    use vdso::reader::REALTIME;

    static LOG: Mutex<Vec<(u32, u64)>, rank::TestLog> = Mutex::new(Vec::new());

    struct Owner {
        name: u32,
        timer: Timer,
    }

    impl Expire for Owner {
        fn expire(self: Arc<Self>) {
            LOG.lock().push((self.name, Clock::Monotonic.now()));
        }
    }

    fn owner(name: u32) -> Arc<Owner> {
        Arc::new(Owner {
            name,
            timer: Timer::new(),
        })
    }

    fn set(owner: &Arc<Owner>, clock: Clock, time: u64) {
        let weak = Arc::downgrade(owner);
        owner.timer.set(clock, time, weak);
    }

    /// Runs due timers until `clock` reaches `time`; returns the owners called, in order.
    fn run_until(clock: Clock, time: u64) -> Vec<(u32, u64)> {
        LOG.lock().clear();
        while !clock.has_reached(time) {
            run_due();
        }
        run_due();
        LOG.take()
    }

    kernel_test!(
        fn timers_expire_in_order_and_never_early() {
            let start = Clock::Monotonic.now();
            let owners: Vec<_> = (0..6).map(owner).collect();
            for (owner, after) in owners.iter().zip([3, 1, 2, 2, 1, 4]) {
                set(owner, Clock::Monotonic, start + after * 200_000);
            }
            // One is disarmed, one set twice, one dropped.
            owners[4].timer.stop();
            set(&owners[5], Clock::Monotonic, start + 300_000);
            set(&owners[5], Clock::Monotonic, start + 700_000);
            let gone = owner(6);
            set(&gone, Clock::Monotonic, start + 300_000);
            drop(gone);
            let called = run_until(Clock::Monotonic, start + 1_000_000);
            let names: Vec<u32> = called.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [1, 2, 3, 0, 5]);
            for ((_, at), due) in called.iter().zip([200, 400, 400, 600, 700]) {
                assert!(*at >= start + due * 1000, "{called:?} from {start}");
            }
            assert!(run_until(Clock::Monotonic, start).is_empty());
        }
    );

    kernel_test!(
        fn events_due_at_once_run_in_parts_after_the_sleeps() {
            let due = Clock::Monotonic.now();
            let owners: Vec<_> = (0..EVENTS as u32 + 2).map(owner).collect();
            for owner in &owners[1..] {
                set(owner, Clock::Monotonic, due);
            }
            let weak = Arc::downgrade(&owners[0]);
            owners[0]
                .timer
                .set_for(Purpose::Sleep, Clock::Monotonic, due + 1, weak);
            while !Clock::Monotonic.has_reached(due + 1) {}
            LOG.lock().clear();
            let run = || {
                run_due();
                let called = LOG.take();
                (called.len(), called.first().map(|(name, _)| *name))
            };
            assert_eq!(run(), (EVENTS + 1, Some(0)));
            assert_eq!(next_in(), Some(0));
            assert_eq!(run(), (1, Some(EVENTS as u32 + 1)));
        }
    );

    kernel_test!(
        fn setting_the_date_expires_realtime_timers() {
            const HOUR: i64 = 3600;
            let date = now(REALTIME as i32).unwrap_or_default();
            let (by_date, by_uptime) = (owner(1), owner(2));
            let hence = Time {
                seconds: date.seconds + HOUR,
                ..date
            };
            set(&by_date, Clock::Realtime, as_nanos(hence));
            let uptime = Clock::Monotonic.now();
            set(&by_uptime, Clock::Monotonic, uptime + 3_600_000_000_000);
            assert!(run_until(Clock::Monotonic, uptime + 100_000).is_empty());
            set_realtime(hence);
            let called = run_until(Clock::Monotonic, uptime + 200_000);
            assert_eq!(called.len(), 1, "{called:?}");
            assert_eq!(called[0].0, 1);
            set_realtime(date);
        }
    );
}
