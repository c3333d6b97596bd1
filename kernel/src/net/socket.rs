//! A Unix-domain socket: what it knows, and how it ends.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::sync::{Mutex, MutexGuard, SleepLock, rank};
use linux_raw_sys::net::{SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM};

use super::address::{Address, Binding};
use super::options::Options;
use super::packet::{Packet, UserCredentials};
use crate::fs::inode::{Ready, Time};
use crate::fs::{caller, now};
use crate::mm::frame;
use crate::process::current;
use crate::process::wait::WaitQueue;
use crate::syscall::errno::Errno;

/// A socket's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Kind {
    /// Bytes, in a connection.
    Stream = SOCK_STREAM,
    /// Messages.
    Datagram = SOCK_DGRAM,
    /// Messages, in a connection.
    Seqpacket = SOCK_SEQPACKET,
}

impl Kind {
    /// Whether bytes have no boundaries.
    pub fn is_stream(self) -> bool {
        self == Self::Stream
    }

    /// Whether it must be connected.
    pub fn has_connections(self) -> bool {
        self != Self::Datagram
    }
}

/// Where a socket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not connected (Linux's TCP_CLOSE).
    Idle,
    /// Takes connections.
    Listening,
    /// Has a peer, or had one.
    Connected,
}

/// What changes with use.
pub struct State {
    /// Where it stands.
    pub phase: Phase,
    /// Its name.
    pub(super) binding: Option<Binding>,
    /// What it is connected to, gone or not.
    pub peer: Option<Arc<Socket>>,
    /// Who is at the other end (SO_PEERCRED).
    pub peer_credentials: Option<UserCredentials>,
    /// What it was sent, the oldest first.
    pub queue: VecDeque<Arc<Packet>>,
    /// Ends of connections that accept(2) will give out, the oldest first.
    pub pending: VecDeque<Arc<Socket>>,
    /// Most that may wait there besides one (listen(2)); most datagrams that strangers may send ahead.
    pub backlog: usize,
    /// Nothing more is read, nothing more is written.
    pub shut: [bool; 2],
    /// Its file was closed.
    pub is_dead: bool,
    /// To be told once (SO_ERROR).
    pub error: Option<Errno>,
    /// setsockopt(2)'s.
    pub options: Options,
}

/// Nothing more is read: index of [`State::shut`].
pub const READ: usize = 0;
/// Nothing more is written.
pub const WRITE: usize = 1;
/// Datagrams that may wait besides one (net.unix.max_dgram_qlen).
const DATAGRAMS_MAX: usize = 10;

impl State {
    /// Whether as much waits as may.
    pub fn is_full(&self) -> bool {
        self.queue.len() + self.pending.len() > self.backlog
    }

    /// Takes the error that is to be told.
    ///
    /// # Errors
    /// That one.
    pub fn take_error(&mut self) -> Result<(), Errno> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Its name, for others.
    pub fn address(&self) -> Address {
        self.binding
            .as_ref()
            .map(|binding| binding.address.clone())
            .unwrap_or_default()
    }
}

/// A socket.
pub struct Socket {
    /// Its type.
    pub kind: Kind,
    /// Inode number.
    pub ino: u64,
    pub(super) born: Time,
    pub(super) owner: Mutex<Owner, rank::SocketOwner>,
    pub(super) state: Mutex<State, rank::SocketState>,
    /// Bytes charged for what it sent and nobody has read yet.
    pub charged: AtomicUsize,
    /// Held by who copies from the first packets of a stream.
    pub(super) reading: SleepLock<()>,
    /// Woken when there is something to read or accept, or the connection ends.
    pub(super) readable: WaitQueue,
    /// Woken when it may send more, or the connection ends.
    pub(super) writable: WaitQueue,
    /// Woken when another socket's message or connection may find room here.
    pub(super) room: WaitQueue,
}

/// What fchown(2) and fchmod(2) change of a socket.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub uid: u32,
    pub gid: u32,
    pub permissions: u32,
}

/// Who the caller is, for the other end.
pub fn caller_credentials() -> UserCredentials {
    let who = caller::credentials();
    UserCredentials {
        pid: current().process.pid,
        uid: who.euid,
        gid: who.egid,
    }
}

impl Socket {
    /// A socket that knows nobody.
    ///
    /// # Errors
    /// `ENOBUFS` if memory is short.
    pub fn new(kind: Kind) -> Result<Arc<Self>, Errno> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // A program decides how many there are.
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
            born: now(),
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

    /// Its state, for a moment: not over a copy, a wait, or another socket's.
    pub fn state(&self) -> MutexGuard<'_, State, rank::SocketState> {
        self.state.lock()
    }

    /// Wakes everybody: it changed in a way that concerns all.
    pub fn wake(&self) {
        self.readable.wake_all();
        self.writable.wake_all();
    }

    /// Whether it may send more, as poll(2) tells: not before three quarters of its buffer are free.
    pub fn is_writable(&self) -> bool {
        self.charged.load(Relaxed) * 4 <= self.state().options.send_buffer
    }

    /// Wakes who waits to send, once there is enough room.
    pub fn wake_if_writable(&self) {
        if self.is_writable() {
            self.writable.wake(Ready::WRITE, usize::MAX);
        }
    }

    /// shutdown(2): ends reading, writing or both, and the other's end with it.
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

    /// The end: its last descriptor is closed, or, for one that was never `accepted`, the listener it
    /// waited at.
    pub fn release(&self, accepted: bool) {
        let (peer, packets, pending, name) = {
            let mut state = self.state();
            state.is_dead = true;
            state.shut = [true; 2];
            state.phase = Phase::Idle;
            (
                state.peer.take(),
                core::mem::take(&mut state.queue),
                core::mem::take(&mut state.pending),
                state.binding.as_mut().map(Binding::give_up),
            )
        };
        drop(name);
        if let Some(peer) = peer.filter(|_| self.kind.has_connections()) {
            let mut state = peer.state();
            state.shut = [true; 2];
            if !packets.is_empty() || !accepted {
                state.error = Some(Errno::ECONNRESET);
            }
            drop(state);
            peer.wake();
        }
        self.wake();
        self.room.wake_all();
        for socket in pending {
            socket.release(false);
        }
    }
}
