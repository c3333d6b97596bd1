//! Where there is room for a new area.

use super::address_space::AddressSpace;
use super::{layout, page_up};
use crate::syscall::errno::Errno;

impl AddressSpace {
    /// Room for `len` bytes: at the hint, else the highest gap below `mmap_base`, else the
    /// lowest above it.
    pub(super) fn place(&mut self, hint: u64, len: u64) -> Result<u64, Errno> {
        if len > self.task_size {
            return Err(Errno::ENOMEM);
        }
        let hint = page_up(hint).unwrap_or(0);
        if hint >= layout::MMAP_MIN
            && hint <= self.task_size - len
            && self.overlapping(hint, hint + len).next().is_none()
        {
            return Ok(hint);
        }
        for from in [self.search_from, self.mmap_base] {
            if let Some(start) = self.gap_below(from, len) {
                self.search_from = start + len;
                return Ok(start);
            }
        }
        let mut start = self.mmap_base;
        for area in self.overlapping(self.mmap_base, self.task_size) {
            if area.start >= start && area.start - start >= len {
                return Ok(start);
            }
            start = start.max(area.end);
        }
        if self.task_size.saturating_sub(start) >= len {
            Ok(start)
        } else {
            Err(Errno::ENOMEM)
        }
    }

    /// The same from `from` up to `to` only, at the hint if it lies there.
    pub(super) fn place_within(
        &self,
        hint: u64,
        len: u64,
        from: u64,
        to: u64,
    ) -> Result<u64, Errno> {
        let hint = page_up(hint).unwrap_or(0);
        if hint >= layout::MMAP_MIN
            && hint.checked_add(len).is_some_and(|end| end <= to)
            && self.overlapping(hint, hint + len).next().is_none()
        {
            return Ok(hint);
        }
        self.gap_below(to, len)
            .filter(|start| *start >= from)
            .ok_or(Errno::ENOMEM)
    }

    fn gap_below(&self, from: u64, len: u64) -> Option<u64> {
        let mut top = from;
        for (_, area) in self.areas.range(..from).rev() {
            if area.end <= top && top - area.end >= len {
                return Some(top - len);
            }
            top = top.min(area.start);
        }
        (top >= len && top - len >= layout::MMAP_MIN).then(|| top - len)
    }
}
