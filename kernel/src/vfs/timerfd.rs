//! timerfd_create(2): a timer whose expirations are read from a descriptor.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::fmt::Write as _;

use crate::sync::{Mutex, rank};
use linux_raw_sys::general::{TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET};

use super::anon;
use super::file::{File, flags};
use super::inode::FileOps;
use super::io::Out;
use crate::abi::errno::Errno;
use crate::abi::ready::Ready;
use crate::mm::fallible::Text;
use crate::sched::preempt::{self, Stride};
use crate::sched::wait::{WaitQueue, is_interrupted};
use crate::time::schedule::Schedule;
use crate::time::timer::{Clock, Expire, Timer};

/// File operations of a timerfd.
pub struct TimerFd {
    me: Weak<TimerFd>,
    /// The timer's clock, and the clock ID given by the program.
    pub clock: Clock,
    clock_id: u32,
    state: Mutex<State, rank::TimerFd>,
    timer: Timer,
    expired: WaitQueue,
}

#[derive(Default)]
struct State {
    schedule: Schedule,
    /// Flags of timerfd_settime(2).
    flags: u32,
    /// Expirations not read yet.
    expirations: u64,
    /// Whether setting the clock cancels the timer, and whether that has happened.
    cancel_on_set: bool,
    is_cancelled: bool,
}

/// Timers that setting the clock cancels, by address.
static CANCELLABLE: Mutex<BTreeMap<usize, Weak<TimerFd>>, rank::CancellableTimers> =
    Mutex::new(BTreeMap::new());

/// Creates a disarmed timer, with `flags` of timerfd_create(2).
///
/// # Errors
/// `ENOMEM`.
pub fn new(clock: Clock, clock_id: u32, flags: u32) -> Result<Arc<File>, Errno> {
    let ops = Arc::new_cyclic(|me| TimerFd {
        me: me.clone(),
        clock,
        clock_id,
        state: Mutex::default(),
        timer: Timer::new(),
        expired: WaitQueue::new(),
    });
    let status = flags & flags::O_NONBLOCK;
    anon::file("timerfd", ops, flags::O_RDWR | status)
}

impl State {
    /// Adds the expirations up to `now`.
    fn catch_up(&mut self, now: u64) {
        let times = self.schedule.expire(now);
        self.expirations = self.expirations.saturating_add(times);
    }
}

impl TimerFd {
    /// Sets the timer, with `flags` of timerfd_settime(2); returns the time that was left and the
    /// old interval, in ns.
    ///
    /// # Errors
    /// `ECANCELED`, with the timer set, if the clock was set and no read(2) has reported that yet.
    pub fn set(&self, schedule: Schedule, flags: u32) -> Result<[u64; 2], Errno> {
        let both = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
        let cancel_on_set = self.clock == Clock::Realtime && flags & both == both;
        let now = self.clock.now();
        let (old, was_cancelled) = {
            let mut state = self.state.lock();
            state.catch_up(now);
            let old = (state.schedule.left(now), state.is_cancelled);
            *state = State {
                schedule,
                flags,
                cancel_on_set,
                ..State::default()
            };
            old
        };
        if cancel_on_set {
            let address = self.me.as_ptr().addr();
            CANCELLABLE.lock().insert(address, self.me.clone());
        }
        self.arm();
        if was_cancelled && cancel_on_set && schedule.next.is_some() {
            return Err(Errno::ECANCELED);
        }
        Ok(old)
    }

    /// Time left and interval, in ns.
    pub fn get(&self) -> [u64; 2] {
        let now = self.clock.now();
        let left = {
            let mut state = self.state.lock();
            state.catch_up(now);
            state.schedule.left(now)
        };
        self.arm();
        left
    }

    /// Arms the timer for the next expiry.
    fn arm(&self) {
        let next = self.state.lock().schedule.next;
        match next {
            Some(next) => self.timer.set(self.clock, next, self.me.clone()),
            None => self.timer.stop(),
        }
    }
}

/// Cancels timers with TFD_TIMER_CANCEL_ON_SET after the clock was set (timerfd_clock_was_set).
pub fn date_was_set() {
    /// Weight of a timer between two points, in bytes copied.
    const CANCELLING: usize = 512;
    let mut from = 0;
    let mut stride = Stride::default();
    loop {
        if stride.passes(CANCELLING) {
            preempt::point();
        }
        let next = {
            let timers = CANCELLABLE.lock();
            let mut rest = timers.range(from..);
            rest.find_map(|(address, timer)| Some((*address, timer.upgrade()?)))
        };
        let Some((address, timer)) = next else {
            return;
        };
        from = address + 1;
        let cancels = {
            let mut state = timer.state.lock();
            state.is_cancelled = state.cancel_on_set;
            state.cancel_on_set
        };
        if cancels {
            timer.expired.wake_in_parts(Ready::READ, usize::MAX);
        } else {
            CANCELLABLE.lock().remove(&address);
        }
    }
}

impl Drop for TimerFd {
    fn drop(&mut self) {
        // Locked for a timer that was never cancellable too: `state` forgets that it was.
        let listed = CANCELLABLE.lock().remove(&self.me.as_ptr().addr());
        drop(listed);
    }
}

impl Expire for TimerFd {
    /// The timer stays disarmed until a read or a query: expirations that are not read cost
    /// nothing.
    fn expire(self: Arc<Self>) {
        self.state.lock().catch_up(self.clock.now());
        self.expired.wake(Ready::READ, usize::MAX);
    }
}

impl FileOps for TimerFd {
    fn is_stream(&self) -> bool {
        true
    }

    fn ignores_seeks(&self) -> bool {
        true
    }

    fn takes_vectors(&self, _writing: bool) -> bool {
        false
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        if out.left() < 8 {
            return Err(Errno::EINVAL);
        }
        let expirations = self.expired.wait_for(|| {
            let mut state = self.state.lock();
            if core::mem::take(&mut state.is_cancelled) {
                state.expirations = 0;
                return Some(Err(Errno::ECANCELED));
            }
            state.catch_up(self.clock.now());
            if state.expirations > 0 {
                Some(Ok(core::mem::take(&mut state.expirations)))
            } else if nonblocking {
                Some(Err(Errno::EAGAIN))
            } else {
                is_interrupted().then_some(Err(Errno::ERESTARTSYS))
            }
        });
        self.arm();
        let expirations: u64 = expirations?;
        out.put(&expirations.to_ne_bytes())
    }

    fn ready(&self) -> Ready {
        let state = self.state.lock();
        let mut ready = Ready::empty();
        ready.set(Ready::READ, state.expirations > 0 || state.is_cancelled);
        ready
    }

    fn describe(&self, text: &mut Text) {
        let [left, interval] = self.get();
        let state = self.state.lock();
        let parts = |nanos: u64| (nanos / 1_000_000_000, nanos % 1_000_000_000);
        // A `Text` remembers a lack of memory itself.
        let _ = write!(
            text,
            "clockid: {}\nticks: {}\nsettime flags: 0{:o}\nit_value: {:?}\nit_interval: {:?}\n",
            self.clock_id,
            state.expirations,
            state.flags,
            parts(left),
            parts(interval)
        );
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&self.expired);
        true
    }
}
