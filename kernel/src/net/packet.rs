//! What is on its way from one socket to another: bytes, descriptors, who sent them.
//!
//! Short messages lie in the kernel's heap, longer ones in page frames. What a packet is charged to
//! its sender, and with it how many fit into SO_SNDBUF, is what Linux's struct sk_buff would be.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::sync::{Mutex, rank};

use super::inflight::{self, Parcel};
use super::socket::Socket;
use crate::fs::file::File;
use crate::fs::io::{In, Out};
use crate::mm::PAGE_SIZE;
use crate::mm::fallible;
use crate::mm::frame::{self, Frame};
use crate::syscall::errno::Errno;

const PAGE: usize = PAGE_SIZE as usize;
/// Most bytes that are kept in the heap.
const SHORT: usize = 2048;
/// Bytes of struct sk_buff and of struct skb_shared_info, as they are charged.
const HEADER: usize = 256;
const TRAILER: usize = 320;
/// Most bytes of a stream's packet that Linux keeps beside the header (SKB_MAX_HEAD(0)), and of a
/// datagram (SKB_MAX_ALLOC).
const STREAM_LINEAR: usize = PAGE - TRAILER;
const DATAGRAM_LINEAR: usize = 4 * PAGE - TRAILER;
/// Most bytes of a stream's packet: those, and 32 KiB in pages.
pub const STREAM_MAX: usize = STREAM_LINEAR + 8 * PAGE;

/// A process by its ID, user and group (struct ucred).
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
    /// Bytes of it that were read.
    taken: AtomicUsize,
    /// Who sent it, and what that is charged.
    pub sender: Arc<Socket>,
    charge: usize,
    /// On whose behalf; told to a receiver that asks for it (SO_PASSCRED).
    pub credentials: Option<UserCredentials>,
    parcel: Mutex<Option<Box<Parcel>>, rank::PacketFiles>,
}

/// What an open file takes on its way. What waits in a socket's queue isn't looked into: there may be sockets in
/// it again.
fn kept_in_flight(file: &Arc<File>) -> usize {
    let behind = match super::socket_of(file) {
        Some(_) => 0,
        None => file.ops().kept_bytes(),
    };
    (File::KEPT + behind) / Arc::strong_count(file)
}

/// What Linux charges for a packet of `len` bytes.
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
    /// Takes the next `len` bytes from `from`, on the account of `sender`.
    ///
    /// # Errors
    /// `EFAULT`; `ENOBUFS` if memory is short.
    pub fn new(sender: &Arc<Socket>, from: &mut dyn In, len: usize) -> Result<Self, Errno> {
        // A program decides how many there are.
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

    /// Sends descriptors along, counted for `uid`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn attach(&mut self, files: Vec<Arc<File>>, uid: u32) -> Result<(), Errno> {
        if !files.is_empty() {
            self.parcel = Mutex::new(Some(Parcel::new(files, uid)?));
        }
        Ok(())
    }

    /// Bytes that were not read yet.
    pub fn left(&self) -> usize {
        self.len - self.taken.load(Relaxed)
    }

    /// Bytes of the kernel's that it takes: itself, its content, and files that only it has.
    pub fn kept_bytes(&self) -> usize {
        let parcel = self.parcel.try_lock();
        let files = parcel.as_ref().and_then(|parcel| parcel.as_ref());
        let files = files.map_or(0, |parcel| parcel.files.iter().map(kept_in_flight).sum());
        self.charge + files
    }

    /// Notes that `len` more bytes were read.
    pub fn take(&self, len: usize) {
        self.taken.fetch_add(len, Relaxed);
    }

    /// Copies up to `len` bytes from `skip` on, counted from the first that was not read.
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

    /// The descriptors that come along: copies of them.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn peek_files(&self) -> Result<Vec<Arc<File>>, Errno> {
        let parcel = self.parcel.lock();
        parcel
            .as_ref()
            .map_or(Ok(Vec::new()), |parcel| fallible::to_vec(&parcel.files))
    }

    /// Takes them out.
    pub fn take_files(&self) -> Vec<Arc<File>> {
        let parcel = self.parcel.take();
        parcel.map_or_else(Vec::new, |parcel| parcel.open())
    }

    /// Calls `f` with each socket that comes along.
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
