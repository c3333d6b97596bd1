//! State and release of a Unix-domain socket.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::sched::sleep_lock::SleepLock;
use crate::sync::{Mutex, MutexGuard, rank};
use linux_raw_sys::net::{SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM};

use super::address::{Address, Binding};
use super::options::Options;
use super::packet::{Packet, UserCredentials};
use crate::abi::errno::Errno;
use crate::abi::metadata::Time;
use crate::abi::ready::Ready;
use crate::mm::frame;
use crate::process::caller;
use crate::process::current;
use crate::sched::preempt::{self, Stride};
use crate::sched::wait::WaitQueue;
use crate::time::wall_clock;

/// A socket's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Kind {
    /// Byte stream, connection-oriented.
    Stream = SOCK_STREAM,
    /// Messages, connectionless.
    Datagram = SOCK_DGRAM,
    /// Messages, connection-oriented.
    Seqpacket = SOCK_SEQPACKET,
}

impl Kind {
    /// Whether the socket carries bytes without message boundaries.
    pub fn is_stream(self) -> bool {
        self == Self::Stream
    }

    /// Whether the type is connection-oriented.
    pub fn has_connections(self) -> bool {
        self != Self::Datagram
    }
}

/// Connection state of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not connected (Linux's TCP_CLOSE).
    Idle,
    /// Accepts connections.
    Listening,
    /// Has or had a peer.
    Connected,
}

/// The part of a socket that its lock guards.
pub struct State {
    /// Connection state.
    pub phase: Phase,
    /// Address and table entry, if bound.
    pub(super) binding: Option<Binding>,
    /// The peer, alive or dead.
    pub peer: Option<Arc<Socket>>,
    /// The peer's credentials (SO_PEERCRED).
    pub peer_credentials: Option<UserCredentials>,
    /// Messages not read yet, the oldest first.
    pub queue: VecDeque<Arc<Packet>>,
    /// Connections not accepted yet, the oldest first.
    pub pending: VecDeque<Arc<Socket>>,
    /// Limit of both queues, see [`State::is_full`]: a listener's backlog (listen(2)), or
    /// net.unix.max_dgram_qlen for datagrams.
    pub backlog: usize,
    /// Directions shut down, by [`READ`] and [`WRITE`].
    pub shut: [bool; 2],
    /// The socket's file is closed.
    pub is_dead: bool,
    /// Pending error, reported once (SO_ERROR).
    pub error: Option<Errno>,
    /// Options set by setsockopt(2).
    pub options: Options,
}

/// Index of the reading direction in [`State::shut`].
pub const READ: usize = 0;
/// Index of the writing direction.
pub const WRITE: usize = 1;
/// Limit of queued datagrams (net.unix.max_dgram_qlen); the queue holds one more.
const DATAGRAMS_MAX: usize = 10;

impl State {
    /// Whether the queues are full: more than `backlog` messages and connections wait.
    pub fn is_full(&self) -> bool {
        self.queue.len() + self.pending.len() > self.backlog
    }

    /// Takes the pending error.
    ///
    /// # Errors
    /// The pending error, if there is one.
    pub fn take_error(&mut self) -> Result<(), Errno> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// The socket's address; empty if unnamed.
    pub fn address(&self) -> Address {
        self.binding
            .as_ref()
            .map(|binding| binding.address.clone())
            .unwrap_or_default()
    }
}

/// A Unix-domain socket.
pub struct Socket {
    /// Socket type.
    pub kind: Kind,
    /// Inode number.
    pub ino: u64,
    pub(super) born: Time,
    pub(super) owner: Mutex<Owner, rank::SocketOwner>,
    pub(super) state: Mutex<State, rank::SocketState>,
    /// Bytes charged for messages sent and not read yet.
    pub charged: AtomicUsize,
    /// Serialises readers that copy from the first packets of a stream.
    pub(super) reading: SleepLock<()>,
    /// Woken when there is a message to read or a connection to accept, or the connection ends.
    pub(super) readable: WaitQueue,
    /// Woken when the socket may send more, or the connection ends.
    pub(super) writable: WaitQueue,
    /// Woken when this socket's queues may have room for another socket's message or connection.
    pub(super) room: WaitQueue,
}

/// Owner and permissions: what fchown(2) and fchmod(2) change.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub uid: u32,
    pub gid: u32,
    pub permissions: u32,
}

/// The caller's process ID and effective user and group, as a peer sees them.
pub fn caller_credentials() -> UserCredentials {
    let who = caller::credentials();
    UserCredentials {
        pid: current().process.pid,
        uid: who.euid,
        gid: who.egid,
    }
}

impl Socket {
    /// Creates an unconnected and unnamed socket, owned by the caller.
    ///
    /// # Errors
    /// `ENOBUFS` if memory is short.
    pub fn new(kind: Kind) -> Result<Arc<Self>, Errno> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // The number of sockets is up to programs: the last free frames are not for them.
        if frame::is_low() {
            return Err(Errno::ENOBUFS);
        }
        let who = caller::credentials();
        let state = State {
            phase: Phase::Idle,
            binding: None,
            peer: None,
            peer_credentials: None,
            queue: VecDeque::new(),
            pending: VecDeque::new(),
            backlog: DATAGRAMS_MAX,
            shut: [false; 2],
            is_dead: false,
            error: None,
            options: Options::default(),
        };
        Ok(Arc::new(Self {
            kind,
            ino: NEXT.fetch_add(1, Relaxed),
            born: wall_clock(),
            owner: Mutex::new(Owner {
                uid: who.fsuid,
                gid: who.fsgid,
                permissions: 0o777,
            }),
            state: Mutex::new(state),
            charged: AtomicUsize::new(0),
            reading: SleepLock::new(()),
            readable: WaitQueue::new(),
            writable: WaitQueue::new(),
            room: WaitQueue::new(),
        }))
    }

    /// Locks the state. Not to be held over a copy to or from user memory, a wait, or the lock of
    /// another socket's state.
    pub fn state(&self) -> MutexGuard<'_, State, rank::SocketState> {
        self.state.lock()
    }

    /// Wakes all readers and writers.
    pub fn wake(&self) {
        self.readable.wake_in_parts(Ready::all(), usize::MAX);
        self.writable.wake_in_parts(Ready::all(), usize::MAX);
    }

    /// Whether poll(2) reports the socket as writable: at least three quarters of SO_SNDBUF are
    /// free.
    pub fn is_writable(&self) -> bool {
        self.charged.load(Relaxed) * 4 <= self.state().options.send_buffer
    }

    /// Wakes waiting senders if the socket is writable.
    pub fn wake_if_writable(&self) {
        if self.is_writable() {
            self.writable.wake_in_parts(Ready::WRITE, usize::MAX);
        }
    }

    /// shutdown(2) of reading, writing or both, and of the peer's opposite directions.
    pub fn shut_down(&self, reading: bool, writing: bool) {
        let shut = |socket: &Self, ends: [bool; 2]| {
            let mut state = socket.state();
            for (end, is_shut) in state.shut.iter_mut().zip(ends) {
                *end |= is_shut;
            }
            drop(state);
            socket.wake();
        };
        shut(self, [reading, writing]);
        let peer = self.state().peer.clone();
        if let Some(peer) = peer.filter(|_| self.kind.has_connections()) {
            shut(&peer, [writing, reading]);
        }
    }

    /// Releases the socket: at the close of its last descriptor, or, if it was never `accepted`,
    /// with its listener.
    pub fn release(&self, accepted: bool) {
        /// Weight of a packet between two points, in bytes copied.
        const FREEING: usize = 1024;
        let (peer, packets, pending, name) = {
            let mut state = self.state();
            state.is_dead = true;
            state.shut = [true; 2];
            state.phase = Phase::Idle;
            (
                state.peer.take(),
                core::mem::take(&mut state.queue),
                core::mem::take(&mut state.pending),
                state.binding.as_mut().map(Binding::unbind),
            )
        };
        drop(name);
        let is_reset = !packets.is_empty() || !accepted;
        if let Some(peer) = peer.filter(|_| self.kind.has_connections()) {
            let mut state = peer.state();
            state.shut = [true; 2];
            if is_reset {
                state.error = Some(Errno::ECONNRESET);
            }
            drop(state);
            peer.wake();
        }
        self.wake();
        self.room.wake_all();
        let mut stride = Stride::default();
        for packet in packets {
            drop(packet);
            if stride.passes(FREEING) {
                preempt::point();
            }
        }
        for socket in pending {
            socket.release(false);
        }
    }
}
