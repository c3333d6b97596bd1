//! Content of a regular file: page frames by index; missing pages are holes.
//!
//! mmap(2) maps the same frames, so a write is visible in every mapping at once. **The lock is
//! never held over a copy to or from user memory**: the copy may fault, and the fault may need a
//! page of the same file.

use alloc::collections::btree_map::Entry;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::sync::{Mutex, rank};

use super::space::Space;
use crate::abi::errno::Errno;
use crate::mm::fallible::TryPush as _;
use crate::mm::frame::Frame;
use crate::mm::{PAGE_SIZE, reserve};
use crate::sched::preempt::{self, Stride};
use crate::vfs::io::{In, Out};
use crate::vm::leftovers::{self, Pages};

const PAGE: usize = PAGE_SIZE as usize;
/// Most pages freed at a time in punching a hole.
const HOLE_PAGES: u64 = 256;
/// Content of a hole.
static ZEROS: [u8; PAGE] = [0; PAGE];

/// Content and size of a file.
pub(super) struct Data {
    pages: Pages,
    size: u64,
    space: Arc<Space>,
}

impl Drop for Data {
    fn drop(&mut self) {
        self.space.give_pages(self.pages.len() as u64);
        leftovers::put_aside(&mut self.pages);
    }
}

impl Data {
    /// An empty file charged to `space`.
    pub fn new(space: Arc<Space>) -> Self {
        Self {
            pages: Pages::new(),
            size: 0,
            space,
        }
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Number of allocated pages.
    pub fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// Sets the size; the added part is a hole. Returns the pages cut off, which may be many: see
    /// [`crate::sched::leftovers::drop_pages`].
    pub fn resize(&mut self, size: u64) -> Result<Pages, Errno> {
        if size > i64::MAX as u64 {
            return Err(Errno::EFBIG);
        }
        let mut cut = Pages::new();
        if size < self.size {
            cut = self.pages.split_off(&size.div_ceil(PAGE_SIZE));
            self.space.give_pages(cut.len() as u64);
            // The part of the last page behind the end must read as zeros if the file grows again.
            let kept = (size % PAGE_SIZE) as usize;
            if kept > 0
                && let Some(page) = self.pages.get(&(size / PAGE_SIZE))
            {
                page.write(kept, &ZEROS[kept..]);
            }
        }
        self.size = size;
        Ok(cut)
    }

    /// The page at `index` for a mapping, allocated for a hole; `ENXIO` behind the end of file.
    pub fn page_for_mapping(&mut self, index: u64) -> Result<Frame, Errno> {
        if index >= self.size.div_ceil(PAGE_SIZE) {
            return Err(Errno::ENXIO);
        }
        if let Some(page) = self.pages.get(&index) {
            return Ok(page.clone());
        }
        // The program gets SIGBUS, as on Linux.
        self.space.take_pages(1).map_err(|_| Errno::ENXIO)?;
        let page = reserve::top_up()
            .and_then(|()| Frame::zeroed())
            .inspect_err(|_| self.space.give_pages(1))?;
        self.pages.insert(index, page.clone());
        Ok(page)
    }

    /// Calls `f` with each allocated page in `indices`.
    pub fn pages_in(&self, indices: Range<u64>, f: &mut dyn FnMut(u64, &Frame)) {
        for (&index, frame) in self.pages.range(indices) {
            f(index, frame);
        }
    }

    /// The page at `index` for a write, allocated for a hole; with true, it is new and
    /// uninitialised.
    fn page_for_write(&mut self, index: u64) -> Result<(Frame, bool), Errno> {
        if let Some(page) = self.pages.get(&index) {
            return Ok((page.clone(), false));
        }
        if !self.space.has_room() {
            return Err(Errno::ENOSPC);
        }
        let frame = reserve::top_up().and_then(|()| Frame::uninitialised());
        Ok((frame.map_err(|_| Errno::ENOSPC)?, true))
    }

    /// The first byte from `offset` on in an allocated page, or in a hole; the end counts as a
    /// hole.
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

    /// The first range within `start` to `end` that begins with an allocated page, of at most
    /// [`HOLE_PAGES`] pages.
    pub fn part_of_hole(&self, start: u64, end: u64) -> Option<Range<u64>> {
        if start >= end {
            return None;
        }
        let indices = start / PAGE_SIZE..end.div_ceil(PAGE_SIZE);
        let (first, _) = self.pages.range(indices).next()?;
        let from = start.max(first * PAGE_SIZE);
        Some(from..end.min((first + HOLE_PAGES) * PAGE_SIZE))
    }

    /// Whether any of `pages` has other references, such as mappings.
    pub fn are_used(&self, pages: Range<u64>) -> bool {
        let mut present = self.pages.range(pages);
        present.any(|(_, frame)| frame.is_shared())
    }

    /// Punches a hole from `start` to `end`.
    pub fn punch(&mut self, start: u64, end: u64) {
        let mut at = start;
        while at < end
            && let Some((&index, page)) = self
                .pages
                .range(at / PAGE_SIZE..end.div_ceil(PAGE_SIZE))
                .next()
        {
            let from = at.max(index * PAGE_SIZE);
            let to = end.min((index + 1) * PAGE_SIZE);
            if to - from == PAGE_SIZE {
                self.pages.remove(&index);
                self.space.give_pages(1);
            } else {
                page.write((from % PAGE_SIZE) as usize, &ZEROS[..(to - from) as usize]);
            }
            at = to;
        }
    }
}

/// Allocates the pages from `start` to `end`; all or none.
///
/// # Errors
/// `ENOSPC`; `EINTR` on a pending signal (shmem_fallocate).
pub(super) fn reserve(
    data: &Mutex<Data, rank::FileData>,
    start: u64,
    end: u64,
) -> Result<(), Errno> {
    let mut made = Vec::new();
    let mut stride = Stride::default();
    for index in start / PAGE_SIZE..end.div_ceil(PAGE_SIZE) {
        let (is_there, room) = {
            let data = data.lock();
            (data.pages.contains_key(&index), data.space.room())
        };
        if is_there {
            continue;
        }
        if made.len() as u64 >= room {
            return Err(Errno::ENOSPC);
        }
        let page = Frame::zeroed().map_err(|_| Errno::ENOSPC)?;
        made.try_push((index, Some(page)))
            .map_err(|_| Errno::ENOSPC)?;
        if stride.passes(PAGE) {
            preempt::interrupted().map_err(|_| Errno::EINTR)?;
        }
    }
    let space = {
        let data = data.lock();
        data.space.take_pages(made.len() as u64)?;
        data.space.clone()
    };
    for at in 0..made.len() {
        if reserve::top_up().is_err() {
            remove_pages(data, &made[..at]);
            space.give_pages((made.len() - at) as u64);
            return Err(Errno::ENOSPC);
        }
        let (index, page) = &mut made[at];
        // A write may have allocated the page meanwhile.
        match data.lock().pages.entry(*index) {
            Entry::Vacant(place) => {
                page.take().map(|page| place.insert(page));
            }
            Entry::Occupied(_) => space.give_pages(1),
        }
        if stride.passes(PAGE / 16) {
            preempt::point();
        }
    }
    Ok(())
}

/// Removes the inserted pages, of which only the index is left in `made`.
fn remove_pages(data: &Mutex<Data, rank::FileData>, made: &[(u64, Option<Frame>)]) {
    let mut stride = Stride::default();
    for (index, _) in made.iter().filter(|(_, page)| page.is_none()) {
        let mut data = data.lock();
        if data.pages.remove(index).is_some() {
            data.space.give_pages(1);
        }
        drop(data);
        if stride.passes(PAGE / 16) {
            preempt::point();
        }
    }
}

/// Reads from `offset` up to the end of file or the room in `out`.
pub(super) fn read(
    data: &Mutex<Data, rank::FileData>,
    mut offset: u64,
    out: &mut dyn Out,
) -> Result<(), Errno> {
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
            Some(page) => out.put_page(&page, at, len)?,
            None => out.put(&ZEROS[..len])?,
        }
        offset += len as u64;
    }
    Ok(())
}

/// Writes all of `from` at `offset`; bytes copied before an error are in the file.
pub(super) fn write(
    data: &Mutex<Data, rank::FileData>,
    mut offset: u64,
    from: &mut dyn In,
) -> Result<(), Errno> {
    while from.left() > 0 {
        let index = offset / PAGE_SIZE;
        let at = (offset % PAGE_SIZE) as usize;
        let len = from.left().min(PAGE - at);
        let (page, is_new) = data.lock().page_for_write(index)?;
        let before = from.done();
        if is_new {
            page.write(0, &ZEROS[..at]);
            page.write(at + len, &ZEROS[at + len..]);
        }
        let result = from.take_page(&page, at, len);
        let given = from.done() - before;
        if is_new {
            // After a fault the rest is uninitialised: it may be another program's bytes.
            page.write(at + given, &ZEROS[at + given..at + len]);
        }
        let given = given as u64;
        let mut data = data.lock();
        if given > 0 {
            match data.pages.get(&index) {
                // The copy itself may have allocated the page, through a fault on a mapping of the
                // file.
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
