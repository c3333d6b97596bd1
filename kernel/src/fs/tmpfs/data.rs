//! The bytes of a regular file: page frames by index, zeros where there is none.
//!
//! The frames are what mmap(2) maps, so that a write is seen by every mapping at once. **The lock is
//! never held while user memory is copied**: the copy may fault, and the fault may want a page of
//! this very file.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::sync::Mutex;

use super::space::Space;
use crate::fs::io::{In, Out};
use crate::mm::PAGE_SIZE;
use crate::mm::frame::Frame;
use crate::syscall::errno::Errno;

const PAGE: usize = PAGE_SIZE as usize;
/// Bytes that reading a hole hands on.
static ZEROS: [u8; PAGE] = [0; PAGE];

/// Content and length of a file.
pub(super) struct Data {
    pages: BTreeMap<u64, Frame>,
    size: u64,
    space: Arc<Space>,
}

impl Drop for Data {
    fn drop(&mut self) {
        self.space.give_pages(self.pages.len() as u64);
    }
}

impl Data {
    /// An empty file in this space.
    pub fn new(space: Arc<Space>) -> Self {
        Self {
            pages: BTreeMap::new(),
            size: 0,
            space,
        }
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Number of pages that hold something.
    pub fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// Cuts or extends the file; what is added is a hole.
    pub fn resize(&mut self, size: u64) -> Result<(), Errno> {
        if size > i64::MAX as u64 {
            return Err(Errno::EFBIG);
        }
        if size < self.size {
            let cut = self.pages.split_off(&size.div_ceil(PAGE_SIZE));
            self.space.give_pages(cut.len() as u64);
            // What is cut off the last page must be zero if the file grows again.
            let kept = (size % PAGE_SIZE) as usize;
            if kept > 0
                && let Some(page) = self.pages.get(&(size / PAGE_SIZE))
            {
                page.write(kept, &ZEROS[kept..]);
            }
        }
        self.size = size;
        Ok(())
    }

    /// The page at `index`, made if it is a hole; for a mapping, and only inside the file.
    pub fn page_for_mapping(&mut self, index: u64) -> Result<Frame, Errno> {
        if index >= self.size.div_ceil(PAGE_SIZE) {
            return Err(Errno::ENXIO);
        }
        if let Some(page) = self.pages.get(&index) {
            return Ok(page.clone());
        }
        // The program gets SIGBUS, as on Linux.
        self.space.take_pages(1).map_err(|_| Errno::ENXIO)?;
        let page = Frame::zeroed().inspect_err(|_| self.space.give_pages(1))?;
        self.pages.insert(index, page.clone());
        Ok(page)
    }

    /// Calls `f` with each of these pages that is there.
    pub fn pages_in(&self, indices: Range<u64>, f: &mut dyn FnMut(u64, &Frame)) {
        for (&index, frame) in self.pages.range(indices) {
            f(index, frame);
        }
    }

    /// The page at `index` for a write, made if it is a hole. True: it is new and holds anything.
    fn page_for_write(&mut self, index: u64) -> Result<(Frame, bool), Errno> {
        if let Some(page) = self.pages.get(&index) {
            return Ok((page.clone(), false));
        }
        if !self.space.has_room() {
            return Err(Errno::ENOSPC);
        }
        Ok((Frame::uninitialised().map_err(|_| Errno::ENOSPC)?, true))
    }

    /// Makes the pages from `start` to `end`; if there is no room for all, none.
    pub fn reserve(&mut self, start: u64, end: u64) -> Result<(), Errno> {
        let mut made = Vec::new();
        for index in start / PAGE_SIZE..end.div_ceil(PAGE_SIZE) {
            if self.pages.contains_key(&index) {
                continue;
            }
            if made.len() as u64 >= self.space.room() {
                return Err(Errno::ENOSPC);
            }
            made.push((index, Frame::zeroed().map_err(|_| Errno::ENOSPC)?));
        }
        self.space.take_pages(made.len() as u64)?;
        self.pages.extend(made);
        Ok(())
    }

    /// The first byte from `offset` on that has a page, or has none (the end counts as a hole).
    pub fn seek(&self, offset: u64, hole: bool, size: u64) -> Option<u64> {
        let first = offset / PAGE_SIZE;
        let found = if hole {
            let mut index = first;
            for (page, _) in self.pages.range(first..) {
                if *page != index {
                    break;
                }
                index += 1;
            }
            index
        } else {
            *self.pages.range(first..).next()?.0
        };
        let at = (found * PAGE_SIZE).max(offset);
        match hole {
            true => Some(at.min(size)),
            false => (at < size).then_some(at),
        }
    }

    /// Makes a hole of the bytes from `start` to `end`.
    pub fn punch(&mut self, start: u64, end: u64) {
        let indices = start / PAGE_SIZE..end.div_ceil(PAGE_SIZE);
        let touched: Vec<u64> = self.pages.range(indices).map(|(&index, _)| index).collect();
        for index in touched {
            let from = start.max(index * PAGE_SIZE);
            let to = end.min((index + 1) * PAGE_SIZE);
            if to - from == PAGE_SIZE {
                self.pages.remove(&index);
                self.space.give_pages(1);
            } else if let Some(page) = self.pages.get(&index) {
                page.write((from % PAGE_SIZE) as usize, &ZEROS[..(to - from) as usize]);
            }
        }
    }
}

/// Reads from `offset` to the end or as much as `out` takes.
pub(super) fn read(data: &Mutex<Data>, mut offset: u64, out: &mut dyn Out) -> Result<(), Errno> {
    while out.left() > 0 {
        let at = (offset % PAGE_SIZE) as usize;
        let (page, len) = {
            let data = data.lock();
            let left = data.size.saturating_sub(offset);
            let len = out
                .left()
                .min(PAGE - at)
                .min(usize::try_from(left).unwrap_or(PAGE));
            (data.pages.get(&(offset / PAGE_SIZE)).cloned(), len)
        };
        if len == 0 {
            break;
        }
        match page {
            Some(page) => page.with_bytes(|bytes| out.put(&bytes[at..at + len]))?,
            None => out.put(&ZEROS[..len])?,
        }
        offset += len as u64;
    }
    Ok(())
}

/// Writes all that `from` gives at `offset`; bytes given before an error are in the file.
pub(super) fn write(data: &Mutex<Data>, mut offset: u64, from: &mut dyn In) -> Result<(), Errno> {
    while from.left() > 0 {
        let index = offset / PAGE_SIZE;
        let at = (offset % PAGE_SIZE) as usize;
        let len = from.left().min(PAGE - at);
        let (page, is_new) = data.lock().page_for_write(index)?;
        let before = from.done();
        let result = page.with_bytes_mut(|bytes| {
            if is_new {
                bytes[..at].fill(0);
                bytes[at + len..].fill(0);
            }
            let result = from.take(&mut bytes[at..at + len]);
            if is_new {
                // A fault left the rest as it was: some other program's bytes.
                bytes[at + (from.done() - before)..at + len].fill(0);
            }
            result
        });
        let given = (from.done() - before) as u64;
        let mut data = data.lock();
        if given > 0 {
            match data.pages.get(&index) {
                // The copy itself may have touched this page through a mapping, which made it.
                Some(made) if is_new => {
                    let given = given as usize;
                    page.with_bytes(|bytes| made.write(at, &bytes[at..at + given]));
                }
                Some(_) => {}
                None => {
                    data.space.take_pages(1)?;
                    data.pages.insert(index, page);
                }
            }
            data.size = data.size.max(offset + given);
        }
        drop(data);
        result?;
        offset += given;
    }
    Ok(())
}
