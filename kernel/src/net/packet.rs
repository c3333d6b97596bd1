//! Messages in flight between two sockets: bytes, descriptors and the sender's credentials.
//!
//! Short messages are stored in the kernel's heap, longer ones in page frames. A packet is charged
//! to its sender as Linux's struct sk_buff would be, so that SO_SNDBUF holds as many as on Linux.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::sync::{Mutex, rank};

use super::inflight::{self, Parcel};
use super::socket::Socket;
use crate::abi::errno::Errno;
use crate::mm::PAGE_SIZE;
use crate::mm::fallible;
use crate::mm::frame::{self, Frame};
use crate::vfs::file::File;
use crate::vfs::io::{In, Out};

const PAGE: usize = PAGE_SIZE as usize;
/// Most bytes stored in the heap.
const SHORT: usize = 2048;
/// Bytes charged for struct sk_buff and struct skb_shared_info.
const HEADER: usize = 256;
const TRAILER: usize = 320;
/// Most bytes in the linear part of an sk_buff: of a stream (SKB_MAX_HEAD(0)) and of a datagram
/// (SKB_MAX_ALLOC).
const STREAM_LINEAR: usize = PAGE - TRAILER;
const DATAGRAM_LINEAR: usize = 4 * PAGE - TRAILER;
/// Most bytes of a stream's packet: the linear part, and 32 KiB in pages.
pub const STREAM_MAX: usize = STREAM_LINEAR + 8 * PAGE;

/// Process, user and group ID of a sender (struct ucred).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Linux's names.
pub struct UserCredentials {
    pub pid: u32,
    pub uid: u32,
    pub gid: u32,
}

enum Payload {
    Short(Vec<u8>),
    Long(Vec<Frame>),
}

/// A message, or a part of a stream.
pub struct Packet {
    payload: Payload,
    len: usize,
    /// Bytes already read.
    taken: AtomicUsize,
    /// The sending socket, and the bytes charged to it.
    pub sender: Arc<Socket>,
    charge: usize,
    /// Sender's credentials, for a receiver with SO_PASSCRED.
    pub credentials: Option<UserCredentials>,
    parcel: Mutex<Option<Box<Parcel>>, rank::PacketFiles>,
}

/// Kernel memory in bytes held by an open file in flight. A socket's queue is not counted: it may
/// contain further sockets.
fn kept_in_flight(file: &Arc<File>) -> usize {
    let behind = match super::socket_of(file) {
        Some(_) => 0,
        None => file.ops().kept_bytes(),
    };
    (file.kept_bytes() + behind) / Arc::strong_count(file)
}

/// Bytes that Linux charges for a packet of `len` bytes.
fn charge(len: usize, is_stream: bool) -> usize {
    let linear_max = if is_stream {
        STREAM_LINEAR
    } else {
        DATAGRAM_LINEAR
    };
    let mut paged = len.saturating_sub(linear_max).next_multiple_of(PAGE);
    if is_stream {
        paged = paged.min(len);
    }
    let linear = len.saturating_sub(paged).next_multiple_of(64);
    HEADER + (linear + TRAILER).next_power_of_two() + paged.next_multiple_of(PAGE)
}

impl Packet {
    /// Takes the next `len` bytes from `from`; charges them to `sender`.
    ///
    /// # Errors
    /// `EFAULT`; `ENOBUFS` if memory is short.
    pub fn new(sender: &Arc<Socket>, from: &mut dyn In, len: usize) -> Result<Self, Errno> {
        // The number of packets is up to programs: the last free frames are not for them.
        if frame::is_low() {
            return Err(Errno::ENOBUFS);
        }
        let payload = if len <= SHORT {
            let mut bytes = fallible::zeroed(len).map_err(|_| Errno::ENOBUFS)?;
            from.take(&mut bytes)?;
            Payload::Short(bytes)
        } else {
            let mut frames =
                fallible::with_capacity(len.div_ceil(PAGE)).map_err(|_| Errno::ENOBUFS)?;
            let mut left = len;
            while left > 0 {
                let frame = Frame::uninitialised().map_err(|_| Errno::ENOBUFS)?;
                let part = left.min(PAGE);
                frame.with_bytes_mut(|page| from.take(&mut page[..part]))?;
                frames.push(frame);
                left -= part;
            }
            Payload::Long(frames)
        };
        let charge = charge(len, sender.kind.is_stream());
        sender.charged.fetch_add(charge, Relaxed);
        Ok(Self {
            payload,
            len,
            taken: AtomicUsize::new(0),
            sender: sender.clone(),
            charge,
            credentials: None,
            parcel: Mutex::new(None),
        })
    }

    /// Attaches descriptors, charged to `uid`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn attach(&mut self, files: Vec<Arc<File>>, uid: u32) -> Result<(), Errno> {
        if !files.is_empty() {
            self.parcel = Mutex::new(Some(Parcel::new(files, uid)?));
        }
        Ok(())
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.len - self.taken.load(Relaxed)
    }

    /// Kernel memory in bytes held by the packet: itself, its content, and its share of the files
    /// in flight.
    pub fn kept_bytes(&self) -> usize {
        let parcel = self.parcel.try_lock();
        let files = parcel.as_ref().and_then(|parcel| parcel.as_ref());
        let files = files.map_or(0, |parcel| parcel.files.iter().map(kept_in_flight).sum());
        self.charge + files
    }

    /// Marks `len` more bytes as read.
    pub fn take(&self, len: usize) {
        self.taken.fetch_add(len, Relaxed);
    }

    /// Copies up to `len` bytes, beginning `skip` bytes after the first unread one.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn copy(&self, skip: usize, len: usize, out: &mut dyn Out) -> Result<(), Errno> {
        let start = self.taken.load(Relaxed) + skip;
        let end = self.len.min(start + len.min(out.left()));
        match &self.payload {
            Payload::Short(bytes) => out.put(&bytes[start..end]),
            Payload::Long(frames) => {
                let mut at = start;
                while at < end {
                    let part = (PAGE - at % PAGE).min(end - at);
                    let frame = &frames[at / PAGE];
                    frame.with_bytes(|page| out.put(&page[at % PAGE..at % PAGE + part]))?;
                    at += part;
                }
                Ok(())
            }
        }
    }

    /// Further references to the attached files, for MSG_PEEK.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn peek_files(&self) -> Result<Vec<Arc<File>>, Errno> {
        let parcel = self.parcel.lock();
        if parcel.is_some() {
            inflight::count_change();
        }
        parcel
            .as_ref()
            .map_or(Ok(Vec::new()), |parcel| fallible::to_vec(&parcel.files))
    }

    /// Detaches the files and ends their charge.
    pub fn take_files(&self) -> Vec<Arc<File>> {
        let parcel = self.parcel.take();
        parcel.map_or_else(Vec::new, |parcel| parcel.open())
    }

    /// Calls `f` with each attached socket.
    pub fn for_each_socket(&self, f: &mut dyn FnMut(&Arc<File>, &Arc<Socket>)) {
        let parcel = self.parcel.lock();
        for file in parcel.iter().flat_map(|parcel| &parcel.files) {
            if let Some(socket) = super::socket_of(file) {
                f(file, socket);
            }
        }
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let parcel = self.parcel.take();
        if let Some(parcel) = parcel {
            inflight::close_later(parcel);
        }
        self.sender.charged.fetch_sub(self.charge, Relaxed);
        self.sender.wake_if_writable();
    }
}
