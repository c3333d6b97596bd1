//! Sockets that keep message boundaries: datagrams (SOCK_DGRAM) and SOCK_SEQPACKET.

use alloc::sync::Arc;

use linux_raw_sys::net::{MSG_OOB, MSG_PEEK, MSG_TRUNC};

use super::message::{Incoming, Outgoing, deliver, wait_for_room};
use super::packet::Packet;
use super::socket::{Kind, READ, Socket};
use super::{Patience, address};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::ready::Ready;
use crate::vfs::io::Out;

/// Bytes of SO_SNDBUF that a message can't use (unix_dgram_sendmsg in net/unix/af_unix.c).
const OVERHEAD: usize = 32;

/// Sends one message and returns its bytes; `uid` is charged for its descriptors.
pub fn send(
    socket: &Arc<Socket>,
    message: &mut Outgoing<'_>,
    uid: u32,
    patience: Patience,
) -> SysResult {
    if socket.kind == Kind::Seqpacket {
        socket.state().take_error()?;
        if !socket.is_connected() {
            return Err(Errno::ENOTCONN);
        }
        message.to = None;
    }
    let name = match &message.to {
        Some(address) => Some(address::parse_name(address)?),
        None => None,
    };
    socket.autobind_if_passcred()?;
    let len = message.from.left();
    if len > socket.state().options.send_buffer - OVERHEAD {
        return Err(Errno::EMSGSIZE);
    }
    wait_for_room(socket, patience)?;
    let mut packet = Packet::new(socket, message.from, len)?;
    packet.attach(core::mem::take(&mut message.files), uid)?;
    let receiver = loop {
        let receiver = match &name {
            Some(name) => address::find(name, socket.kind)?,
            None => socket.state().peer.clone().ok_or(Errno::ENOTCONN)?,
        };
        if is_ready(socket, &receiver, patience)? {
            break receiver;
        }
    };
    deliver(socket, &receiver, packet, message.credentials)?;
    Ok(len)
}

/// Whether `receiver` has room for a message of `socket`; false after a wait: the receiver must be
/// looked up again.
fn is_ready(
    socket: &Arc<Socket>,
    receiver: &Arc<Socket>,
    patience: Patience,
) -> Result<bool, Errno> {
    if !receiver.accepts_from(socket) {
        return Err(Errno::EPERM);
    }
    let state = receiver.state();
    if state.is_dead {
        drop(state);
        if socket.kind == Kind::Seqpacket {
            return Err(Errno::EPIPE);
        }
        // The association with the dead peer ends, as in unix_dgram_sendmsg.
        socket.associate(None)?;
        return Err(Errno::ECONNREFUSED);
    }
    if state.shut[READ] {
        return Err(Errno::EPIPE);
    }
    let is_mutual = state
        .peer
        .as_ref()
        .is_some_and(|peer| Arc::ptr_eq(peer, socket));
    let is_full = state.is_full();
    drop(state);
    // Messages to the socket itself or to a mutually connected peer are limited by the sender's
    // buffer alone.
    if !is_full || is_mutual || Arc::ptr_eq(socket, receiver) {
        return Ok(true);
    }
    patience.wait(&receiver.room, || {
        let state = receiver.state();
        (!state.is_full() || state.is_dead || state.shut[READ]).then_some(())
    })?;
    Ok(false)
}

/// Receives one message. What doesn't fit `out` is discarded, unless MSG_PEEK is set.
pub fn receive(
    socket: &Arc<Socket>,
    out: &mut dyn Out,
    flags: u32,
    patience: Patience,
) -> Result<Incoming, Errno> {
    let is_seqpacket = socket.kind == Kind::Seqpacket;
    if is_seqpacket && !socket.is_connected() {
        return Err(Errno::ENOTCONN);
    }
    if flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let is_peek = flags & MSG_PEEK != 0;
    let found = patience.wait(&socket.readable, || {
        let mut state = socket.state();
        if let Err(errno) = state.take_error() {
            return Some(Err(errno));
        }
        let packet = if is_peek {
            state.queue.front().cloned()
        } else {
            state.queue.pop_front()
        };
        match packet {
            Some(packet) => Some(Ok(Some(packet))),
            // A nonblocking read of a datagram socket fails with EAGAIN even after shutdown(2).
            None if state.shut[READ] && (is_seqpacket || !patience.nonblocking) => Some(Ok(None)),
            None => None,
        }
    })??;
    let Some(packet) = found else {
        return Ok(Incoming::default());
    };
    socket.room.wake_in_parts(Ready::WRITE, usize::MAX);
    let len = packet.left();
    let is_cut = out.left() < len;
    packet.copy(0, len, out)?;
    // The sender may be the receiver: its state is unlocked before `passed_credentials` locks it.
    let from = packet.sender.state().address();
    Ok(Incoming {
        count: if flags & MSG_TRUNC != 0 {
            len
        } else {
            out.done().min(len)
        },
        from: Some(from),
        credentials: socket.passed_credentials(&packet),
        files: if is_peek {
            packet.peek_files()?
        } else {
            packet.take_files()
        },
        flags: if is_cut { MSG_TRUNC } else { 0 },
    })
}
