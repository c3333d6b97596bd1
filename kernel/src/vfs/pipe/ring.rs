//! What a pipe holds: a queue of page frames, each with the bytes of one write or of several short
//! ones (Linux's struct pipe_buffer).
//!
//! A frame is there as long as there are bytes in it, and one more as a spare, so that pipes take
//! memory as programs do, and bytes that go back and forth take none at all.

use alloc::collections::VecDeque;

use crate::abi::errno::Errno;
use crate::mm::PAGE_SIZE;
use crate::mm::fallible::Grow as _;
use crate::mm::frame::Frame;
use crate::vfs::io::{In, Out};

/// Bytes of a slot.
pub const PAGE: usize = PAGE_SIZE as usize;

/// Some of a page's bytes.
pub struct Slot {
    frame: Frame,
    start: usize,
    len: usize,
    /// A packet of its own (O_DIRECT): one read gets no more, and what it leaves is lost.
    is_packet: bool,
    /// The frame is another pipe's too (tee(2)): nothing more is written to it.
    is_shared: bool,
}

impl Slot {
    /// The first `len` bytes as a slot of their own; the frame is shared.
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

    /// Calls `f` with the bytes.
    pub fn with_bytes<T>(&self, f: impl FnOnce(&[u8]) -> T) -> T {
        self.frame
            .with_bytes(|page| f(&page[self.start..self.start + self.len]))
    }
}

/// The bytes on their way through a pipe.
pub struct Ring {
    slots: VecDeque<Slot>,
    /// Most slots.
    capacity: usize,
    /// A frame that was read empty, for the next write.
    spare: Option<Frame>,
    /// What happened since [`Ring::changes`] was asked: bytes came, bytes went.
    changes: (bool, bool),
}

impl Ring {
    /// A ring without bytes and frames.
    pub const fn new(capacity: usize) -> Self {
        Self {
            slots: VecDeque::new(),
            capacity,
            spare: None,
            changes: (false, false),
        }
    }

    /// Whether bytes came, and whether some went, since the last time this was asked.
    pub fn changes(&mut self) -> (bool, bool) {
        core::mem::take(&mut self.changes)
    }

    /// Most slots.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Sets how many slots there may be.
    ///
    /// # Errors
    /// `EBUSY` if more are in use.
    pub fn set_capacity(&mut self, capacity: usize) -> Result<(), Errno> {
        if self.slots.len() > capacity {
            return Err(Errno::EBUSY);
        }
        self.capacity = capacity;
        Ok(())
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether every slot is in use.
    pub fn is_full(&self) -> bool {
        self.slots.len() >= self.capacity
    }

    /// Bytes in it.
    pub fn len(&self) -> usize {
        self.slots.iter().map(|slot| slot.len).sum()
    }

    /// Number of slots in use.
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// A slot in use; number 0 is read next.
    pub fn slot(&mut self, number: usize) -> Option<&mut Slot> {
        self.slots.get_mut(number)
    }

    /// Adds up to `len` of the bytes of `slot`, whose frame is then shared; returns how many. There must
    /// be room for a slot.
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

    /// Takes the first `len` bytes of the first slot away, and with its last byte the slot.
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

    /// Writes a short remainder behind the last slot's bytes if it fits there whole: what Linux does
    /// first, so that many short writes don't take a page each.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn append(&mut self, from: &mut dyn In) -> Result<(), Errno> {
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

    /// Fills up to `max` bytes, at most a page, of a new slot: `fill` says how many it has filled in.
    /// There must be room for a slot.
    ///
    /// # Errors
    /// `ENOMEM`, and those of `fill`; what it filled in before stays.
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

    /// Writes up to a page into a slot of its own; there must be room for it.
    ///
    /// # Errors
    /// `EFAULT`, `ENOMEM`.
    pub fn write(&mut self, from: &mut dyn In, is_packet: bool) -> Result<(), Errno> {
        let filled = self.fill(from.left(), is_packet, |page| {
            let before = from.done();
            let result = from.take(page);
            (from.done() - before, result)
        });
        filled.map(|_| ())
    }

    /// Reads from the first slot what `out` takes; whether another may follow in the same read.
    ///
    /// # Errors
    /// `EFAULT`; what was not taken stays.
    pub fn read(&mut self, out: &mut dyn Out) -> Result<bool, Errno> {
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
