//! Shared anonymous memory: MAP_SHARED | MAP_ANONYMOUS.

use core::ops::Range;

use crate::sync::{Mutex, rank};

use super::leftovers::{self, Pages};
use super::mappers::{self, Mappers};
use super::vma::PageSource;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::mm::PAGE_SIZE;
use crate::mm::frame::Frame;
use crate::mm::reserve;

/// A shared memory object. Pages are allocated on first access by any process.
pub struct SharedMemory {
    pages: Mutex<Pages, rank::SharedPages>,
    /// Size in pages. mremap(2) grows mappings, not the object.
    count: u64,
    mappers: Mappers,
}

impl SharedMemory {
    /// Creates an object of `bytes` bytes without pages.
    pub fn new(bytes: u64) -> Self {
        Self {
            pages: Mutex::default(),
            count: bytes.div_ceil(PAGE_SIZE),
            mappers: Mappers::default(),
        }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        leftovers::put_aside(self.pages.get_mut());
    }
}

impl PageSource for SharedMemory {
    fn page(&self, index: u64) -> Result<Frame, Errno> {
        if index >= self.count {
            return Err(Errno::ENXIO);
        }
        let mut pages = self.pages.lock();
        if let Some(frame) = pages.get(&index) {
            return Ok(frame.clone());
        }
        reserve::top_up()?;
        let frame = Frame::zeroed()?;
        pages.insert(index, frame.clone());
        Ok(frame)
    }

    fn remove(&self, range: Range<u64>, _who: &Credentials) -> Result<Range<u64>, Errno> {
        /// Most pages freed at a time.
        const PART: u64 = 256;
        let end = range.end / PAGE_SIZE;
        let pages = range.start / PAGE_SIZE..end;
        let Some((&first, _)) = self.pages.lock().range(pages).next() else {
            return Ok(range.end..range.end);
        };
        let part = first..end.min(first + PART);
        let is_used = || {
            let own = self.pages.lock();
            own.range(part.clone()).any(|(_, frame)| frame.is_shared())
        };
        mappers::drop_shared_pages(self, first..end, part.clone(), is_used);
        let mut own = self.pages.lock();
        for index in part.clone() {
            own.remove(&index);
        }
        Ok(part.end * PAGE_SIZE..range.end)
    }

    fn mappers(&self) -> &Mappers {
        &self.mappers
    }

    fn in_memory(&self, first: u64, count: u64, f: &mut dyn FnMut(u64, &Frame)) {
        for (&index, frame) in self.pages.lock().range(first..first + count) {
            f(index, frame);
        }
    }
}
