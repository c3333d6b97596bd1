//! Scheduling: ready tasks, the switch between two, wait queues, preemption points, CPU time and load.
//!
//! Floor 7. Reading order: `run_queue.rs` (the switch), `turns.rs` (which task is next, after Linux's CFS),
//! `wait.rs` (wait queues), `preempt.rs` (points in long calls), `sleep.rs` and `sleep_lock.rs`.
//!
//! Left out of Linux's: more than one CPU, real-time classes, weights of niceness, groups.

pub mod cputime;
pub mod extras;
pub mod leftovers;
pub mod load;
pub mod ports;
pub mod preempt;
pub mod run_queue;
pub mod sleep;
pub mod sleep_lock;
pub mod turns;
pub mod wait;
