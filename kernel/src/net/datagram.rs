//! Messages that arrive whole: datagrams, to whoever is named, and those of a connection (SOCK_SEQPACKET).

use alloc::sync::Arc;

use linux_raw_sys::net::{MSG_OOB, MSG_PEEK, MSG_TRUNC};

use super::message::{Incoming, Outgoing, deliver, wait_for_room};
use super::packet::Packet;
use super::socket::{Kind, READ, Socket};
use super::{Patience, address};
use crate::fs::inode::Ready;
use crate::fs::io::Out;
use crate::syscall::errno::{Errno, SysResult};

/// What of SO_SNDBUF a message can't use.
const OVERHEAD: usize = 32;

/// Sends one message.
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
    socket.bind_if_named()?;
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

/// Whether `receiver` takes a message of `socket`'s now; false if it is to be found again after a wait.
fn is_ready(
    socket: &Arc<Socket>,
    receiver: &Arc<Socket>,
    patience: Patience,
) -> Result<bool, Errno> {
    if !receiver.takes_from(socket) {
        return Err(Errno::EPERM);
    }
    let state = receiver.state();
    if state.is_dead {
        drop(state);
        if socket.kind == Kind::Seqpacket {
            return Err(Errno::EPIPE);
        }
        // The peer is forgotten.
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
    // What one sends itself, and what a partner sends, only the sender's own buffer holds back.
    if !is_full || is_mutual || Arc::ptr_eq(socket, receiver) {
        return Ok(true);
    }
    patience.wait(&receiver.room, || {
        let state = receiver.state();
        (!state.is_full() || state.is_dead || state.shut[READ]).then_some(())
    })?;
    Ok(false)
}

/// Receives one message; what of it `out` has no room for is lost.
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
            // A datagram socket that isn't to wait doesn't tell the end.
            None if state.shut[READ] && (is_seqpacket || !patience.nonblocking) => Some(Ok(None)),
            None => None,
        }
    })??;
    let Some(packet) = found else {
        return Ok(Incoming::default());
    };
    socket.room.wake(Ready::WRITE, usize::MAX);
    let len = packet.left();
    let is_cut = out.left() < len;
    packet.copy(0, len, out)?;
    // The sender may be the receiver: its state is let go of before it is asked again.
    let from = packet.sender.state().address();
    Ok(Incoming {
        count: if flags & MSG_TRUNC != 0 {
            len
        } else {
            out.done().min(len)
        },
        from: Some(from),
        credentials: socket.told_credentials(&packet),
        files: if is_peek {
            packet.peek_files()?
        } else {
            packet.take_files()
        },
        flags: if is_cut { MSG_TRUNC } else { 0 },
    })
}
