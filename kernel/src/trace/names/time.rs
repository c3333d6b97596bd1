//! Constants of calls on time.

use super::{Name, names};

/// clock_gettime(2).
pub const CLOCKS: &[Name] = names!(linux_raw_sys::general:
    CLOCK_REALTIME CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID CLOCK_THREAD_CPUTIME_ID
    CLOCK_MONOTONIC_RAW CLOCK_REALTIME_COARSE CLOCK_MONOTONIC_COARSE CLOCK_BOOTTIME
    CLOCK_REALTIME_ALARM CLOCK_BOOTTIME_ALARM CLOCK_TAI);
/// clock_nanosleep(2).
pub const CLOCK_FLAGS: &[Name] = names!(linux_raw_sys::general: TIMER_ABSTIME);
/// setitimer(2).
pub const ITIMERS: &[Name] = names!(linux_raw_sys::general: ITIMER_REAL ITIMER_VIRTUAL ITIMER_PROF);
