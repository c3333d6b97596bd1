//! Timers of a process that send signals: those of setitimer(2) (`interval.rs`) and of
//! timer_create(2) (`posix.rs`).
//!
//! `state.rs` has the timers of a process. Timers of real time are in the queues of
//! `time/timer.rs`. Timers of CPU time are checked at each [`tick()`]. Left out: clock_nanosleep(2)
//! by a CPU-time clock, and timers of another process's CPU time.

pub mod interval;
pub mod posix;
mod state;
mod tick;

pub use state::{Base, Notice, Timers};
pub use tick::tick;
