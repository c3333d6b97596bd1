//! Unix-domain sockets (unix(7)).
//!
//! Reading order: `socket.rs` (a socket's state and release), `address.rs` (names and lookup),
//! `connect.rs` (connections), `packet.rs` (queued messages), `stream.rs` and `datagram.rs`
//! (sending and receiving), `inflight.rs` and `gc.rs` (descriptors in flight), `ops.rs` (file
//! operations), `options.rs`. The system calls are in `syscall/socket.rs`, `syscall/message.rs` and
//! `syscall/cmsg.rs`, i386's multiplexer socketcall(2) in `syscall/socketcall.rs`.
//!
//! No lock is held over a copy to or from user memory, nor while files are dropped: closing a file
//! may enter this folder again. Left out: every other family (`EAFNOSUPPORT`), urgent data
//! (MSG_OOB), SO_PEEK_OFF, SO_PASSPIDFD and SO_PEERPIDFD, socket filters, SO_TIMESTAMP.

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as
// unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

use crate::abi::errno::Errno;
use crate::sched::wait::{WaitQueue, is_interrupted};

pub mod address;
pub mod connect;
mod datagram;
mod gc;
mod inflight;
mod message;
mod ops;
pub mod options;
mod packet;
pub mod socket;
mod stream;

pub use gc::after_exit;
pub use message::{Incoming, Outgoing, receive, send};
pub use ops::{file_of, socket_of};
pub use packet::UserCredentials;
pub use socket::Socket;

/// How long a call waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Fail with `EAGAIN` instead of waiting.
    pub nonblocking: bool,
    /// Longest wait in ns (SO_RCVTIMEO, SO_SNDTIMEO); `None` for no limit.
    pub limit: Option<u64>,
}

impl Patience {
    /// Waits on `queue` until `look` returns a value.
    ///
    /// # Errors
    /// `EAGAIN` if nonblocking or at the limit; on a signal `ERESTARTSYS`, with a limit `EINTR`
    /// (signal(7)).
    fn wait<T>(self, queue: &WaitQueue, mut look: impl FnMut() -> Option<T>) -> Result<T, Errno> {
        if let Some(found) = look() {
            return Ok(found);
        }
        if self.nonblocking {
            return Err(Errno::EAGAIN);
        }
        let interrupted = match self.limit {
            Some(_) => Errno::EINTR,
            None => Errno::ERESTARTSYS,
        };
        let deadline = self
            .limit
            .map(|limit| crate::time::uptime_ns().saturating_add(limit));
        let look = || {
            look()
                .map(Ok)
                .or_else(|| is_interrupted().then_some(Err(interrupted)))
        };
        queue
            .wait_until(deadline, look)
            .unwrap_or(Err(Errno::EAGAIN))
    }
}
