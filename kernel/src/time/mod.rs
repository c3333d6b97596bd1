//! TEMPORARY stand-in until the clock is there.

/// Called by the timer interrupt.
pub fn tick() {}
/// Called when the idle loop woke up.
pub fn idle() {}
/// Nanoseconds since boot.
pub fn uptime_ns() -> u64 { 0 }
/// Starts the clocks.
pub fn init() {}
/// Waits.
pub fn spin_seconds(_s: u64) {}
