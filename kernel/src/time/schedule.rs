//! Next expiry and interval of a timer, common to all kinds of timers (struct itimerspec).

/// Next expiry and interval, in nanoseconds of the timer's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Time of the next expiry; `None` while disarmed.
    pub next: Option<u64>,
    /// Time between expiries after the first; 0 for a one-shot timer.
    pub interval: u64,
}

impl Schedule {
    /// Advances `next` past `now`; returns the number of expiries.
    pub fn expire(&mut self, now: u64) -> u64 {
        let Some(next) = self.next.filter(|next| *next <= now) else {
            return 0;
        };
        let times = match self.interval {
            0 => 1,
            interval => (now - next) / interval + 1,
        };
        let later = self.interval.saturating_mul(times);
        self.next = (later != 0).then(|| next.saturating_add(later));
        times
    }

    /// Time to the next expiry (at least 1 while armed, 0 while disarmed) and the interval.
    pub fn left(&self, now: u64) -> [u64; 2] {
        let left = self.next.map_or(0, |next| next.saturating_sub(now).max(1));
        [left, self.interval]
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use crate::kernel_test;

    kernel_test!(
        fn expirations_are_counted_and_the_interval_kept() {
            let mut once = Schedule {
                next: Some(100),
                interval: 0,
            };
            assert_eq!((once.expire(99), once.left(99)), (0, [1, 0]));
            assert_eq!((once.expire(100), once.next), (1, None));
            assert_eq!((once.expire(500), once.left(500)), (0, [0, 0]));
            let mut again = Schedule {
                next: Some(100),
                interval: 30,
            };
            assert_eq!((again.expire(129), again.next), (1, Some(130)));
            assert_eq!((again.expire(190), again.next), (3, Some(220)));
            assert_eq!(again.left(230), [1, 30]);
            let mut endless = Schedule {
                next: Some(u64::MAX - 1),
                interval: u64::MAX,
            };
            assert_eq!(
                (endless.expire(u64::MAX), endless.next),
                (1, Some(u64::MAX))
            );
        }
    );
}
