//! Scheduling: the run queue and the context switch, wait queues, preemption points, CPU time and
//! load averages.
//!
//! Floor 7: it may use the floors below it, abi to vm (tests/floors/floors.txt).
//!
//! Reading order: `thread.rs` (a thread, called a task where its owner matters), `run_queue.rs`
//! (the switch), `turns.rs` (which task is next, after Linux's CFS), `wait.rs` and `waiters.rs`
//! (wait queues), `preempt.rs` (preemption points in long calls), `sleep.rs` and `sleep_lock.rs`,
//! `cputime.rs` and `load.rs`; `leftovers.rs` frees memory in parts; `extras.rs` and `ports.rs`
//! have CPU state that few tasks use. A system call that doesn't wait uses none of it. Next:
//! `usercopy`, the floor above, where a page fault may put a task to sleep.
//!
//! Left out of Linux: more than one CPU; preemption of the kernel outside preemption points; nice
//! values, scheduling policies and SCHED_DEADLINE (the first two are stored, without effect); task
//! groups.

pub mod cputime;
pub mod extras;
pub mod late;
pub mod leftovers;
pub mod load;
pub mod ports;
pub mod preempt;
pub mod run_queue;
pub mod sleep;
pub mod sleep_lock;
pub mod thread;
pub mod turns;
pub mod wait;
mod waiters;
