//! The buffers of a pipe: a queue of page frames, each with the bytes of one write or of several
//! short ones (struct pipe_buffer).
//!
//! A frame is allocated while it has bytes, and one more is kept as a spare: a pipe takes memory in
//! proportion to its content, and a ping-pong of short messages allocates none.

use alloc::collections::VecDeque;

use crate::abi::errno::Errno;
use crate::mm::PAGE_SIZE;
use crate::mm::fallible::Grow as _;
use crate::mm::frame::Frame;
use crate::vfs::io::{In, Out};

/// Bytes of a slot.
pub const PAGE: usize = PAGE_SIZE as usize;

/// A page frame with a range of valid bytes.
pub struct Slot {
    frame: Frame,
    start: usize,
    len: usize,
    /// A packet (O_DIRECT): one read returns no more, and discards the rest.
    is_packet: bool,
    /// The frame is shared with another pipe (tee(2)): nothing more is written to it.
    is_shared: bool,
}

impl Slot {
    /// A slot with the first `len` bytes; the frame is shared.
    fn share(&mut self, len: usize) -> Self {
        self.is_shared = true;
        Self {
            frame: self.frame.clone(),
            start: self.start,
            len,
            is_packet: self.is_packet,
            is_shared: true,
        }
    }

    /// Calls `f` with the valid bytes.
    pub fn with_bytes<T>(&self, f: impl FnOnce(&[u8]) -> T) -> T {
        self.frame
            .with_bytes(|page| f(&page[self.start..self.start + self.len]))
    }
}

/// The queue of a pipe's slots.
pub struct Ring {
    slots: VecDeque<Slot>,
    /// Slot limit.
    capacity: usize,
    /// An emptied frame, for the next write.
    spare: Option<Frame>,
    /// Changes since the last [`Ring::changes`]: bytes added, bytes removed.
    changes: (bool, bool),
}

impl Ring {
    /// An empty ring of `capacity` slots, without frames.
    pub const fn new(capacity: usize) -> Self {
        Self {
            slots: VecDeque::new(),
            capacity,
            spare: None,
            changes: (false, false),
        }
    }

    /// Whether bytes were added and whether bytes were removed since the last call.
    pub fn changes(&mut self) -> (bool, bool) {
        core::mem::take(&mut self.changes)
    }

    /// Slot limit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Sets the slot limit.
    ///
    /// # Errors
    /// `EBUSY` if more slots are in use.
    pub fn set_capacity(&mut self, capacity: usize) -> Result<(), Errno> {
        if self.slots.len() > capacity {
            return Err(Errno::EBUSY);
        }
        self.capacity = capacity;
        Ok(())
    }

    /// Whether the ring has no bytes.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether all slots are in use.
    pub fn is_full(&self) -> bool {
        self.slots.len() >= self.capacity
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.slots.iter().map(|slot| slot.len).sum()
    }

    /// Number of slots in use.
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// Slot `number`; 0 is read next.
    pub fn slot(&mut self, number: usize) -> Option<&mut Slot> {
        self.slots.get_mut(number)
    }

    /// Appends up to `len` bytes of `slot` by sharing its frame; returns their number. The ring
    /// must not be full.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn push(&mut self, slot: &mut Slot, len: usize) -> Result<usize, Errno> {
        self.slots.room_for(1)?;
        let len = slot.len.min(len);
        self.slots.push_back(slot.share(len));
        self.changes.0 = true;
        Ok(len)
    }

    /// Removes the first `len` bytes of the first slot, and the slot with its last byte or if it is
    /// a packet.
    pub fn skip(&mut self, len: usize) {
        let Some(slot) = self.slots.front_mut() else {
            return;
        };
        self.changes.1 = true;
        slot.start += len;
        slot.len -= len;
        if slot.len == 0 || slot.is_packet {
            let gone = self.slots.pop_front();
            if self.spare.is_none() {
                self.spare = gone.filter(|slot| !slot.is_shared).map(|slot| slot.frame);
            }
        }
    }

    /// Appends the part of a write that exceeds whole pages to the last slot, if it fits there:
    /// Linux does this first, so that short writes don't take a page each (pipe_write).
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn append(&mut self, from: &mut (impl In + ?Sized)) -> Result<(), Errno> {
        let len = from.left() % PAGE;
        let Some(last) = self.slots.back_mut().filter(|_| len > 0) else {
            return Ok(());
        };
        let end = last.start + last.len;
        if last.is_packet || last.is_shared || end + len > PAGE {
            return Ok(());
        }
        let before = from.done();
        let result = last
            .frame
            .with_bytes_mut(|page| from.take(&mut page[end..end + len]));
        last.len += from.done() - before;
        self.changes.0 = true;
        result
    }

    /// Adds a slot with up to `max` bytes, at most a page, from `fill`, which returns the number of
    /// bytes it filled. The ring must not be full.
    ///
    /// # Errors
    /// `ENOMEM`, and those of `fill`; bytes filled before an error remain.
    pub fn fill(
        &mut self,
        max: usize,
        is_packet: bool,
        fill: impl FnOnce(&mut [u8]) -> (usize, Result<(), Errno>),
    ) -> Result<usize, Errno> {
        self.slots.room_for(1)?;
        let frame = match self.spare.take() {
            Some(frame) => frame,
            None => Frame::uninitialised()?,
        };
        let (len, result) = frame.with_bytes_mut(|page| fill(&mut page[..max.min(PAGE)]));
        if len == 0 {
            self.spare = Some(frame);
            return result.map(|()| 0);
        }
        self.changes.0 = true;
        self.slots.push_back(Slot {
            frame,
            start: 0,
            len,
            is_packet,
            is_shared: false,
        });
        result.map(|()| len)
    }

    /// Writes up to a page into a new slot; the ring must not be full.
    ///
    /// # Errors
    /// `EFAULT`, `ENOMEM`.
    pub fn write(&mut self, from: &mut (impl In + ?Sized), is_packet: bool) -> Result<(), Errno> {
        let filled = self.fill(from.left(), is_packet, |page| {
            let before = from.done();
            let result = from.take(page);
            (from.done() - before, result)
        });
        filled.map(|_| ())
    }

    /// Reads from the first slot up to the room in `out`; returns whether the same read may
    /// continue with another slot.
    ///
    /// # Errors
    /// `EFAULT`; the slot is unchanged.
    pub fn read(&mut self, out: &mut (impl Out + ?Sized)) -> Result<bool, Errno> {
        let Some(slot) = self.slots.front() else {
            return Ok(false);
        };
        let (is_packet, before) = (slot.is_packet, out.done());
        let len = slot.len.min(out.left());
        let result = slot.with_bytes(|bytes| out.put(&bytes[..len]));
        if result.is_ok() {
            self.skip(out.done() - before);
        }
        result.map(|()| !is_packet)
    }
}
