//! ptrace(2): a tracer stops the threads of another process, and reads and changes their state.
//!
//! Reading order: `tracing.rs` (the state of a traced thread), `access.rs` (which threads may be
//! traced), `stop.rs` (the tracee's side: where a thread stops and what it reports),
//! `control.rs` (the tracer's side: attaching and resuming), `end.rs` (detaching and exit);
//! `registers.rs`, `float.rs`, `user.rs`, `regset.rs` and `debug.rs` (a stopped thread's
//! registers), `call.rs` (its system call). The requests themselves are in `syscall/ptrace.rs`.
//!
//! Left out of Linux: seccomp events, checkpoint requests other than PTRACE_GETSIGMASK and
//! PTRACE_SETSIGMASK, syscall user dispatch, PTRACE_SINGLEBLOCK by branches (it steps by
//! instruction, as on a CPU without BTF), and the restriction of requests to the attaching
//! *thread*: any thread of its process may make them.

mod access;
pub mod call;
pub mod control;
pub mod debug;
pub mod end;
pub mod float;
pub mod registers;
pub mod regset;
pub mod stop;
mod tracing;
pub mod user;

pub use access::{Ids, may_access, may_access_process};
pub use tracing::{Mode, Options, Reason, Stop, Tracing, continued, tracer_of};
