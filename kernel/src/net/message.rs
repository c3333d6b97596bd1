//! Sending and receiving, whichever kind of socket: what goes in and what comes out.

use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::general::SIGPIPE;
use linux_raw_sys::net::{MSG_DONTWAIT, MSG_NOSIGNAL, MSG_OOB};

use super::address::Address;
use super::packet::{Packet, UserCredentials};
use super::socket::{Kind, Phase, Socket, caller_credentials};
use super::{datagram, gc, inflight, stream};
use crate::fs::file::File;
use crate::fs::inode::Ready;
use crate::fs::io::{In, Out};
use crate::mm::fallible::Grow as _;
use crate::process::sched;
use crate::process::signal::{self, SigInfo};
use crate::syscall::errno::{Errno, SysResult};

/// What is to be sent.
pub struct Outgoing<'a> {
    /// The bytes.
    pub from: &'a mut dyn In,
    /// To whom, if that is said: struct sockaddr, not checked yet.
    pub to: Option<Vec<u8>>,
    /// Descriptors to send along.
    pub files: Vec<Arc<File>>,
    /// As whom, if that is said; checked.
    pub credentials: Option<UserCredentials>,
    /// `MSG_*`.
    pub flags: u32,
}

impl<'a> Outgoing<'a> {
    /// Bytes alone.
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

/// What was received besides bytes.
#[derive(Default)]
pub struct Incoming {
    /// What the call returns.
    pub count: usize,
    /// Who sent it; `None` where that is not told.
    pub from: Option<Address>,
    /// On whose behalf, if the receiver asked to be told (SO_PASSCRED).
    pub credentials: Option<UserCredentials>,
    /// Descriptors that came along.
    pub files: Vec<Arc<File>>,
    /// `MSG_TRUNC`.
    pub flags: u32,
}

/// Sends; returns the number of bytes. `nonblocking` is the file's wish.
///
/// # Errors
/// Those of sendmsg(2); with `EPIPE` comes SIGPIPE, unless MSG_NOSIGNAL or the kind is another than a
/// stream.
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
        let _ = signal::send_task(&sched::current_task(), &SigInfo::user(SIGPIPE as u8));
    }
    result
}

/// Receives. `nonblocking` is the file's wish.
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

/// Waits until what `socket` sent leaves room for more.
///
/// # Errors
/// The socket's own error, `EPIPE` once nothing more is written, those of waiting.
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

/// Puts a packet, complete now, into `receiver`'s queue.
///
/// # Errors
/// `ENOBUFS` if memory is short: the packet is gone.
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
    // Without room the packet goes where the receiver's state is not locked: that may do anything.
    let room = receiver.state().queue.room_for(1);
    room.map_err(|_| Errno::ENOBUFS)?;
    receiver.state().queue.push_back(packet);
    receiver.readable.wake(Ready::READ, usize::MAX);
    Ok(())
}

impl Socket {
    /// What a receiver that asked for it is told of who sent a packet.
    pub(super) fn told_credentials(&self, packet: &Packet) -> Option<UserCredentials> {
        /// For who can't be named (overflowuid).
        const NOBODY: UserCredentials = UserCredentials {
            pid: 0,
            uid: 65534,
            gid: 65534,
        };
        let asked = self.state().options.pass_credentials;
        asked.then(|| packet.credentials.unwrap_or(NOBODY))
    }

    /// Whether it is in a connection.
    pub(super) fn is_connected(&self) -> bool {
        self.state().phase == Phase::Connected
    }
}
