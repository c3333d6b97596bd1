//! Signals (kernel/signal.c): `state.rs` has the signal state of threads and processes, `action.rs`
//! the actions. The numbers and `siginfo_t` are in `abi/signal.rs`.
//!
//! The way of a signal: `send.rs` checks whether it is ignored, `queue.rs` queues it with its
//! information (`info.rs`) within RLIMIT_SIGPENDING (`account.rs`), and a work bit (`kill.rs`)
//! makes the thread call `deliver.rs` before its return to user mode. For a handler, `frame64.rs`
//! or `frame32.rs` pushes a signal frame (`frame.rs`: placement, `fpstate.rs`: FPU state,
//! `layout.rs`: siginfo), and `restart.rs` decides whether an interrupted call is restarted.
//! `mask.rs` blocks signals, `alternate.rs` has the alternate stack, `pending.rs` asks what is
//! pending, `exception.rs` the signals of exceptions.
//!
//! Left out of Linux: core files; SIGIO is sent for no file.

pub mod account;
mod action;
pub mod alternate;
mod context32;
pub mod deliver;
pub mod exception;
pub mod fpstate;
pub mod frame;
pub mod frame32;
pub mod frame64;
pub mod fsave;
mod info;
mod kill;
pub mod layout;
pub mod mask;
mod pending;
mod queue;
pub mod restart;
mod send;
mod state;

pub use action::{Action, SA_IA32_ABI, SignalActions};
pub use kill::{end, interrupt, kill, kill_thread};
pub use pending::{fatal, is_dying, is_ending, pending, take_pending};
pub use queue::{Pending, note_dequeued, note_queued};
pub use send::{
    force, forget, inherit_sent, send_group, send_member, send_process, send_self, send_task,
};
pub use state::{SharedSignals, TaskSignals, Trap};
