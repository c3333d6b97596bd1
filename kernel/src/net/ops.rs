//! Sockets as files: read(2), write(2), poll(2), ioctl(2) and stat(2).

use alloc::format;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering::Relaxed;

use linux_raw_sys::ioctl::{FIONREAD, TIOCOUTQ};
use spin::Once;

use super::gc;
use super::message::{Outgoing, receive, send};
use super::socket::{Phase, READ, Socket};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::{Change, Device, Metadata, mode};
use crate::abi::ready::Ready;
use crate::sched::wait::WaitQueue;
use crate::usercopy::UserPtr;
use crate::vfs::dentry::{Dentry, Location, Parent};
use crate::vfs::file::{File, flags};
use crate::vfs::inode::{FileOps, Inode};
use crate::vfs::io::{In, Out};
use crate::vfs::mount::{self, Mount};
use crate::vfs::pseudo;

/// File operations of a socket. The last close of the file drops them and releases the socket.
struct Open(Arc<Socket>);

/// Creates the open file of a new socket. Of `status`, only O_NONBLOCK counts.
pub fn file_of(socket: Arc<Socket>, status: u32) -> Arc<File> {
    let name = format!("socket:[{}]", socket.ino).into_bytes();
    let location = Location {
        mount: mount().clone(),
        dentry: Dentry::new(Parent::Root, name.into(), socket.clone()),
    };
    let status = status & flags::O_NONBLOCK;
    File::new(location, Arc::new(Open(socket)), flags::O_RDWR | status)
}

/// The socket behind an open file, if it is one.
pub fn socket_of(file: &File) -> Option<&Arc<Socket>> {
    let ops: &dyn Any = &**file.ops();
    ops.downcast_ref().map(|Open(socket)| socket)
}

/// The internal mount of socket files (sockfs).
fn mount() -> &'static Arc<Mount> {
    const SOCKFS_MAGIC: u32 = 0x534f_434b;
    static MOUNT: Once<Arc<Mount>> = Once::new();
    MOUNT.call_once(|| pseudo::mount("sockfs", SOCKFS_MAGIC))
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.release(true);
        gc::after_release();
    }
}

impl Inode for Socket {
    fn metadata(&self) -> Metadata {
        static DEVICE: Once<u32> = Once::new();
        let owner = *self.owner.lock();
        Metadata {
            dev: Device::new(0, *DEVICE.call_once(mount::anonymous_device)),
            ino: self.ino,
            mode: mode::S_IFSOCK | owner.permissions,
            uid: owner.uid,
            gid: owner.gid,
            ..Metadata::since(self.born)
        }
    }

    fn change(&self, change: &Change) -> Result<(), Errno> {
        let mut owner = self.owner.lock();
        owner.uid = change.uid.unwrap_or(owner.uid);
        owner.gid = change.gid.unwrap_or(owner.gid);
        owner.permissions = change.permissions.unwrap_or(owner.permissions);
        Ok(())
    }

    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno> {
        Err(Errno::ENXIO)
    }
}

impl FileOps for Open {
    fn kept_bytes(&self) -> usize {
        let state = self.0.state.try_lock();
        state.map_or(0, |state| {
            state.queue.iter().map(|packet| packet.kept_bytes()).sum()
        })
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn read(&self, _offset: u64, out: &mut dyn Out, nonblocking: bool) -> Result<(), Errno> {
        if out.left() == 0 {
            return Ok(());
        }
        // Descriptors in the message are closed.
        receive(&self.0, out, 0, nonblocking).map(|_| ())
    }

    fn write(&self, _offset: u64, from: &mut dyn In, nonblocking: bool) -> Result<(), Errno> {
        send(&self.0, &mut Outgoing::bytes(from, 0), nonblocking).map(|_| ())
    }

    fn ready(&self) -> Ready {
        let socket = &self.0;
        let (is_idle, has_connections, peer) = {
            let state = socket.state();
            (
                state.phase == Phase::Idle,
                socket.kind.has_connections(),
                state.peer.clone(),
            )
        };
        let mut can_write = socket.is_writable();
        if !socket.kind.is_stream()
            && let Some(peer) = peer
        {
            let peer = peer.state();
            let is_mutual = peer
                .peer
                .as_ref()
                .is_some_and(|other| Arc::ptr_eq(other, socket));
            can_write &= is_mutual || !peer.is_full();
        }
        let state = socket.state();
        let mut ready = Ready::empty();
        let has_any = !state.queue.is_empty() || !state.pending.is_empty();
        ready.set(Ready::READ, has_any || state.shut[READ]);
        ready.set(Ready::READ_HANGUP, state.shut[READ]);
        let is_over = state.shut == [true; 2] || has_connections && is_idle;
        ready.set(Ready::HANGUP, is_over);
        ready.set(Ready::ERROR, state.error.is_some());
        ready.set(Ready::WRITE, can_write && state.phase != Phase::Listening);
        ready
    }

    fn wait_queues(&self, each: &mut dyn FnMut(&WaitQueue)) -> bool {
        each(&self.0.readable);
        each(&self.0.writable);
        let peer = self.0.state().peer.clone();
        if let Some(peer) = peer.filter(|_| !self.0.kind.is_stream()) {
            each(&peer.room);
        }
        true
    }

    fn ioctl(&self, request: u32, argument: u64) -> SysResult {
        let state = self.0.state();
        let size = match request {
            FIONREAD if state.phase == Phase::Listening => return Err(Errno::EINVAL),
            FIONREAD if self.0.kind.has_connections() => {
                state.queue.iter().map(|packet| packet.left()).sum()
            }
            FIONREAD => state.queue.front().map_or(0, |packet| packet.left()),
            TIOCOUTQ => self.0.charged.load(Relaxed),
            _ => return Err(Errno::ENOTTY),
        };
        drop(state);
        UserPtr::<u32>::new(argument).write(size as u32).map(|()| 0)
    }
}
