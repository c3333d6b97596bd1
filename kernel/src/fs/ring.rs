//! What a pipe holds: bytes in a ring of page frames. A frame is there as long as there are
//! bytes in it, so that pipes take memory as programs do, and give it back.

use crate::mm::PAGE_SIZE;
use crate::mm::frame::Frame;
use crate::syscall::errno::Errno;

const PAGE: usize = PAGE_SIZE as usize;
const FRAMES: usize = 16;

/// Bytes on their way through a pipe.
pub struct Ring {
    frames: [Option<Frame>; FRAMES],
    /// Where the first byte is, in bytes from the first frame's start.
    start: usize,
    len: usize,
}

impl Ring {
    /// Most bytes that a ring holds.
    pub const CAPACITY: usize = FRAMES * PAGE;

    /// A ring without bytes and frames.
    pub const fn new() -> Self {
        Self {
            frames: [const { None }; FRAMES],
            start: 0,
            len: 0,
        }
    }

    /// Bytes in the ring.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes that there is room for.
    pub fn room(&self) -> usize {
        Self::CAPACITY - self.len
    }

    /// Takes the frames that `len` more bytes need; there must be room for them.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn reserve(&mut self, len: usize) -> Result<(), Errno> {
        let end = self.start + self.len;
        for index in end / PAGE..(end + len).div_ceil(PAGE) {
            let slot = &mut self.frames[index % FRAMES];
            if slot.is_none() {
                *slot = Some(Frame::uninitialised()?);
            }
        }
        Ok(())
    }

    /// Adds bytes that were reserved for.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let at = (self.start + self.len) % Self::CAPACITY;
            let (now, later) = bytes.split_at(bytes.len().min(PAGE - at % PAGE));
            let frame = self.frames[at / PAGE].as_ref().expect("reserved");
            frame.write(at % PAGE, now);
            self.len += now.len();
            bytes = later;
        }
    }

    /// Takes the first bytes out; there must be as many.
    pub fn pop(&mut self, mut out: &mut [u8]) {
        while !out.is_empty() {
            let at = self.start;
            let (now, later) = out.split_at_mut(out.len().min(PAGE - at % PAGE));
            let frame = self.frames[at / PAGE].as_ref().expect("holds bytes");
            frame.read(at % PAGE, now);
            self.len -= now.len();
            self.start = (at + now.len()) % Self::CAPACITY;
            out = later;
            // The ring's last bytes may have come round to the frame of the first.
            if self.start.is_multiple_of(PAGE) && self.len <= Self::CAPACITY - PAGE {
                self.frames[at / PAGE] = None;
            }
        }
        if self.len == 0 {
            *self = Self::new();
        }
    }
}
