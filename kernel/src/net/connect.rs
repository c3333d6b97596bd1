//! Connections: socketpair, bind, listen, connect, accept.

use alloc::sync::Arc;

use super::Patience;
use super::address::{self, Address, Binding};
use super::socket::{Kind, Phase, READ, Socket, WRITE, caller_credentials};
use crate::abi::errno::Errno;
use crate::abi::ready::Ready;
use crate::mm::fallible::Grow as _;

/// Largest backlog of a listener (net.core.somaxconn); the queue holds one connection more.
const BACKLOG_MAX: usize = 4096;

/// Creates two sockets connected to each other.
///
/// # Errors
/// `ENOBUFS` if memory is short.
pub fn pair(kind: Kind) -> Result<[Arc<Socket>; 2], Errno> {
    let pair = [Socket::new(kind)?, Socket::new(kind)?];
    for (socket, peer) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
        let mut state = socket.state();
        state.phase = Phase::Connected;
        state.peer = Some(peer.clone());
        state.peer_credentials = Some(caller_credentials());
    }
    Ok(pair)
}

impl Socket {
    /// bind(2). With an empty name, the kernel chooses one (autobind).
    ///
    /// # Errors
    /// `EINVAL` if the socket has a name; `EADDRINUSE`; those of creating a file.
    pub fn bind(self: &Arc<Self>, name: Address) -> Result<(), Errno> {
        let has_name = self.state().binding.is_some();
        if name.is_empty() {
            return if has_name {
                Ok(())
            } else {
                address::autobind(self)
            };
        }
        if has_name {
            return Err(Errno::EINVAL);
        }
        address::bind(self, name)
    }

    /// Autobinds an unnamed socket with SO_PASSCRED, so that receivers can see the sender's
    /// address.
    pub(super) fn autobind_if_passcred(self: &Arc<Self>) -> Result<(), Errno> {
        let state = self.state();
        let wanted = state.options.pass_credentials && state.binding.is_none();
        drop(state);
        if wanted {
            address::autobind(self)
        } else {
            Ok(())
        }
    }

    /// listen(2).
    ///
    /// # Errors
    /// `EOPNOTSUPP` for a datagram socket; `EINVAL` for an unnamed or connected one.
    pub fn listen(&self, backlog: i32) -> Result<(), Errno> {
        if !self.kind.has_connections() {
            return Err(Errno::EOPNOTSUPP);
        }
        let mut state = self.state();
        if state.binding.is_none() || state.phase == Phase::Connected {
            return Err(Errno::EINVAL);
        }
        // As on Linux, a negative backlog is a large unsigned one.
        state.backlog = (backlog as u32 as usize).min(BACKLOG_MAX);
        state.phase = Phase::Listening;
        state.peer_credentials = Some(caller_credentials());
        drop(state);
        self.room.wake_all();
        Ok(())
    }

    /// connect(2) of a connection-oriented socket; waits for room in the listener's queue.
    ///
    /// # Errors
    /// `ECONNREFUSED`, `EAGAIN`; `EISCONN` if connected, `EINVAL` if listening; those of the path
    /// lookup.
    pub fn connect(self: &Arc<Self>, name: &Address, patience: Patience) -> Result<(), Errno> {
        self.autobind_if_passcred()?;
        let end = Self::new(self.kind)?;
        loop {
            let listener = address::find(name, self.kind)?;
            let mut state = listener.state();
            if state.phase != Phase::Listening || state.shut[READ] {
                return Err(Errno::ECONNREFUSED);
            }
            if state.is_full() {
                drop(state);
                patience.wait(&listener.room, || {
                    let state = listener.state();
                    (!state.is_full() || state.is_dead || state.shut[READ]).then_some(())
                })?;
                continue;
            }
            state.pending.room_for(1)?;
            let (name, credentials) = (state.address(), state.peer_credentials);
            let passes = state.options.pass_credentials;
            drop(state);
            {
                let mut mine = self.state();
                match mine.phase {
                    Phase::Idle => {}
                    Phase::Connected => return Err(Errno::EISCONN),
                    Phase::Listening => return Err(Errno::EINVAL),
                }
                mine.phase = Phase::Connected;
                mine.peer = Some(end.clone());
                mine.peer_credentials = credentials;
            }
            {
                let mut theirs = end.state();
                theirs.phase = Phase::Connected;
                theirs.peer = Some(self.clone());
                theirs.peer_credentials = Some(caller_credentials());
                theirs.binding = Some(Binding::copy(name));
                theirs.options.pass_credentials = passes;
            }
            listener.state().pending.push_back(end);
            listener.readable.wake_in_parts(Ready::READ, usize::MAX);
            return Ok(());
        }
    }

    /// connect(2) of a datagram socket: sets the default destination and the only accepted sender.
    /// `None` (AF_UNSPEC) removes both.
    ///
    /// # Errors
    /// `ECONNREFUSED`; `EPERM` if the peer is connected to another socket; those of the path
    /// lookup.
    pub fn associate(self: &Arc<Self>, name: Option<&Address>) -> Result<(), Errno> {
        let peer = match name {
            Some(name) => {
                self.autobind_if_passcred()?;
                let peer = address::find(name, self.kind)?;
                if !peer.accepts_from(self) {
                    return Err(Errno::EPERM);
                }
                Some(peer)
            }
            None => None,
        };
        let mut state = self.state();
        state.phase = if peer.is_some() {
            Phase::Connected
        } else {
            Phase::Idle
        };
        let is_same = |old: &Arc<Self>| peer.as_ref().is_some_and(|new| Arc::ptr_eq(old, new));
        if state.peer.as_ref().is_some_and(is_same) {
            return Ok(());
        }
        let old = core::mem::replace(&mut state.peer, peer);
        let Some(old) = old else { return Ok(()) };
        // Queued messages of the old peer are discarded.
        let packets = core::mem::take(&mut state.queue);
        drop(state);
        if !packets.is_empty() {
            self.room.wake_all();
        }
        let mut state = old.state();
        if !state.is_dead
            && state
                .peer
                .as_ref()
                .is_some_and(|peer| Arc::ptr_eq(peer, self))
        {
            state.error = Some(Errno::ECONNRESET);
            drop(state);
            old.wake();
        }
        Ok(())
    }

    /// Whether a datagram of `sender` is accepted: the socket is unconnected or connected to
    /// `sender`.
    pub(super) fn accepts_from(&self, sender: &Arc<Self>) -> bool {
        let state = self.state();
        state
            .peer
            .as_ref()
            .is_none_or(|peer| Arc::ptr_eq(peer, sender))
    }

    /// accept(2): takes the oldest pending connection.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for a datagram socket, `EINVAL` for one that isn't listening, `EAGAIN`.
    pub fn accept(&self, patience: Patience) -> Result<Arc<Self>, Errno> {
        if !self.kind.has_connections() {
            return Err(Errno::EOPNOTSUPP);
        }
        if self.state().phase != Phase::Listening {
            return Err(Errno::EINVAL);
        }
        let end = patience.wait(&self.readable, || {
            let mut state = self.state();
            if let Err(errno) = state.take_error() {
                return Some(Err(errno));
            }
            match state.pending.pop_front() {
                Some(end) => Some(Ok(end)),
                None if state.shut[READ] => Some(Err(Errno::EINVAL)),
                None => None,
            }
        })??;
        self.room.wake_all();
        Ok(end)
    }

    /// How a reading call waits: `nonblocking` is the file's O_NONBLOCK or the call's MSG_DONTWAIT,
    /// the limit SO_RCVTIMEO.
    pub fn read_patience(&self, nonblocking: bool) -> Patience {
        Patience {
            nonblocking,
            limit: self.state().options.timeouts[READ],
        }
    }

    /// How a writing call waits, with SO_SNDTIMEO as limit.
    pub fn write_patience(&self, nonblocking: bool) -> Patience {
        Patience {
            nonblocking,
            limit: self.state().options.timeouts[WRITE],
        }
    }
}
