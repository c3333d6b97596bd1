//! Sending and receiving on a socket of any type: the arguments and results of sendmsg(2) and
//! recvmsg(2).

use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::general::SIGPIPE;
use linux_raw_sys::net::{MSG_DONTWAIT, MSG_NOSIGNAL, MSG_OOB};

use super::address::Address;
use super::packet::{Packet, UserCredentials};
use super::socket::{Kind, Phase, Socket, caller_credentials};
use super::{datagram, gc, inflight, stream};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::abi::signal::SigInfo;
use crate::mm::fallible::Grow as _;
use crate::process::signal;
use crate::vfs::file::File;
use crate::vfs::io::{In, Out};

/// A message to send.
pub struct Outgoing<'a> {
    /// The bytes.
    pub from: &'a mut dyn In,
    /// Destination, if given: a struct sockaddr, not checked yet.
    pub to: Option<Vec<u8>>,
    /// Descriptors to send (SCM_RIGHTS).
    pub files: Vec<Arc<File>>,
    /// Sender's credentials, if given (SCM_CREDENTIALS); already checked.
    pub credentials: Option<UserCredentials>,
    /// `MSG_*`.
    pub flags: u32,
}

impl<'a> Outgoing<'a> {
    /// A message of bytes alone.
    pub fn bytes(from: &'a mut dyn In, flags: u32) -> Self {
        Self {
            from,
            to: None,
            files: Vec::new(),
            credentials: None,
            flags,
        }
    }
}

/// Results of a receive besides the bytes.
#[derive(Default)]
pub struct Incoming {
    /// Return value of the call, in bytes.
    pub count: usize,
    /// Sender's address; `None` if nothing was received.
    pub from: Option<Address>,
    /// Sender's credentials, if the receiver set SO_PASSCRED.
    pub credentials: Option<UserCredentials>,
    /// Received descriptors (SCM_RIGHTS).
    pub files: Vec<Arc<File>>,
    /// `MSG_TRUNC` or 0.
    pub flags: u32,
}

/// Sends `message` and returns the number of bytes. `nonblocking` is the file's O_NONBLOCK.
///
/// # Errors
/// Those of sendmsg(2). `EPIPE` on a stream also raises SIGPIPE, unless MSG_NOSIGNAL is set.
pub fn send(socket: &Arc<Socket>, message: &mut Outgoing<'_>, nonblocking: bool) -> SysResult {
    if message.flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let uid = if message.files.is_empty() {
        0
    } else {
        gc::before_send();
        inflight::check_limit()?
    };
    let patience = socket.write_patience(nonblocking || message.flags & MSG_DONTWAIT != 0);
    if socket.kind != Kind::Stream {
        return datagram::send(socket, message, uid, patience);
    }
    let result = stream::send(socket, message, uid, patience);
    if result == Err(Errno::EPIPE) && message.flags & MSG_NOSIGNAL == 0 {
        let _ = signal::send_self(&SigInfo::user(SIGPIPE as u8));
    }
    result
}

/// Receives into `out`. `nonblocking` is the file's O_NONBLOCK.
///
/// # Errors
/// Those of recvmsg(2).
pub fn receive(
    socket: &Arc<Socket>,
    out: &mut dyn Out,
    flags: u32,
    nonblocking: bool,
) -> Result<Incoming, Errno> {
    let patience = socket.read_patience(nonblocking || flags & MSG_DONTWAIT != 0);
    match socket.kind {
        Kind::Stream => stream::receive(socket, out, flags, patience),
        _ => datagram::receive(socket, out, flags, patience),
    }
}

/// Waits until the bytes charged to `socket` are below SO_SNDBUF.
///
/// # Errors
/// The socket's pending error, `EPIPE` once writing is shut down, those of waiting.
pub(super) fn wait_for_room(socket: &Socket, patience: super::Patience) -> Result<(), Errno> {
    use core::sync::atomic::Ordering::Relaxed;
    patience.wait(&socket.writable, || {
        let mut state = socket.state();
        if let Err(errno) = state.take_error() {
            return Some(Err(errno));
        }
        if state.shut[super::socket::WRITE] {
            return Some(Err(Errno::EPIPE));
        }
        (socket.charged.load(Relaxed) < state.options.send_buffer).then_some(Ok(()))
    })?
}

/// Appends a complete packet to `receiver`'s queue.
///
/// # Errors
/// `ENOBUFS` if memory is short; the packet is dropped.
pub(super) fn deliver(
    sender: &Arc<Socket>,
    receiver: &Arc<Socket>,
    mut packet: Packet,
    credentials: Option<UserCredentials>,
) -> Result<(), Errno> {
    let asks = |socket: &Socket| socket.state().options.pass_credentials;
    packet.credentials =
        credentials.or_else(|| (asks(sender) || asks(receiver)).then(caller_credentials));
    let packet = Arc::new(packet);
    // On failure the packet is dropped with no state locked: dropping it may close files.
    let room = receiver.state().queue.room_for(1);
    room.map_err(|_| Errno::ENOBUFS)?;
    receiver.state().queue.push_back(packet);
    receiver.readable.wake_in_parts(Ready::READ, usize::MAX);
    Ok(())
}

impl Socket {
    /// The credentials reported to a receiver with SO_PASSCRED.
    pub(super) fn passed_credentials(&self, packet: &Packet) -> Option<UserCredentials> {
        /// Those of a sender without credentials (overflowuid).
        const OVERFLOW: UserCredentials = UserCredentials {
            pid: 0,
            uid: 65534,
            gid: 65534,
        };
        let asked = self.state().options.pass_credentials;
        asked.then(|| packet.credentials.unwrap_or(OVERFLOW))
    }

    /// Whether the socket is in a connection.
    pub(super) fn is_connected(&self) -> bool {
        self.state().phase == Phase::Connected
    }
}
