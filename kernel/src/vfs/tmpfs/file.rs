//! Regular files of tmpfs: read, write, truncate, allocate, map.

use core::ops::Range;

use linux_raw_sys::general::{F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_WRITE};

use super::Node;
use super::data;
use super::node::Content;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::mm::PAGE_SIZE;
use crate::mm::frame::Frame;
use crate::sched::{leftovers, preempt};
use crate::vfs::change;
use crate::vfs::inode::FileOps;
use crate::vfs::io::{In, Out};
use crate::vm::mappers::{self, Mappers};
use crate::vm::vma::PageSource;

impl Node {
    /// Sets the size in bytes.
    pub(super) fn set_size(&self, size: u64) -> Result<(), Errno> {
        let Content::File(data) = &self.content else {
            return Err(Errno::EINVAL);
        };
        let _turn = self.turn.lock();
        let old_size = data.lock().size();
        let sealed = if size < old_size {
            F_SEAL_SHRINK
        } else {
            F_SEAL_GROW
        };
        if size != old_size {
            self.check_seals(sealed)?;
        }
        let cut = data.lock().resize(size)?;
        self.unmap(size.div_ceil(PAGE_SIZE), old_size.div_ceil(PAGE_SIZE));
        leftovers::drop_pages(cut);
        self.touch();
        Ok(())
    }

    /// Allocates a range or punches a hole, see `Inode::allocate`.
    pub(super) fn make_room(
        &self,
        start: u64,
        end: u64,
        keep_size: bool,
        punch: bool,
    ) -> Result<(), Errno> {
        let Content::File(data) = &self.content else {
            return Err(Errno::EOPNOTSUPP);
        };
        let _turn = self.turn.lock();
        if punch {
            self.check_seals(F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)?;
            let mut at = start;
            loop {
                let part = data.lock().part_of_hole(at, end);
                let Some(part) = part else { break };
                // Before the pages are freed: mappings drop the file's own pages and keep private
                // copies.
                let from = part.start.div_ceil(PAGE_SIZE);
                let pages = |end: u64| from..from.max(end / PAGE_SIZE);
                let first = pages(part.end);
                let is_used = || data.lock().are_used(first.clone());
                mappers::drop_shared_pages(self, pages(end), first.clone(), is_used);
                data.lock().punch(part.start, part.end);
                at = part.end;
                preempt::point();
            }
            self.touch();
            return Ok(());
        }
        let grows = !keep_size && end > data.lock().size();
        if grows {
            self.check_seals(F_SEAL_GROW)?;
        }
        data::reserve(data, start, end)?;
        let mut data = data.lock();
        if !keep_size && end > data.size() {
            // The file grows: nothing is cut off.
            data.resize(end).map(drop)?;
        }
        drop(data);
        self.touch();
        Ok(())
    }
}

impl PageSource for Node {
    fn page(&self, index: u64) -> Result<Frame, Errno> {
        match &self.content {
            Content::File(data) => data.lock().page_for_mapping(index),
            _ => Err(Errno::ENXIO),
        }
    }

    fn remove(&self, range: Range<u64>, who: &Credentials) -> Result<Range<u64>, Errno> {
        self.make_room(range.start, range.end, true, true)?;
        change::drop_set_ids(self, who);
        Ok(range.end..range.end)
    }

    fn in_memory(&self, first: u64, count: u64, f: &mut dyn FnMut(u64, &Frame)) {
        if let Content::File(data) = &self.content {
            data.lock().pages_in(first..first + count, f);
        }
    }

    fn mappers(&self) -> &Mappers {
        &self.mappers
    }

    fn file_id(&self) -> (u64, u64) {
        (self.space.device.encode().into(), self.ino)
    }
}

impl FileOps for Node {
    /// A file without names is freed with its last descriptor.
    fn kept_bytes(&self) -> usize {
        let (Content::File(data), 0) = (&self.content, self.links()) else {
            return 0;
        };
        let pages = data.try_lock().map_or(0, |data| data.pages());
        pages as usize * PAGE_SIZE as usize
    }

    fn read(&self, offset: u64, out: &mut dyn Out, _nonblocking: bool) -> Result<(), Errno> {
        match &self.content {
            Content::File(data) => data::read(data, offset, out),
            Content::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    fn write(&self, offset: u64, from: &mut dyn In, _nonblocking: bool) -> Result<(), Errno> {
        let Content::File(data) = &self.content else {
            return Err(Errno::EINVAL);
        };
        self.check_seals(F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)?;
        if offset + from.left() as u64 > data.lock().size() {
            self.check_seals(F_SEAL_GROW)?;
        }
        let result = data::write(data, offset, from);
        if from.done() > 0 {
            self.touch();
        }
        result
    }
}
