//! Sockets: Unix-domain ones (unix(7)), which is what programs on one machine talk by.
//!
//! Reading order: `socket.rs` (what a socket is, and its end), `address.rs` (names and who has them),
//! `connect.rs` (how two find each other), `packet.rs` (what is on its way), `stream.rs` and
//! `datagram.rs` (sending and receiving), `inflight.rs` and `gc.rs` (descriptors on their way), `ops.rs`
//! (sockets as files), `options.rs`. The calls are in `syscall/socket.rs`, `syscall/message.rs` and
//! `syscall/cmsg.rs`, i386's one door to all of them in `syscall/socketcall.rs`.
//!
//! No lock is held over a copy to or from user memory, nor while files are dropped: closing one may
//! come back here. Left out: every other family (`EAFNOSUPPORT`), urgent data (MSG_OOB), SO_PEEK_OFF,
//! SO_PASSPIDFD and SO_PEERPIDFD, socket filters, SO_TIMESTAMP.

use crate::process::wait::{WaitQueue, is_interrupted};
use crate::syscall::errno::Errno;

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

pub use message::{Incoming, Outgoing, receive, send};
pub use ops::{file_of, socket_of};
pub use packet::UserCredentials;
pub use socket::Socket;

/// How a call waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Fail with `EAGAIN` instead of waiting.
    pub nonblocking: bool,
    /// Wait so many nanoseconds at most (SO_RCVTIMEO, SO_SNDTIMEO).
    pub limit: Option<u64>,
}

impl Patience {
    /// Waits on `queue` until `look` finds something.
    ///
    /// # Errors
    /// `EAGAIN` when there is no waiting or no more; `ERESTARTSYS` if a signal comes, with a limit
    /// `EINTR` (signal(7)).
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
