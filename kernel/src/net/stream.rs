//! Stream sockets: bytes without boundaries, except at descriptors and changes of credentials.

use alloc::sync::Arc;

use crate::sched::preempt::{self, Stride};

use linux_raw_sys::net::{MSG_OOB, MSG_PEEK, MSG_WAITALL};

use super::Patience;
use super::message::{Incoming, Outgoing, deliver, wait_for_room};
use super::packet::{Packet, STREAM_MAX};
use super::socket::{READ, Socket, WRITE};
use crate::abi::errno::{Errno, SysResult};
use crate::vfs::io::Out;

/// Sends a message in as many packets as needed and returns the bytes sent; `uid` is charged for
/// its descriptors.
pub fn send(
    socket: &Arc<Socket>,
    message: &mut Outgoing<'_>,
    uid: u32,
    patience: Patience,
) -> SysResult {
    if message.to.is_some() {
        return Err(if socket.is_connected() {
            Errno::EISCONN
        } else {
            Errno::EOPNOTSUPP
        });
    }
    let peer = socket.state().peer.clone().ok_or(Errno::ENOTCONN)?;
    if socket.state().shut[WRITE] {
        return Err(Errno::EPIPE);
    }
    let mut sent = 0;
    while message.from.left() > 0 {
        match send_part(socket, &peer, message, uid, patience) {
            Ok(len) => sent += len,
            Err(_) if sent > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(sent)
}

fn send_part(
    socket: &Arc<Socket>,
    peer: &Arc<Socket>,
    message: &mut Outgoing<'_>,
    uid: u32,
    patience: Patience,
) -> SysResult {
    let half = socket.state().options.send_buffer / 2 - 64;
    let len = message.from.left().min(half).min(STREAM_MAX);
    wait_for_room(socket, patience)?;
    let mut packet = Packet::new(socket, message.from, len)?;
    // Descriptors go with the first packet.
    packet.attach(core::mem::take(&mut message.files), uid)?;
    let state = peer.state();
    let is_gone = state.is_dead || state.shut[READ];
    drop(state);
    if is_gone {
        return Err(Errno::EPIPE);
    }
    deliver(socket, peer, packet, message.credentials)?;
    Ok(len)
}

/// Receives up to the size of `out`: at least one byte, with MSG_WAITALL all.
pub fn receive(
    socket: &Arc<Socket>,
    out: &mut dyn Out,
    flags: u32,
    patience: Patience,
) -> Result<Incoming, Errno> {
    if !socket.is_connected() || flags & MSG_OOB != 0 {
        return Err(Errno::EINVAL);
    }
    let is_peek = flags & MSG_PEEK != 0;
    let wanted = if flags & MSG_WAITALL != 0 {
        out.left().max(1)
    } else {
        1
    };
    let mut reader = Reader {
        socket,
        result: Incoming::default(),
        first: None,
        skip: 0,
    };
    let error = loop {
        match reader.next_packets(out, is_peek) {
            Ok(true) => break None,
            Ok(false) => {}
            Err(errno) => break Some(errno),
        }
        // The queue is empty, or with MSG_PEEK read to its end.
        if reader.result.count >= wanted {
            break None;
        }
        let seen = if is_peek { reader.skip } else { 0 };
        let more = patience.wait(&socket.readable, || {
            let mut state = socket.state();
            let mut queued = state.queue.iter().scan(0, |sum, packet| {
                *sum += packet.left();
                Some(*sum)
            });
            if queued.any(|sum| sum > seen) {
                return Some(Ok(true));
            }
            if let Err(errno) = state.take_error() {
                return Some(Err(errno));
            }
            state.shut[READ].then_some(Ok(false))
        });
        match more {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => break None,
            Ok(Err(errno)) | Err(errno) => break Some(errno),
        }
    };
    match error {
        Some(errno) if reader.result.count == 0 => Err(errno),
        _ => Ok(reader.result),
    }
}

/// Progress of a receiving call.
struct Reader<'a> {
    socket: &'a Arc<Socket>,
    result: Incoming,
    /// Credentials reported so far: a packet with others ends the call.
    first: Option<Option<super::UserCredentials>>,
    /// Bytes already peeked at.
    skip: usize,
}

impl Reader<'_> {
    /// Reads the packets in the queue; true if the call ends.
    fn next_packets(&mut self, out: &mut dyn Out, is_peek: bool) -> Result<bool, Errno> {
        // Another reader may be in the middle of a copy, and may block there for memory.
        let _turn = self.socket.reading.lock();
        self.next_in_turn(out, is_peek)
    }

    fn next_in_turn(&mut self, out: &mut dyn Out, is_peek: bool) -> Result<bool, Errno> {
        /// Weight of a packet between two points, in bytes copied: an empty one costs too.
        const PACKET: usize = 1024;
        let mut passed = 0;
        let mut number = 0;
        let mut stride = Stride::default();
        loop {
            if stride.passes(PACKET) {
                preempt::point();
            }
            let next = self.socket.state().queue.get(number).cloned();
            let Some(packet) = next else {
                return Ok(false);
            };
            if is_peek && passed + packet.left() <= self.skip && packet.left() > 0 {
                passed += packet.left();
                number += 1;
                continue;
            }
            if self.take(&packet, out, is_peek)? {
                return Ok(true);
            }
            if is_peek {
                passed += packet.left();
                number += 1;
            }
        }
    }

    /// Reads one packet into `out`; true if the call ends.
    fn take(
        &mut self,
        packet: &Arc<Packet>,
        out: &mut dyn Out,
        is_peek: bool,
    ) -> Result<bool, Errno> {
        let told = self.socket.passed_credentials(packet);
        if self.first.is_some_and(|first| first != told) {
            return Ok(true);
        }
        self.first = Some(told);
        self.result.credentials = told;
        if self.result.from.is_none() {
            self.result.from = Some(packet.sender.state().address());
        }
        let before = out.done();
        let copied = packet.copy(0, packet.left(), out);
        let len = out.done() - before;
        self.result.count += if copied.is_ok() { len } else { 0 };
        copied?;
        let mut gone = None;
        if is_peek {
            self.skip += len;
            self.result.files = packet.peek_files()?;
        } else {
            packet.take(len);
            let files = packet.take_files();
            if !files.is_empty() {
                self.result.files = files;
            }
            if packet.left() == 0 {
                gone = self.socket.state().queue.pop_front();
            }
        }
        drop(gone);
        Ok(out.left() == 0 || !self.result.files.is_empty())
    }
}
